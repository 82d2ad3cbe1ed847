"""The bundled sample: items written for a domain, as a Reddit archive, on their own platform."""

from typing import Self

from market_opinion.sources import SourceContext
from market_opinion.sources.archive import Archive

PLATFORM = "sample"


class Sample(Archive):
    """The archive in a domain's `sample` folder.

    Its platform is `sample`, so that invented words never count as Reddit's.
    """

    platform = PLATFORM
    reads, access = "items written for the domain", "bundled"
    # RFC 2606: never anyone's address.
    item_address = "https://example.com/sample/comments/{thread_id}/"
    comment_address = "https://example.com/sample/comments/{thread_id}/_/{item_id}/"

    @classmethod
    def open(cls, context: SourceContext) -> Self:
        """Return the sample of the domain; raises SourceUnreadable when it has none."""
        return cls(
            str(context.settings.domains_path / context.domain.name / "sample"),
            platform=PLATFORM,
            capture_path="sample",
        )
