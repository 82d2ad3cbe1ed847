"""The bundled sample: items written for a domain, in the form of a Reddit archive, on a platform of their own."""

from pathlib import Path

from market_opinion.sources.archive import Archive

PLATFORM = "sample"


class Sample(Archive):
    """The archive in a domain's `sample` folder. Its platform is `sample`, so invented words never count as Reddit's."""

    capture_path = "sample"

    def __init__(self, domain_folder: Path) -> None:
        """Find the sample; raises SourceUnreadable when the domain has none."""
        super().__init__(str(domain_folder / "sample"), platform=PLATFORM)
