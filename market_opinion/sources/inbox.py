"""The inbox: a folder whose files are read once each, and what became of every one of them.

That is kept in the landing zone, so that nothing is ever written beside what others put there: one record a file as it was, and one a
content, so that neither question takes reading all of them.
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
# `landed` is one whose run ended before its lines were in the mart: it is taken up again.
# `waiting` is one that could not be read just now: nothing is kept of it, and the next run tries again.
State = Literal["waiting", "landed", "processed", "partly", "duplicate", "refused"]


class InboxRoute(NamedTuple):
    """What a file's folder says of it: for which domain, and by which source and mapping it is read.

    Files of one `key` are read alike; it is another once the mapping was corrected.
    """

    domain: str
    source: str
    mapping: str | None
    key: str


class Arrival(NamedTuple):
    """A file of the inbox, by its path below it; without a door where its folder does not say what it is, which `problem` tells."""

    path: str
    uri: str
    size: int
    modified_at: datetime
    door: InboxRoute | None
    problem: str

    @property
    def record(self) -> str:
        """Where it is kept what became of it, as it is now and is read now."""
        told = hashlib.sha256(f"{self.size} {self.modified_at.isoformat()}".encode()).hexdigest()[
            :8
        ]
        # Brackets and stars in names are patterns to fsspec.
        return f"{_FILES}/{quote(self.path, safe='/ ')}/{told}-{self.door.key if self.door else 'none'}.json"


class Outcome(msgspec.Struct, frozen=True):
    """What became of a file: `counts` are lines landed and lines refused, `detail` says why, where there is a why."""

    path: str
    sha256: str
    state: State
    detail: str
    decided_at: datetime
    counts: dict[str, int] = {}

    def __str__(self) -> str:
        """As an operator reads it."""
        lines = f", {self.counts['landed_line_count']:,} lines" if self.counts else ""
        return f"{self.path}: {self.state}{lines}{': ' if self.detail else ''}{self.detail}"


class Inbox:
    """A folder at any fsspec URI; records lie in the landing zone."""

    def __init__(self, uri: str, landing: Landing, *, settle: timedelta) -> None:
        """Look there; a file on a disk is left alone until it has not changed for `settle`."""
        self._fs, root = fsspec.url_to_fs(uri)
        self._root = root.rstrip("/")
        self._landing = landing
        # Objects of a store appear whole.
        self._settle = settle if "file" in self._fs.protocol else timedelta(0)

    def files(self) -> dict[str, dict[str, Any]]:
        """What lies there by its path below the inbox, in alphabetical order; nothing that is hidden or calls itself unfinished."""
        found = self._fs.find(self._root, detail=True) if self._fs.exists(self._root) else {}
        named = {
            name.removeprefix(self._root + "/"): info
            for name, info in sorted(found.items())
            if info["type"] == "file"
        }
        return {
            path: info
            for path, info in named.items()
            if not path.endswith(_UNFINISHED) and not _HIDDEN.search(path)
        }

    def arrivals(self, doors: Callable[[str], InboxRoute]) -> list[Arrival]:
        """The files of which nothing is known as they are now; `doors` says how those of a folder are read, or raises InvalidRequest."""
        known, told = (
            frozenset(self._landing.files_below(_FILES)),
            dict[str, tuple[InboxRoute | None, str]](),
        )
        arrivals = []
        for path, info in self.files().items():
            folder = path.rpartition("/")[0]
            door, problem = told.get(folder) or told.setdefault(folder, _opened(doors, folder))
            arrivals.append(
                Arrival(
                    path,
                    self._fs.unstrip_protocol(info["name"]),
                    info["size"],
                    modified_at(info),
                    door,
                    problem,
                )
            )
        return [arrival for arrival in arrivals if arrival.record not in known]

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

    def read_before(self, arrival: Arrival, sha256: str) -> Outcome | None:
        """What became of this content, whatever file it came in, when it was landed by the same door."""
        try:
            return msgspec.json.decode(
                self._landing.read_file(_content(arrival, sha256)), type=Outcome
            )
        except FileNotFoundError:
            return None

    def forget(self, arrival: Arrival, sha256: str) -> None:
        """Know nothing any more of what became of this file by other doors, since it is about to be read by this one."""
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
        """What became of every file, oldest first; files that changed once for each time."""
        records = [
            msgspec.json.decode(raw, type=Outcome) for raw in self._landing.read_below(_FILES)
        ]
        return sorted(records, key=lambda record: (record.decided_at, record.path))

    def put(self, arrival: Arrival, outcome: Outcome) -> None:
        """Keep what became of a file; of one whose lines are `landed` only its content is known until more is."""
        raw = msgspec.json.format(msgspec.json.encode(outcome))
        if outcome.state in _READ:
            self._landing.write(_content(arrival, outcome.sha256), raw)
        if outcome.state in _ENDED:
            self._landing.write(arrival.record, raw)


def _opened(doors: Callable[[str], InboxRoute], folder: str) -> tuple[InboxRoute | None, str]:
    try:
        return doors(folder), ""
    except InvalidRequest as error:
        return None, str(error)


def _content(arrival: Arrival, sha256: str) -> str:
    return f"{_CONTENTS}/{sha256}/{arrival.door.key if arrival.door else 'none'}.json"


def door_of(
    folder: str, domain: str, load: Callable[[str], Domain], known: Collection[str]
) -> InboxRoute:
    """How files of a folder `[DOMAIN/]KIND` are read; raises InvalidRequest naming the folders there may be."""
    folders = list(PurePosixPath(folder).parts)
    named = folders.pop(0) if folders and folders[0] in known else ""
    found = load(named or domain)
    there_may_be = ["archive", "reviews", *found.files]
    if not folders or folders[0] not in there_may_be:
        message = f"its folder does not say what it is: for domain {found.name} there may be {', '.join(there_may_be)}"
        raise InvalidRequest(message)
    mapping = found.files.get(folders[0])
    told = f"{named} {folders[0]} {mapping.model_dump_json() if mapping else ''}"
    key = hashlib.sha256(told.encode()).hexdigest()[:8]
    return InboxRoute(
        found.name, "file" if mapping else folders[0], folders[0] if mapping else None, key
    )


class Queue:
    """Messages of arrivals in SQS, which wake whoever watches: what has come is seen in the inbox itself."""

    def __init__(self, url: str) -> None:
        """Receive from this queue."""
        self._client = aws.client("sqs")
        self._url = url

    def wait(self, seconds: int) -> bool:
        """Whether a message came within so many seconds, at most 20; it is taken out of the queue."""
        found = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=min(max(seconds, 0), 20)
        )
        for message in found.get("Messages", ()):
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return bool(found.get("Messages"))
