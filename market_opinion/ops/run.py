"""One run of a flow: its domain, its idea of the time, and the settings it was started with."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from market_opinion.core.contracts import Table
from market_opinion.core.log import Log
from market_opinion.core.settings import Settings
from market_opinion.core.window import Slice
from market_opinion.domain.definition import Domain, load_domain
from market_opinion.ops.adapters import Adapters
from market_opinion.ops.orchestrator import turn
from market_opinion.scorers.contract import ScorerContext
from market_opinion.scorers.judging import Judge
from market_opinion.sources.quota import Priority

Mode = Literal["incremental", "backfill", "recheck"]


@dataclass(frozen=True)
class Run:
    """A checked run, which every task receives; `now` is the run's one idea of the time.

    The settings are read once, as the run is checked, so that no task sees other ones.
    """

    domain: str
    now: datetime
    run_id: str
    mode: Mode
    settings: Settings = field(repr=False)
    notes: tuple[str, ...] = ()
    # The campaign that the run is a part of, whose budget it spends from.
    campaign: str | None = None

    @property
    def adapters(self) -> Adapters:
        """The adapters of the run's settings."""
        return Adapters(self.settings)

    @property
    def priority(self) -> Priority:
        """The place of the run among those that share an allowance of requests."""
        return Priority.CLOSE if self.mode == "incremental" else Priority.BACKFILL

    def load_domain(self) -> Domain:
        """Return the definition of the run's domain."""
        return load_domain(self.domain, self.settings.domains_path)

    def scorer_context(self, log: Log, span: Slice | None = None) -> ScorerContext:
        """Return what scorers are opened with: the run's domain, settings and stores."""
        stores = self.adapters
        return ScorerContext(
            self.settings,
            self.load_domain(),
            stores.lake(),
            stores.state(),
            turn,
            log,
            self.commit(span),
        )

    def open_judge(
        self, log: Log, span: Slice | None = None, *, scorer: str | None = None
    ) -> Judge:
        """Return the scorer of this name, or of the settings, with the run's stores."""
        return Judge.open(self.scorer_context(log, span), scorer)

    def has_changed(self, tables: Iterable[Table]) -> bool:
        """Tell whether the run has changed rows of any of these tables of the lake."""
        lake = self.adapters.lake()
        return any(lake.has_rows_of(table, self.run_id) for table in tables)

    def commit(self, span: Slice | None = None) -> dict[str, str]:
        """Return the properties of a table's commit: run, campaign, and the window of the slice."""
        return {
            "run-id": self.run_id,
            **({"campaign": self.campaign} if self.campaign else {}),
            **({"window": str(span.window)} if span else {}),
        }
