"""Format references: the entry of a manifest that names the format of its lines.

For example, `"reddit"` for the formats of that source, or the formats themselves::

    {"review": {"item_id": ["answer"], "created_at": "answered", "time": "iso"}}
"""

from collections.abc import Callable, Mapping
from typing import Any

from market_opinion.core.errors import LandingCorrupt
from market_opinion.storage.json_line import object_of
from market_opinion.storage.json_paths import read
from market_opinion.storage.line_format import LineFormat

# The name of the platform whose source brings the formats, or the formats themselves, by kind.
FormatReference = str | dict[str, dict[str, Any]]
LineFormats = Mapping[str, LineFormat]
# Returns the formats of a platform by kind; None for a platform that no source brings.
FormatLookup = Callable[[str], LineFormats | None]


def no_formats(_platform: str) -> None:
    """Return None; the lookup of a landing zone whose lines are never read."""


def line_format_of(reference: FormatReference, kind: str, lookup: FormatLookup) -> LineFormat:
    """Return the format of a kind of item; raises LandingCorrupt where the reference has none."""
    if not isinstance(reference, str) and kind in reference:
        return LineFormat.model_validate(reference[kind])
    formats = lookup(reference) if isinstance(reference, str) else None
    if formats is None or kind not in formats:
        name = reference if isinstance(reference, str) else "its own"
        message = (
            f"a manifest says that its {kind}s have the format {name}, which is not known here:"
            " this version is older than the one that landed them (install that version),"
            " or a source's package is missing (install the package)"
        )
        raise LandingCorrupt(message)
    return formats[kind]


def likely_kind(formats: LineFormats, line: bytes) -> str:
    """Return the kind whose format finds most in a line; the first kind in a draw."""
    kinds = list(formats)
    fields = object_of(line) or {}
    return max(
        kinds,
        key=lambda kind: sum(
            read(fields, path) is not None for path in formats[kind].content_paths
        ),
    )
