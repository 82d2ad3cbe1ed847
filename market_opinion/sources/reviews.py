"""Amazon reviews as published for research, with the columns of 2014 and 2018 or of 2023."""

import re
from typing import ClassVar, Self

from market_opinion.sources import SourceContext
from market_opinion.sources.files import FileDescription, Files, needed
from market_opinion.sources.lines import ENDINGS, ending_of, stem_of
from market_opinion.storage.line_format import LineFormat

PLATFORM = "amazon"
# `Video_Games_5.json.gz` holds the reviews of authors who wrote five or more.
_CORE = re.compile(r"_\d+$")


class Reviews(Files):
    """A folder or file of reviews; a community is a category, by its column or the file's name."""

    platform, kinds = PLATFORM, ("review",)
    markup = ("html",)
    reads = "Amazon reviews in the columns of 2014, 2018 and 2023 (JSONL, CSV, Parquet)"
    access = "files that you have"
    # The columns of the data sets of 2014 and 2018 and, after a bar, the columns of 2023 (McAuley
    # lab). Reviews have no id, so three columns together stand for it.
    line_formats: ClassVar = {
        "review": LineFormat(
            item_id=("reviewerID|user_id", "asin", "unixReviewTime|timestamp"),
            created_at="unixReviewTime|timestamp",
            community="category",
            thread_id="parent_asin|asin",
            author="reviewerID|user_id",
            title="summary|title",
            body="reviewText|text",
            votes="helpful_vote",
            rating="overall|rating",
            is_lenient=True,
        )
    }
    item_address = "https://www.amazon.com/dp/{thread_id}"

    def __init__(self, uri: str) -> None:
        """Find the files; raises SourceUnreadable if there are none."""
        expected = f"files ending in {', '.join(ENDINGS)}, also packed as .gz or .zst"
        super().__init__(
            uri,
            platform=PLATFORM,
            capture_path="reviews",
            description_of=_description,
            expected=expected,
        )

    @classmethod
    def open(cls, context: SourceContext) -> Self:
        """Return the reviews at the address that the run was given."""
        files = needed(context.files, "reviews", "reviews as .jsonl, .csv or .parquet")
        return cls(files).limited_by(context.settings)


def _description(name: str) -> FileDescription | None:
    return (
        FileDescription("review", _CORE.sub("", stem_of(name)))
        if ending_of(name) in ENDINGS
        else None
    )
