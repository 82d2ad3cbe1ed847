"""The scorers by their names: those of this package, and those that other packages bring."""

from importlib.metadata import EntryPoint, entry_points
from typing import cast

from market_opinion.core.errors import SettingsInvalid
from market_opinion.scorers.contract import Scorer

ENTRY_POINTS = "market_opinion.scorers"
# Loaded by name, since each brings clients and weights that the others do not need.
_OWN = {
    "lexicon": "market_opinion.scorers.lexicon:Lexicon",
    "local": "market_opinion.scorers.local.scorer:LocalScorer",
    "llm": "market_opinion.scorers.llm.scorer:LlmScorer",
    "routed": "market_opinion.scorers.routed:RoutedScorer",
}


def names() -> list[str]:
    """Return the names of all scorers, in alphabetical order."""
    return sorted({*_OWN, *(point.name for point in entry_points(group=ENTRY_POINTS))})


def scorer_type(name: str) -> type[Scorer]:
    """Return the scorer of this name; raises SettingsInvalid that names those that exist."""
    if name in _OWN:
        return cast("type[Scorer]", EntryPoint(name, _OWN[name], ENTRY_POINTS).load())
    points = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name not in points:
        message = f"there is no scorer {name!r}; SCORER may be {', '.join(names())}"
        raise SettingsInvalid(message)
    return cast("type[Scorer]", points[name].load())
