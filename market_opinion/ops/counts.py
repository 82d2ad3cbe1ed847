"""Counts of the stages: one dataclass a stage; a run adds up what its slices counted."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import starmap
from typing import Any


class Counts:
    """Counts that read as words in a log: `810 items, 1 duplicate`; what is None is left out."""

    def __str__(self) -> str:
        """Return the counts in their order, with the words that they are named by."""
        return in_words(as_dict(self))


@dataclass(frozen=True)
class BronzeCounts(Counts):
    """Lines that were read, items that were written, and what was dropped or could not be read."""

    landed_line_count: int
    item_count: int
    duplicate_count: int
    rejection_count: int
    unreadable_field_count: int


@dataclass(frozen=True)
class ThreadCounts(Counts):
    """Threads that began."""

    thread_count: int


@dataclass(frozen=True)
class SilverCounts(Counts):
    """Usable items, and comments, and what was masked, by kind of personal data."""

    usable_item_count: int
    comment_count: int
    usable_comment_count: int
    masked: Mapping[str, int]


@dataclass(frozen=True)
class MentionCounts(Counts):
    """Mentions, items that have one, and what a model took that was asked about them.

    The model's counts are None where no model says which products are meant.
    """

    mention_count: int
    relevant_item_count: int
    asked_question_count: int | None = None
    model_request_count: int | None = None
    unread_item_count: int | None = None
    input_token_count: int | None = None
    output_token_count: int | None = None
    cost_micro_usd: int | None = None


@dataclass(frozen=True)
class OpinionCounts(Counts):
    """Opinions, mentions that have one, judgements that were refused, and what a model took.

    The model's counts are None where no model is the scorer.
    """

    opinion_count: int
    scored_mention_count: int
    rejected_opinion_count: int
    asked_question_count: int | None = None
    model_request_count: int | None = None
    unjudged_item_count: int | None = None
    input_token_count: int | None = None
    output_token_count: int | None = None
    cost_micro_usd: int | None = None


@dataclass(frozen=True)
class WindowCounts(Counts):
    """Hours that were written into the ledger, and those of them that are certified."""

    window_count: int
    certified_window_count: int


@dataclass(frozen=True)
class GoldCounts(Counts):
    """Rows of the daily tables."""

    gold_row_count: int


@dataclass(frozen=True)
class PollCounts(Counts):
    """Listings that were polled, lines that came, holes, and communities that could not be read."""

    polled_listing_count: int = 0
    landed_line_count: int = 0
    gap_count: int = 0
    failed_poll_count: int = 0


@dataclass(frozen=True)
class LookCounts(Counts):
    """Items that were asked for again, those that were absent, and those that have to go."""

    looked_up_item_count: int
    missing_item_count: int
    erased_item_count: int


@dataclass(frozen=True)
class RepairCounts(Counts):
    """Comments that threads announce and that were received, and threads that were expanded.

    All are None where an hour is too young to be repaired, or its platform has no threads.
    """

    announced_comment_count: int | None = None
    captured_comment_count: int | None = None
    expanded_thread_count: int | None = None


@dataclass(frozen=True)
class RotationCounts(Counts):
    """Rows whose author's key followed the pepper."""

    rekeyed_item_count: int


@dataclass(frozen=True)
class EraseCounts(Counts):
    """Texts whose answers were deleted."""

    erased_text_count: int


@dataclass(frozen=True)
class HistoryCounts(Counts):
    """Files that only earlier versions of a table named, and that were deleted."""

    deleted_file_count: int


@dataclass(frozen=True)
class UpkeepCounts(Counts):
    """Files that were put together, files they became, and files that were left to another time.

    Then old snapshots that were deleted, and files that no snapshot named.
    """

    compacted_file_count: int = 0
    compact_file_count: int = 0
    waiting_file_count: int = 0
    expired_snapshot_count: int = 0
    orphan_file_count: int = 0

    def __add__(self, other: "UpkeepCounts") -> "UpkeepCounts":
        """Return the sum."""
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return UpkeepCounts(*(mine + theirs for mine, theirs in pairs))


@dataclass(frozen=True)
class RunHistoryCounts(Counts):
    """Runs that were deleted from Prefect's own database."""

    forgotten_run_count: int


@dataclass(frozen=True)
class PurgeCounts(Counts):
    """Lines that keep no word."""

    purged_line_count: int


@dataclass(frozen=True)
class SweepCounts(Counts):
    """Hours since the hour that was looked at longest ago."""

    sweep_lag_hours: int


@dataclass(frozen=True)
class MirrorCounts(Counts):
    """Lines that were produced to the stream; None where nothing is mirrored."""

    mirrored_line_count: int | None = None


@dataclass(frozen=True)
class PromotionCounts(Counts):
    """Opinions that became live."""

    promoted_opinion_count: int


@dataclass(frozen=True)
class WatchCounts(Counts):
    """Changes of the last closed week that are told, and bursts since it began."""

    change_count: int
    burst_count: int


def as_dict(counts: Any) -> dict[str, int]:  # noqa: ANN401, any dataclass above
    """Return the counts by name, without those that are None.

    A count by kind has a name a kind: `masked_email_count` for `email` in `masked`.
    """
    values: dict[str, int] = {}
    for field in fields(counts):
        value = getattr(counts, field.name)
        if isinstance(value, Mapping):
            values |= {f"{field.name}_{kind}_count": count for kind, count in value.items()}
        elif value is not None:
            values[field.name] = value
    return values


def in_words(counts: Mapping[str, int]) -> str:
    """Return counts by name as a log says them: `fact_opinion_count` is `3 fact opinions`."""
    return ", ".join(starmap(_count_in_words, counts.items()))


def _count_in_words(name: str, count: int) -> str:
    if name == "cost_micro_usd":
        return f"{count / 1e6:.6f} USD"
    words = name.removesuffix("_count").replace("_", " ")
    many = "s" if name.endswith("_count") and count != 1 else ""
    return f"{count:,} {words}{many}"
