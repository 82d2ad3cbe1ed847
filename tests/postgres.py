"""A real PostgreSQL for the length of a `with`: its own folder, a free port on loopback."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import pytest

from tests.loopback import free_port
from tests.patience import end, wait_for

_FOUND = [
    *sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True),
    *map(Path, filter(None, [shutil.which("postgres")])),
]
needs_postgres = pytest.mark.skipif(
    not _FOUND, reason="no PostgreSQL server here: install Debian's package postgresql"
)


class Postgres:
    """The server; user postgres needs no password."""

    def __init__(self) -> None:
        # PostgreSQL refuses to run as root, and its user cannot look into a root's folders.
        self._user = {"user": "postgres"} if os.geteuid() == 0 else {}
        self._folder = Path(tempfile.mkdtemp(prefix="market-opinion-pg-"))
        self._folder.chmod(0o755)
        if self._user:
            shutil.chown(self._folder, "postgres")
        self.port = free_port()
        self.uri = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._run(
            "initdb", "-D", "data", "-A", "trust", "-U", "postgres", "--no-sync", "--locale=C.UTF-8"
        )
        options = [
            "-D",
            "data",
            "-p",
            str(self.port),
            "-k",
            str(self._folder),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "fsync=off",
        ]
        self._process = subprocess.Popen(
            [_FOUND[0], *options], cwd=self._folder, stderr=subprocess.DEVNULL, **self._user
        )

    def _run(self, name: str, *options: str) -> None:
        subprocess.run(
            [_FOUND[0].with_name(name), *options],
            cwd=self._folder,
            check=True,
            stdout=subprocess.DEVNULL,
            **self._user,
        )

    def __enter__(self) -> Self:
        command = [_FOUND[0].with_name("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        try:
            wait_for(lambda: subprocess.run(command, check=False).returncode == 0, pause=0.1)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process, signal.SIGINT)  # ends open sessions
        shutil.rmtree(self._folder)
