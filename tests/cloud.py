"""An AWS emulator for the length of a `with`: its own environment, a free port on loopback."""

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest

from tests.conftest import REPOSITORY

COMMAND = REPOSITORY / ".venv" / "aws-server" / "bin" / "ministack"
needs_aws = pytest.mark.skipif(not COMMAND.exists(), reason=f"no AWS emulator at {COMMAND}: run make .venv/dev")
REGION, ACCOUNT = "eu-central-1", "123456789012"


class Cloud:
    """The emulator; an account of 12 digits as access key sees nothing of other accounts."""

    def __init__(self, log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._log = log.open("wb")
        settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "MINISTACK_ACCOUNT_ID": ACCOUNT, "MINISTACK_REGION": REGION}
        self._process = subprocess.Popen([COMMAND], env={**os.environ, **settings}, stdout=self._log, stderr=self._log, cwd=log.parent)

    def __enter__(self) -> Self:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.1)
        self.__exit__()
        message = f"the AWS emulator did not start: see {self._log.name}"
        raise RuntimeError(message)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        self._log.close()

    def environment(self, account: str) -> dict[str, str]:
        """The variables that lead AWS's own clients to an account here."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
