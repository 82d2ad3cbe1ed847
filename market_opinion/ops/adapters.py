"""The adapters a run works with: each is opened from the settings where it is used."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, cast

from market_opinion.core.settings import Settings, load_settings
from market_opinion.domain.definition import load_domain
from market_opinion.ops.metrics import (
    CloudWatchMetrics,
    EmbeddedMetrics,
    MetricsFile,
    MetricsSink,
    of_requests,
)
from market_opinion.serving.mart import Mart
from market_opinion.serving.mart.engine import open_mart
from market_opinion.sources import PaceOf, Source, SourceContext
from market_opinion.sources.catalogue import line_formats, source_type
from market_opinion.sources.inbox_files import Inbox
from market_opinion.sources.quota import Meter, Priority, Quota
from market_opinion.storage.lake.tables import Lake, open_lake
from market_opinion.storage.landing.zone import Landing
from market_opinion.storage.state import RequestUsage, StateStore
from market_opinion.storage.state.opening import open_state

if TYPE_CHECKING:
    from market_opinion.sources.reddit.client import Reddit


@dataclass(frozen=True)
class Adapters:
    """The landing zone, the lake and everything else that the settings name; a call opens one."""

    settings: Settings

    @cached_property
    def meter(self) -> Meter:
        """The counter of the requests of everything that these adapters open."""
        state, sink = self.state(), self.metrics()

        def keep(usage: RequestUsage) -> None:
            state.add_requests(usage)
            sink.put(of_requests(usage, environment=self.settings.environment))

        return Meter(keep)

    def landing(self) -> Landing:
        """Return the landing zone."""
        return Landing(
            self.settings.landing.root,
            formats=line_formats,
            compression=self.settings.landing.compression,
            max_bytes=self.settings.landing.max_bytes,
        )

    def lake(self) -> Lake:
        """Return the lake."""
        return open_lake(self.settings.lake.catalog, self.settings.lake.path)

    def state(self) -> StateStore:
        """Return the state store."""
        return open_state(self.settings)

    def mart(self) -> Mart:
        """Return the mart."""
        return open_mart(self.settings)

    def inbox(self) -> Inbox:
        """Return the inbox."""
        return Inbox(
            self.settings.inbox.root,
            self.landing(),
            settle=timedelta(seconds=self.settings.inbox.settle_seconds),
        )

    def metrics(self) -> MetricsSink:
        """Return the place that metrics go to."""
        namespace = self.settings.metrics.namespace
        match self.settings.metrics.sink:
            case "file":
                path = self.settings.home / "metrics.jsonl"
                return MetricsFile(path, namespace=namespace)
            case "emf":
                return EmbeddedMetrics(namespace=namespace)
            case "cloudwatch":
                return CloudWatchMetrics(namespace=namespace)

    def source(
        self,
        name: str,
        domain: str,
        *,
        files: str | None = None,
        mapping: str | None = None,
        priority: Priority = Priority.CLOSE,
    ) -> Source:
        """Return the source of this name for a domain.

        Raises the source's own error where nothing can be read.
        """
        context = SourceContext(
            self.settings,
            load_domain(domain, self.settings.domains_path),
            self.pace(priority),
            files=files,
            mapping=mapping,
        )
        return cast("type[Source]", source_type(name)).open(context)

    def pace(self, priority: Priority) -> PaceOf:
        """Return what gives a source the allowance of its account, shared with all others."""
        state = self.state()

        def allowance(account: str, per_minute: int) -> Quota:
            return Quota(state, account, per_minute=per_minute, priority=priority, meter=self.meter)

        return allowance

    def reddit(self, priority: Priority) -> "Reddit":
        """Return a client of Reddit; raises SettingsInvalid without credentials."""
        # PRAW takes a while to import, and most runs read no Reddit.
        from market_opinion.sources.reddit.client import open_client

        return open_client(self.settings, self.pace(priority))


def open_adapters() -> Adapters:
    """Return the adapters of this process's environment, for commands; a run carries its own."""
    return Adapters(load_settings())
