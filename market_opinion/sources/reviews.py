"""Amazon reviews in the forms research publishes them in: the columns of 2014 and 2018, and those of 2023."""

import re
from typing import Self

from market_opinion.domain.definition import Domain
from market_opinion.sources import SourceContext
from market_opinion.sources.files import Files, Reading, needed
from market_opinion.sources.lines import ENDINGS, ending_of, stem_of

PLATFORM = "amazon"
# `Video_Games_5.json.gz` holds those who wrote five or more.
_CORE = re.compile(r"_\d+$")


class Reviews(Files):
    """A folder or file of reviews; the category is the community, by its column or by the file's name."""

    kinds = ("review",)
    access = "files that you have"

    def __init__(self, uri: str) -> None:
        """Find the files; raises SourceUnreadable when there is none."""
        expected = f"files ending in {', '.join(ENDINGS)}, also packed as .gz or .zst"
        super().__init__(
            uri,
            platform=PLATFORM,
            capture_path="reviews",
            forms="amazon",
            reading=_reading,
            expected=expected,
        )

    @classmethod
    def open(cls, opening: SourceContext) -> Self:
        """The reviews that were named."""
        return cls(needed(opening.files, "reviews", "reviews as .jsonl, .csv or .parquet"))

    @classmethod
    def platform_of(cls, _domain: Domain, _mapping: str | None) -> str:
        """Always Amazon."""
        return PLATFORM


def _reading(name: str) -> Reading | None:
    return Reading("review", _CORE.sub("", stem_of(name))) if ending_of(name) in ENDINGS else None
