"""The bundled sample: items invented for a domain, in the format of a Reddit archive."""

from typing import Self

from market_opinion.sources import SourceContext
from market_opinion.sources.archive import Archive

PLATFORM = "sample"


class Sample(Archive):
    """The archive in a domain's `sample` folder.

    Its platform is `sample`, so that invented items are never counted as Reddit's.
    """

    platform = PLATFORM
    reads, access = "items written for the domain", "bundled"
    # RFC 2606 reserves example.com, so the address belongs to nobody.
    item_address = "https://example.com/sample/comments/{thread_id}/"
    comment_address = "https://example.com/sample/comments/{thread_id}/_/{item_id}/"

    @classmethod
    def open(cls, context: SourceContext) -> Self:
        """Return the sample of the domain; raises SourceUnreadable if the domain has none."""
        return cls(
            str(context.settings.domains_path / context.domain.name / "sample"),
            platform=PLATFORM,
            capture_path="sample",
        )
