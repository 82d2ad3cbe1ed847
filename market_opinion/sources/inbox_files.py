"""The inbox: a folder whose files are read once each, and the outcome of every file.

Outcomes are kept in the landing zone, so that nothing is written beside the files that others put
there. There is one record for each file and one for each content, so that neither look-up has to
read all of them.
"""

import hashlib
import re
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import fsspec
import msgspec

from market_opinion.core import aws
from market_opinion.core.errors import InvalidRequest
from market_opinion.domain.definition import Domain
from market_opinion.sources.files import modified_at
from market_opinion.storage.landing.zone import Landing

_FILES, _CONTENTS = "_inbox/files", "_inbox/contents"
_CHUNK_BYTES = 1_048_576
_READ, _ENDED = {"landed", "processed", "partly"}, {"processed", "partly", "duplicate", "refused"}
_HIDDEN = re.compile(r"(^|/)\.")
# What programs call a file while they still write it.
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", "~")
# The run of a `landed` file ended before its lines were in the mart: it is taken up again. A
# `waiting` file could not be read just now: nothing is kept of it, and the next run tries again.
State = Literal["waiting", "landed", "processed", "partly", "duplicate", "refused"]


class InboxRoute(NamedTuple):
    """Reading instructions of a folder: the domain, and the source and mapping that read it.

    Files of one `key` are read alike; a corrected mapping has another key.
    """

    domain: str
    source: str
    mapping: str | None
    key: str


class Arrival(NamedTuple):
    """A file of the inbox, by its path below it.

    It has no route where its folder is none that can be read; `problem` says why.
    """

    path: str
    uri: str
    size: int
    modified_at: datetime
    route: InboxRoute | None
    problem: str

    @property
    def record(self) -> str:
        """Path of the file's outcome, for its present state and its present route."""
        version = hashlib.sha256(
            f"{self.size} {self.modified_at.isoformat()}".encode()
        ).hexdigest()[:8]
        # Brackets and stars in names are patterns to fsspec.
        key = self.route.key if self.route else "none"
        return f"{_FILES}/{quote(self.path, safe='/ ')}/{version}-{key}.json"


class Outcome(msgspec.Struct, frozen=True):
    """Outcome of a file: `counts` are lines landed and lines refused, `detail` is the reason."""

    path: str
    sha256: str
    state: State
    detail: str
    decided_at: datetime
    counts: dict[str, int] = {}

    def __str__(self) -> str:
        """Return the outcome as an operator reads it."""
        lines = f", {self.counts['landed_line_count']:,} lines" if self.counts else ""
        return f"{self.path}: {self.state}{lines}{': ' if self.detail else ''}{self.detail}"


class Inbox:
    """A folder at any fsspec URI; its records lie in the landing zone."""

    def __init__(self, uri: str, landing: Landing, *, settle: timedelta) -> None:
        """Use the folder; a file on a disk waits until it has not changed for `settle`."""
        self._fs, root = fsspec.url_to_fs(uri)
        self._root = root.rstrip("/")
        self._landing = landing
        # Objects of a store appear whole.
        self._settle = settle if "file" in self._fs.protocol else timedelta(0)

    def files(self) -> dict[str, dict[str, Any]]:
        """Return the files by their paths below the inbox, in alphabetical order.

        Hidden files, and those that call themselves unfinished, are left out.
        """
        listing = self._fs.find(self._root, detail=True) if self._fs.exists(self._root) else {}
        by_path = {
            name.removeprefix(self._root + "/"): info
            for name, info in sorted(listing.items())
            if info["type"] == "file"
        }
        return {
            path: info
            for path, info in by_path.items()
            if not path.endswith(_UNFINISHED) and not _HIDDEN.search(path)
        }

    def arrivals(self, route_of_folder: Callable[[str], InboxRoute]) -> list[Arrival]:
        """Return the files whose present state has no outcome yet.

        `route_of_folder` returns how files of a folder are read, or raises InvalidRequest.
        """
        records, by_folder = (
            frozenset(self._landing.files_below(_FILES)),
            dict[str, tuple[InboxRoute | None, str]](),
        )
        arrivals = []
        for path, info in self.files().items():
            folder = path.rpartition("/")[0]
            route, problem = by_folder.get(folder) or by_folder.setdefault(
                folder, _route(route_of_folder, folder)
            )
            arrivals.append(
                Arrival(
                    path,
                    self._fs.unstrip_protocol(info["name"]),
                    info["size"],
                    modified_at(info),
                    route,
                    problem,
                )
            )
        return [arrival for arrival in arrivals if arrival.record not in records]

    def is_settled(self, arrival: Arrival, now: datetime) -> bool:
        """Return whether the file seems to be written to its end."""
        return now - arrival.modified_at >= self._settle

    def sha256(self, arrival: Arrival) -> str:
        """Return the hash of the file's content."""
        digest = hashlib.sha256()
        with self._fs.open(f"{self._root}/{arrival.path}", "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
        return digest.hexdigest()

    def read_before(self, arrival: Arrival, sha256: str) -> Outcome | None:
        """Return the outcome of the same content by the same route, in whatever file it came."""
        try:
            return msgspec.json.decode(
                self._landing.read_file(_content(arrival, sha256)), type=Outcome
            )
        except FileNotFoundError:
            return None

    def forget(self, arrival: Arrival, sha256: str) -> None:
        """Remove the outcomes of the file by other routes, before it is read by this one."""
        for path in self._landing.files_below(f"{_CONTENTS}/{sha256}"):
            if (
                msgspec.json.decode(self._landing.read_file(path), type=Outcome).path
                == arrival.path
            ):
                self._landing.remove(path)
        for path in self._landing.files_below(arrival.record.rpartition("/")[0]):
            if path.rpartition("-")[0] == arrival.record.rpartition("-")[0]:
                self._landing.remove(path)

    def outcomes(self) -> list[Outcome]:
        """Return all outcomes, oldest first; a file that changed has one for each time."""
        records = [
            msgspec.json.decode(raw, type=Outcome) for raw in self._landing.read_below(_FILES)
        ]
        return sorted(records, key=lambda record: (record.decided_at, record.path))

    def put(self, arrival: Arrival, outcome: Outcome) -> None:
        """Keep the outcome of a file; one whose lines are only `landed` is kept by content."""
        raw = msgspec.json.format(msgspec.json.encode(outcome))
        if outcome.state in _READ:
            self._landing.write(_content(arrival, outcome.sha256), raw)
        if outcome.state in _ENDED:
            self._landing.write(arrival.record, raw)


def _route(
    route_of_folder: Callable[[str], InboxRoute], folder: str
) -> tuple[InboxRoute | None, str]:
    try:
        return route_of_folder(folder), ""
    except InvalidRequest as error:
        return None, str(error)


def _content(arrival: Arrival, sha256: str) -> str:
    return f"{_CONTENTS}/{sha256}/{arrival.route.key if arrival.route else 'none'}.json"


def route_of(
    folder: str, domain: str, load: Callable[[str], Domain], known: Collection[str]
) -> InboxRoute:
    """Return how files of a folder `[DOMAIN/]KIND` are read.

    Raises InvalidRequest that names the folders there may be.
    """
    folders = list(PurePosixPath(folder).parts)
    domain_folder = folders.pop(0) if folders and folders[0] in known else ""
    routed_domain = load(domain_folder or domain)
    names = ["archive", "reviews", *routed_domain.files]
    if not folders or folders[0] not in names:
        message = (
            f"its folder does not say how it is read: for domain {routed_domain.name} there may be"
            f" {', '.join(names)}"
        )
        raise InvalidRequest(message)
    mapping = routed_domain.files.get(folders[0])
    instructions = f"{domain_folder} {folders[0]} {mapping.model_dump_json() if mapping else ''}"
    key = hashlib.sha256(instructions.encode()).hexdigest()[:8]
    return InboxRoute(
        routed_domain.name, "file" if mapping else folders[0], folders[0] if mapping else None, key
    )


class Queue:
    """Messages of arrivals in SQS, which wake a watching flow; the inbox itself shows the files."""

    def __init__(self, url: str) -> None:
        """Receive from this queue."""
        self._client = aws.client("sqs")
        self._url = url

    def wait(self, seconds: int) -> bool:
        """Return whether a message came within at most 20 seconds; it leaves the queue."""
        answer = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=min(max(seconds, 0), 20)
        )
        for message in answer.get("Messages", ()):
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return bool(answer.get("Messages"))
