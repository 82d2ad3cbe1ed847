"""Tables in files, by a mapping of their columns in `domain.toml`.

For example exports of listening tools, surveys, reviews from app stores.
"""

from typing import Any, Self

from market_opinion.core.errors import InvalidRequest
from market_opinion.domain.definition import Domain, FileMapping
from market_opinion.sources import SourceContext
from market_opinion.sources.files import FileDescription, Files, needed
from market_opinion.sources.lines import ENDINGS, ending_of
from market_opinion.storage.landing.origin import read_as


class MappedFiles(Files):
    """A folder or file whose columns `[files.NAME]` of a domain maps."""

    kinds = ("submission", "comment", "review")
    reads = (
        "any table (JSONL, CSV, Parquet) by a mapping in `domain.toml`:"
        " exports, surveys, app stores"
    )
    access = "files that you have"

    def __init__(self, uri: str, mapping: FileMapping, *, platform: str) -> None:
        """Find the files; raises SourceUnreadable when there is none."""
        reading = FileDescription(mapping.kind, mapping.community, mapping.encoding)
        written_out: dict[str, dict[str, Any]] = {
            mapping.kind: mapping.fields.model_dump(mode="json", exclude_defaults=True)
        }
        super().__init__(
            uri,
            platform=platform,
            capture_path="file",
            formats=(written_out, {mapping.kind: mapping.fields}),
            description_of=lambda name: reading if ending_of(name) in ENDINGS else None,
            expected=f"files ending in {', '.join(ENDINGS)}, also packed as .gz or .zst",
        )
        self.origin = read_as(self.origin, mapping.model_dump_json())

    @classmethod
    def open(cls, context: SourceContext) -> Self:
        """Return the files of the run, by its mapping or by the only one of the domain."""
        name, mapping = _mapping(context.domain, context.mapping)
        return cls(
            needed(context.files, "file", f"what [files.{name}] maps"),
            mapping,
            platform=mapping.platform or name,
        )

    @classmethod
    def platform_of(cls, domain: Domain, mapping: str | None) -> str:
        """Return the platform that the mapping names, else the name of the mapping."""
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
