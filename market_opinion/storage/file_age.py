"""Ages of files: whether the writer of one may still be at work."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

# A writer may be about to name a younger file in a commit, or in a manifest.
IN_FLIGHT = timedelta(days=1)


def changed_at(info: Mapping[str, object]) -> datetime:
    """Return when a file was written; the end of time where its file system does not say."""
    match info.get("LastModified", info.get("mtime")):
        case datetime() as changed:
            return changed
        case float() | int() as seconds:
            return datetime.fromtimestamp(seconds, UTC)
        case _:
            return datetime.max.replace(tzinfo=UTC)
