"""Views as they leave the mart, without figures of a few people: `sql/published`.

Readers outside (PostgreSQL, the role `bi` of Snowflake) see these rows; docs/decisions/0022 says
why. A file holds one SELECT over the view of its name.
"""

from dataclasses import dataclass
from typing import Self

from market_opinion.core.settings import Settings
from market_opinion.serving import mart


@dataclass(frozen=True)
class Publication:
    """Fewest authors of a row that is published, and whether evidence leads to its item."""

    min_authors: int
    has_links: bool

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the publication that the settings allow."""
        return cls(settings.mart.publish_min_authors, settings.mart.publish_links)

    def selects(self) -> dict[str, str]:
        """Return the SELECT of each published view, by its name."""
        return {
            name.partition("/")[2]: self._filled(statement)
            for name in mart.names("published")
            for statement in mart.statements(name)
        }

    def views(self) -> list[str]:
        """Return statements that create the views in the schema `published`."""
        return [
            f"CREATE OR REPLACE VIEW published.{name} AS {select}"
            for name, select in self.selects().items()
        ]

    def _filled(self, statement: str) -> str:
        return statement.replace("{min_authors}", str(self.min_authors)).replace(
            "{has_links}", "TRUE" if self.has_links else "FALSE"
        )
