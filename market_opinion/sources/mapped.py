"""Tables in files, read by a mapping of their columns: exports, surveys, reviews of app stores.

A mapping is a section of `domain.toml`::

    [files.survey]
    kind = "review"
    community = "customers"
    fields = { item_id = "answer", created_at = "answered", time = "iso", body = ["pros", "cons"] }
"""

from typing import Any, Self

from market_opinion.core.errors import InvalidRequest
from market_opinion.domain.definition import Domain, FileMapping
from market_opinion.sources import SourceContext
from market_opinion.sources.files import FileDescription, Files, needed
from market_opinion.sources.lines import ENDINGS, ending_of
from market_opinion.storage.landing.origin import read_as


class MappedFiles(Files):
    """A folder or file whose columns are mapped by the section `[files.NAME]` of a domain."""

    kinds = ("submission", "comment", "review")
    reads = (
        "any table (JSONL, CSV, Parquet) by a mapping in `domain.toml`:"
        " exports, surveys, app stores"
    )
    access = "files that you have"

    def __init__(self, uri: str, mapping: FileMapping, *, platform: str) -> None:
        """Find the files; raises SourceUnreadable if there are none."""
        description = FileDescription(
            mapping.kind, mapping.community, mapping.encoding, mapping.delimiter
        )
        reference: dict[str, dict[str, Any]] = {
            mapping.kind: mapping.fields.model_dump(mode="json", exclude_defaults=True)
        }
        super().__init__(
            uri,
            platform=platform,
            capture_path="file",
            formats=(reference, {mapping.kind: mapping.fields}),
            description_of=lambda name: description if ending_of(name) in ENDINGS else None,
            expected=f"files ending in {', '.join(ENDINGS)}, also packed as .gz or .zst",
        )
        self.origin = read_as(self.origin, mapping.model_dump_json())

    @classmethod
    def open(cls, context: SourceContext) -> Self:
        """Return the files of the run, with its mapping or the only mapping of the domain."""
        name, mapping = _mapping(context.domain, context.mapping)
        files = needed(context.files, "file", f"what [files.{name}] maps")
        platform = mapping.platform or name
        return cls(files, mapping, platform=platform).limited_by(context.settings)

    @classmethod
    def platform_of(cls, domain: Domain, mapping: str | None) -> str:
        """Return the platform that the mapping sets, else the name of the mapping."""
        name, section = _mapping(domain, mapping)
        return section.platform or name


def _mapping(domain: Domain, name: str | None) -> tuple[str, FileMapping]:
    if name is None and len(domain.files) == 1:
        return next(iter(domain.files.items()))
    if name is None or name not in domain.files:
        problem = "no mapping was named" if name is None else f"no mapping {name!r}"
        message = (
            f"{problem}: domain {domain.name} has {', '.join(domain.files) or 'none'};"
            " add [files.NAME] to its domain.toml"
        )
        raise InvalidRequest(message)
    return name, domain.files[name]
