"""Limits of a file: how much of one that a stranger made is unpacked, kept and landed."""

from dataclasses import dataclass
from typing import Self

from market_opinion.core.settings import Settings


@dataclass(frozen=True)
class FileLimits:
    """Limits of one file; what is beyond them is counted and told, and not kept.

    `unpacked_ratio_max` bounds the size of a packed file's content, as a multiple of the file's
    own. `unreadable_lines_max` is the number of lines without a readable time and community that
    are landed, `lines_per_hour_max` that of all lines of one hour of a community.
    """

    unpacked_ratio_max: int = 250
    unreadable_lines_max: int = 10_000
    lines_per_hour_max: int = 250_000

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the limits that are set."""
        files = settings.files
        return cls(files.unpacked_ratio_max, files.unreadable_lines_max, files.lines_per_hour_max)


DEFAULT_LIMITS = FileLimits()
