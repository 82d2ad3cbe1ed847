"""Reddit archives: `RC*` and `RS*` files of one JSON object a line, plain, `.gz` or `.zst`."""

from typing import Self

from market_opinion.domain.definition import Domain
from market_opinion.sources import SourceContext
from market_opinion.sources.files import Files, Reading, needed

PLATFORM = "reddit"
_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".zst", ".gz")
_KINDS = {"RC": Reading("comment"), "RS": Reading("submission")}


class Archive(Files):
    """A folder or file of a Reddit archive."""

    vouches = True
    kinds = ("submission", "comment")
    access = "dumps that you have"

    def __init__(
        self, uri: str, *, platform: str = PLATFORM, capture_path: str = "archive"
    ) -> None:
        """Find the archive's files; raises SourceUnreadable when there is none."""
        expected = f"files named RC* or RS* ending in {', '.join(_SUFFIXES[:3])}"
        super().__init__(
            uri,
            platform=platform,
            capture_path=capture_path,
            forms="reddit",
            reading=_reading,
            expected=expected,
        )

    @classmethod
    def open(cls, opening: SourceContext) -> Self:
        """The archive that was named."""
        return cls(needed(opening.files, "archive", "RC* and RS* files"))

    @classmethod
    def platform_of(cls, _domain: Domain, _mapping: str | None) -> str:
        """Always Reddit."""
        return PLATFORM


def _reading(name: str) -> Reading | None:
    return _KINDS.get(name[:2].upper()) if name.endswith(_SUFFIXES) else None
