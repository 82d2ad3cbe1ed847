"""The bundled sample: items written for a domain, in the form of a Reddit archive, on a platform of their own."""

from typing import Self

from market_opinion.domain.definition import Domain
from market_opinion.sources import SourceContext
from market_opinion.sources.archive import Archive

PLATFORM = "sample"


class Sample(Archive):
    """The archive in a domain's `sample` folder. Its platform is `sample`, so invented words never count as Reddit's."""

    access = "bundled"

    @classmethod
    def open(cls, opening: SourceContext) -> Self:
        """The sample of the domain; raises SourceUnreadable when it has none."""
        return cls(
            str(opening.settings.domains_path / opening.domain.name / "sample"),
            platform=PLATFORM,
            capture_path="sample",
        )

    @classmethod
    def platform_of(cls, _domain: Domain, _mapping: str | None) -> str:
        """Its own."""
        return PLATFORM
