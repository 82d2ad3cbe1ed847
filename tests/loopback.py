"""A loopback server for the length of a `with`: on a free port, in a thread of its own."""

import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from tests.patience import end, wait_for_port


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps connections open, sends at once, and says nothing on the terminal."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        lines = {"content-type": "application/json", "content-length": str(len(content)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.wfile.write(f"HTTP/1.1 {status} Status\r\n{head}\r\n".encode() + content)
        self.wfile.flush()

    def received(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def log_message(self, *_: object) -> None:
        pass


class Loopback:
    """A server with a handler, at `address`."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class ServerProcess:
    """A server in a process of its own, which writes to a log and ends with the `with`."""

    def __init__(
        self,
        command: list[str | Path],
        *,
        port: int,
        log: Path,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.port = port
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            command, env=environment, cwd=log.parent, stdout=self._log, stderr=self._log
        )

    def __enter__(self) -> Self:
        try:
            wait_for_port(self.port, self._process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)
        self._log.close()
