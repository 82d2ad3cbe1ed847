"""Ratios that an operator watches, made of the counts of runs."""

from collections.abc import Mapping


def ratios(counts: Mapping[str, int]) -> dict[str, float | None]:
    """Return the ratios of summed counts; None where there is nothing to divide by.

    `usable_comment_ratio` is comments that pass every cleaning gate among those received,
    `relevant_item_ratio` usable items with a product among the usable, `scored_mention_ratio`
    mentions with an opinion among all mentions, `capture_ratio` comments received among those
    the platform counts in the threads that were read.
    """
    return {
        "usable_comment_ratio": _ratio(counts, "usable_comment_count", "comment_count"),
        "relevant_item_ratio": _ratio(counts, "relevant_item_count", "usable_item_count"),
        "scored_mention_ratio": _ratio(counts, "scored_mention_count", "mention_count"),
        "capture_ratio": _ratio(counts, "captured_comment_count", "announced_comment_count"),
        "rejected_line_ratio": _ratio(counts, "rejection_count", "landed_line_count"),
    }


def _ratio(counts: Mapping[str, int], part: str, whole: str) -> float | None:
    return counts.get(part, 0) / counts[whole] if counts.get(whole) else None
