"""An AWS emulator for the length of a `with`: its own environment, a free port on loopback."""

import os
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.loopback import ServerProcess, free_port

COMMAND = REPOSITORY / ".venv" / "aws-server" / "bin" / "ministack"
needs_aws = pytest.mark.skipif(
    not COMMAND.exists(), reason=f"no AWS emulator at {COMMAND}: run make .venv/dev"
)
REGION, ACCOUNT = "eu-central-1", "123456789012"


class Cloud(ServerProcess):
    """The emulator; an account of 12 digits as access key sees nothing of other accounts."""

    def __init__(self, log: Path) -> None:
        port = free_port()
        settings = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
        }
        super().__init__([COMMAND], port=port, log=log, environment={**os.environ, **settings})

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
