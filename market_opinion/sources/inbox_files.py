"""The inbox: a folder whose files are read once each, and the outcome of every file.

Outcomes are records in the landing zone; nothing is written into the inbox itself, which belongs to
those who put files there. An outcome is written twice, under the file's path and under the hash of
its content, so that neither look-up has to read all records.
"""

import hashlib
import re
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import msgspec

from market_opinion.core import aws
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.visible import visible
from market_opinion.domain.definition import Domain
from market_opinion.sources.files import modified_at
from market_opinion.storage.file_system import open_place
from market_opinion.storage.landing.zone import Landing

_FILES, _CONTENTS = "_inbox/files", "_inbox/contents"
_CHUNK_BYTES = 1_048_576
_READ, _ENDED = {"landed", "processed", "partly"}, {"processed", "partly", "duplicate", "refused"}
_HIDDEN = re.compile(r"(^|/)\.")
# Endings that programs give to a file while they still write it.
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", "~")
# `landed`: the run stopped before the file's lines were in the mart, and the next run goes on.
# `waiting`: the file could not be read for now; it has no record, and the next run tries again.
State = Literal["waiting", "landed", "processed", "partly", "duplicate", "refused"]


class InboxRoute(NamedTuple):
    """Way to read the files of a folder: for a domain, by a source and its mapping.

    `key` is a hash of all of it: after a mapping is corrected, the key is another, and the files
    are read again.
    """

    domain: str
    source: str
    mapping: str | None
    key: str


class Arrival(NamedTuple):
    """A file of the inbox, by its path below the inbox.

    `route` is None if the folder does not say how its files are read; `problem` says why.
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
        # fsspec takes brackets and stars in names for patterns.
        key = self.route.key if self.route else "none"
        return f"{_FILES}/{quote(self.path, safe='/ ')}/{version}-{key}.json"


class Outcome(msgspec.Struct, frozen=True):
    """Outcome of a file: `counts` of lines landed and refused, and `detail` as the reason."""

    path: str
    sha256: str
    state: State
    detail: str
    decided_at: datetime
    counts: dict[str, int] = {}

    def __str__(self) -> str:
        """Return the outcome as an operator reads it."""
        lines = f", {self.counts['landed_line_count']:,} lines" if self.counts else ""
        reason = f": {self.detail}" if self.detail else ""
        return visible(f"{self.path}: {self.state}{lines}{reason}")


class Inbox:
    """A folder at any fsspec URI, with its records in the landing zone."""

    def __init__(self, uri: str, landing: Landing, *, settle: timedelta) -> None:
        """Use the folder; a file on a disk waits until it has not changed for `settle`."""
        self._fs, root = open_place(uri)
        self._root = root.rstrip("/")
        self._landing = landing
        # An object of an object store appears whole, so there is no need to wait.
        self._settle = settle if "file" in self._fs.protocol else timedelta(0)

    def files(self) -> dict[str, dict[str, Any]]:
        """Return the files by their paths below the inbox, in alphabetical order.

        Hidden files, and files with the ending of an unfinished one, are left out.
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
        """Return the files that have no outcome in their present state.

        `route_of_folder` returns the route of a folder's files, or raises InvalidRequest.
        """
        records = frozenset(self._landing.files_below(_FILES))
        by_folder: dict[str, tuple[InboxRoute | None, str]] = {}
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
        """Return whether the file has not changed for so long that it is taken for complete."""
        return now - arrival.modified_at >= self._settle

    def sha256(self, arrival: Arrival) -> str:
        """Return the hash of the file's content."""
        digest = hashlib.sha256()
        with self._fs.open(f"{self._root}/{arrival.path}", "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
        return digest.hexdigest()

    def read_before(self, arrival: Arrival, sha256: str) -> Outcome | None:
        """Return the outcome of this content by this route, also from a file of another name.

        None if the content was not read yet.
        """
        try:
            return msgspec.json.decode(
                self._landing.read_file(_content(arrival, sha256)), type=Outcome
            )
        except FileNotFoundError:
            return None

    def forget(self, arrival: Arrival, sha256: str) -> None:
        """Remove the outcomes of the file by any route, so that it is read by its present one."""
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
        """Return all outcomes, oldest first; a file that changed has one for each of its states."""
        records = [
            msgspec.json.decode(raw, type=Outcome) for raw in self._landing.read_below(_FILES)
        ]
        return sorted(records, key=lambda record: (record.decided_at, record.path))

    def put(self, arrival: Arrival, outcome: Outcome) -> None:
        """Write the outcome of a file; of a file that is only `landed`, by its content alone."""
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
    """Return the route of the files in a folder `[DOMAIN/]KIND`.

    KIND is `archive`, `reviews` or a mapping: files in `phones/survey` are read for the domain
    `phones` by its section `[files.survey]`. Raises InvalidRequest with the folders that are
    allowed.
    """
    folders = list(PurePosixPath(folder).parts)
    domain_folder = folders.pop(0) if folders and folders[0] in known else ""
    routed_domain = load(domain_folder or domain)
    names = ["archive", "reviews", *routed_domain.files]
    if not folders or folders[0] not in names:
        message = (
            f"{f'the folder {folder}' if folder else 'the inbox itself'} does not say how its"
            f" files are read: domain {routed_domain.name} has the folders {', '.join(names)}"
        )
        raise InvalidRequest(message)
    mapping = routed_domain.files.get(folders[0])
    instructions = f"{domain_folder} {folders[0]} {mapping.model_dump_json() if mapping else ''}"
    key = hashlib.sha256(instructions.encode()).hexdigest()[:8]
    return InboxRoute(
        routed_domain.name, "file" if mapping else folders[0], folders[0] if mapping else None, key
    )


class Queue:
    """Queue of SQS whose messages wake a watching flow; the files are listed in the inbox."""

    def __init__(self, url: str) -> None:
        """Receive from the queue at this address."""
        self._client = aws.client("sqs")
        self._url = url

    def wait(self, seconds: int) -> bool:
        """Wait for messages, at most 20 seconds, and delete them; return whether any came."""
        answer = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=min(max(seconds, 0), 20)
        )
        for message in answer.get("Messages", ()):
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return bool(answer.get("Messages"))
