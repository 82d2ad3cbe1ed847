"""Prices of models, from a file: USD per million tokens.

A model that is not in the file has no price, which is not zero.
"""

import tomllib
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from market_opinion.core.errors import SettingsInvalid

_DEFAULT = Path(__file__).parent / "prices.toml"
_MILLION = 1_000_000


class Usage(NamedTuple):
    """Tokens of one request; `input` counts all, cached and written to the cache as well."""

    input: float = 0
    cached: float = 0
    cache_write: float = 0
    output: float = 0
    reasoning: float = 0

    def plus(self, other: "Usage") -> "Usage":
        """Both together."""
        return Usage(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def share(self, parts: int) -> "Usage":
        """One of so many equal parts."""
        return Usage(*(value / parts for value in self))


class Price(BaseModel):
    """USD per million tokens.

    Cached input and cache writes cost as much as plain input where the file says nothing else.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float
    output: float
    cached_input: float | None = None
    cache_write: float | None = None

    def usd(self, usage: Usage) -> float:
        """Return the cost of the tokens in USD."""
        cached = self.input if self.cached_input is None else self.cached_input
        written = self.input if self.cache_write is None else self.cache_write
        plain = usage.input - usage.cached - usage.cache_write
        return (
            plain * self.input
            + usage.cached * cached
            + usage.cache_write * written
            + usage.output * self.output
        ) / _MILLION


def load_price(model: str, path: Path | None = None) -> Price | None:
    """Return the model's price; none where the file does not name it.

    Raises SettingsInvalid for a file that cannot be read.
    """
    place = path or _DEFAULT
    try:
        found = tomllib.loads(place.read_text(encoding="utf-8")).get(model)
        return Price.model_validate(found) if found is not None else None
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        message = f"price file {place}, model {model}: {error}"
        raise SettingsInvalid(message) from error
