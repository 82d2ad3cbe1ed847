"""The bundled sample: items written for a domain, in the form of a Reddit archive, on a platform of their own."""

from typing import Self

from market_opinion.sources import SourceContext
from market_opinion.sources.archive import Archive

PLATFORM = "sample"


class Sample(Archive):
    """The archive in a domain's `sample` folder. Its platform is `sample`, so invented words never count as Reddit's."""

    platform = PLATFORM
    reads, access = "items written for the domain", "bundled"
    # RFC 2606: never anyone's address.
    item_address = "https://example.com/sample/comments/{thread_id}/"
    comment_address = "https://example.com/sample/comments/{thread_id}/_/{item_id}/"

    @classmethod
    def open(cls, context: SourceContext) -> Self:
        """The sample of the domain; raises SourceUnreadable when it has none."""
        return cls(
            str(context.settings.domains_path / context.domain.name / "sample"),
            platform=PLATFORM,
            capture_path="sample",
        )
