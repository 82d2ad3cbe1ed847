"""Reddit archives: `RC*` and `RS*` files of one JSON object a line, plain, `.gz` or `.zst`."""

from typing import Self

from market_opinion.sources import SourceContext
from market_opinion.sources.files import FileDescription, Files, needed
from market_opinion.sources.reddit.profile import KINDS, PLATFORM, RedditProfile

_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".zst", ".gz")
_KINDS = {"RC": FileDescription("comment"), "RS": FileDescription("submission")}


class Archive(Files):
    """A folder or file of a Reddit archive."""

    vouches = True
    platform, kinds = PLATFORM, KINDS
    markup = RedditProfile.markup
    reads, access = "Reddit dumps: `RC*` and `RS*` files", "dumps that you have"

    def __init__(
        self, uri: str, *, platform: str = PLATFORM, capture_path: str = "archive"
    ) -> None:
        """Find the archive's files; raises SourceUnreadable if there are none."""
        expected = f"files named RC* or RS* ending in {', '.join(_SUFFIXES[:3])}"
        super().__init__(
            uri,
            platform=platform,
            capture_path=capture_path,
            formats=(PLATFORM, RedditProfile.line_formats),
            description_of=_description,
            expected=expected,
        )

    @classmethod
    def open(cls, context: SourceContext) -> Self:
        """Return the archive at the address that the run was given."""
        files = needed(context.files, "archive", "RC* and RS* files")
        return cls(files).limited_by(context.settings)


def _description(name: str) -> FileDescription | None:
    return _KINDS.get(name[:2].upper()) if name.lower().endswith(_SUFFIXES) else None
