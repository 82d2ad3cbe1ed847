"""Names of runs, by which an operator finds one in Prefect's lists."""

from datetime import UTC, datetime

from prefect.runtime import flow_run

from market_opinion.core.window import as_utc

# Parameters that say what a run is about, in this order; never those that name a person.
_SHOWN = ("domain", "source", "platform", "scorer", "score_set", "subreddit")
_COMMUNITIES_SHOWN = 3


def run_title() -> str:
    """Return the flow's name with domain, source, communities and hours of the current run."""
    values = flow_run.parameters
    words = [str(values[name]) for name in _SHOWN if values.get(name)]
    return " ".join([flow_run.flow_name, *words, *_communities(values), *_hours(values)])


def _communities(values: dict[str, object]) -> list[str]:
    names = values.get("communities")
    if not isinstance(names, list) or not names:
        return []
    more = f"+{len(names) - _COMMUNITIES_SHOWN}" if len(names) > _COMMUNITIES_SHOWN else ""
    return ["+".join(names[:_COMMUNITIES_SHOWN]) + more]


def _hours(values: dict[str, object]) -> list[str]:
    """Return the range that was asked for, else the time for which the run was scheduled."""
    start, end = (
        values.get(f"{name}_ts") if values.get(name) is None else values[name]
        for name in ("start", "end")
    )
    if start is not None or end is not None:
        return [f"{_moment(start)}..{_moment(end)}"]
    return [_moment(values.get("now") or flow_run.scheduled_start_time)] if "now" in values else []


def _moment(value: object) -> str:
    """Return a time to the minute, of any form that Prefect holds parameters in."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    elif isinstance(value, int):
        value = datetime.fromtimestamp(value, UTC)
    return f"{as_utc(value):%Y-%m-%dT%H:%M}" if isinstance(value, datetime) else ""
