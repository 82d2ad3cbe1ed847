"""The inbox: a folder whose files are read once each, and what became of every one of them.

That is kept in the landing zone, one record a file and content, so that nothing is ever written beside what others put there.
"""

import hashlib
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

import fsspec
import msgspec

from market_opinion.domain import Domain
from market_opinion.errors import InvalidRequest
from market_opinion.landing import Landing
from market_opinion.sources.files import modified_at

_RECORDS = "_inbox"
_CHUNK_BYTES = 1_048_576
# What programs call a file while they still write it.
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", "~")
State = Literal["processed", "partly", "duplicate", "refused"]


class Arrival(NamedTuple):
    """A file of the inbox, by its path below it."""

    path: str
    uri: str
    size: int
    modified_at: datetime


class Outcome(msgspec.Struct, frozen=True):
    """What became of one content of a file: `counts` are lines landed and lines refused, `detail` says why, where there is a why."""

    path: str
    size: int
    modified_at: datetime
    sha256: str
    state: State
    detail: str
    decided_at: datetime
    counts: dict[str, int] = {}

    def is_of(self, arrival: Arrival) -> bool:
        """Whether it is about this file as it lies there now."""
        return (self.path, self.size, self.modified_at) == arrival[:1] + arrival[2:]


class Door(NamedTuple):
    """What a file's folder says of it: for which domain, and by which source and mapping it is read."""

    domain: str
    source: str
    mapping: str | None


class Inbox:
    """A folder at any fsspec URI; records lie in the landing zone."""

    def __init__(self, uri: str, landing: Landing, *, settle: timedelta) -> None:
        """Look there; a file on a disk is left alone until it has not changed for `settle`."""
        self._fs, root = fsspec.url_to_fs(uri)
        self._root = root.rstrip("/")
        self._landing = landing
        # Objects of a store appear whole.
        self._settle = settle if "file" in self._fs.protocol else timedelta(0)

    def arrivals(self) -> list[Arrival]:
        """Every file that is not hidden and does not call itself unfinished, in alphabetical order."""
        found = self._fs.find(self._root, detail=True) if self._fs.exists(self._root) else {}
        named = [(name.removeprefix(self._root + "/"), info) for name, info in sorted(found.items())]
        return [
            Arrival(path, self._fs.unstrip_protocol(info["name"]), info["size"], modified_at(info))
            for path, info in named
            if info["type"] == "file" and not path.endswith(_UNFINISHED) and not any(part.startswith(".") for part in path.split("/"))
        ]

    def is_settled(self, arrival: Arrival, now: datetime) -> bool:
        """Whether nobody seems to write it any more."""
        return now - arrival.modified_at >= self._settle

    def sha256(self, arrival: Arrival) -> str:
        """Hash of what the file holds."""
        digest = hashlib.sha256()
        with self._fs.open(f"{self._root}/{arrival.path}", "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
        return digest.hexdigest()

    def outcomes(self) -> list[Outcome]:
        """All records, oldest first."""
        paths = [path for path in self._landing.files_below(_RECORDS) if path.endswith(".json")]
        records = [msgspec.json.decode(self._landing.read_file(path), type=Outcome) for path in paths]
        return sorted(records, key=lambda record: (record.decided_at, record.path))

    def put(self, outcome: Outcome) -> None:
        """Keep what became of a file, in place of an earlier record of the same content."""
        self._landing.write(f"{_RECORDS}/{outcome.path}@{outcome.sha256[:12]}.json", msgspec.json.format(msgspec.json.encode(outcome)))


def door_of(path: str, domain: str, load: Callable[[str], Domain], known: Collection[str]) -> Door:
    """How a file at `[DOMAIN/]FOLDER/NAME` is read; raises InvalidRequest naming the folders there may be."""
    *folders, _ = PurePosixPath(path).parts
    found = load(folders.pop(0) if folders and folders[0] in known else domain)
    there_may_be = ["archive", "reviews", *found.files]
    if not folders or folders[0] not in there_may_be:
        message = f"its folder does not say what it is: for domain {found.name} there may be {', '.join(there_may_be)}"
        raise InvalidRequest(message)
    return Door(found.name, "file", folders[0]) if folders[0] in found.files else Door(found.name, folders[0], None)


class Queue:
    """Messages of arrivals in SQS, which wake whoever watches: what has come is seen in the inbox itself."""

    def __init__(self, url: str) -> None:
        """Receive from this queue."""
        import boto3  # takes a while, and only a queue needs it

        self._client: Any = boto3.client("sqs")
        self._url = url

    def wait(self, seconds: int) -> bool:
        """Whether a message came within so many seconds, at most 20; it is taken out of the queue."""
        found = self._client.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=min(max(seconds, 0), 20))
        for message in found.get("Messages", ()):
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return bool(found.get("Messages"))
