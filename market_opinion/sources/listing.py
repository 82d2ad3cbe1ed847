"""Generated parts of other files: the README's table of sources, settings, Terraform's secrets.

`python -m market_opinion.sources` writes them from the catalogue; a test compares the files.
"""

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from pydantic_core import PydanticUndefined

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.setting_groups import SettingsGroup
from market_opinion.sources import catalogue

_WIDTH = 100
# Texts of the two lines that enclose the generated part of a file.
BEGIN, END = "made by `make docs` from market_opinion/sources", "(end of the made part)"


def contents(root: Path) -> dict[Path, str]:
    """Return the whole text of every file with a generated part, by its path."""
    readme, example = root / "README.md", root / ".env.example"
    return {
        readme: _between(readme, f"\n{readme_table()}\n"),
        example: _between(example, example_settings()),
        root / "infra/terraform/source_secrets.json": terraform_secrets(),
    }


def readme_table() -> str:
    """Return the table of sources: what each reads, and what a person needs to use it."""
    profiles = {name: catalogue.source_type(name) for name in catalogue.names()}
    rows = [f"| `{name}` | {each.reads} | {each.access} |" for name, each in profiles.items()]
    return "\n".join(["| source | what it reads | what you need |", "|---|---|---|", *rows]) + "\n"


def platform_table() -> str:
    """Return the table of platforms: their kinds of item, and the address of an item."""
    rows = [
        f"| `{profile.platform}` | {', '.join(profile.kinds)} | {_code(profile.item_address)} |"
        for name in catalogue.names()
        if (profile := catalogue.source_type(name)).platform
        and catalogue.source_of(profile.platform) == name
    ]
    rows.sort()
    return "\n".join(["| platform | kinds | address of an item |", "|---|---|---|", *rows]) + "\n"


def example_settings() -> str:
    """Return the settings of all sources as lines of .env.example, each variable once."""
    shown: set[str] = set()
    groups = ("\n".join(_group_lines(each, shown)) for each in catalogue.settings_groups())
    return "\n\n".join(groups) + "\n"


def terraform_secrets() -> str:
    """Return the secrets of all sources as JSON: descriptions by their names in the account."""
    by_name = {
        name.lower().replace("_", "-"): text for name, text in catalogue.secret_variables().items()
    }
    return json.dumps(by_name, indent=2) + "\n"


def _group_lines(group: type[SettingsGroup], shown: set[str]) -> Iterator[str]:
    """Yield a group's lines for the variables that are not in `shown`, and add them to it."""
    hidden = group.secrets()
    fresh = {name: info for name, info in group.own_fields().items() if name not in shown}
    shown.update(fresh)
    yield from _comment((group.__doc__ or "").partition("\n")[0])
    for name, info in fresh.items():
        yield from _comment(info.description or "")
        has_default = info.default not in {None, PydanticUndefined} and name not in hidden
        yield f"{name}={info.default}" if has_default else f"# {name}="


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ")


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def _between(path: Path, part: str) -> str:
    """Return a file's text with a new part between its marks.

    Raises InvalidRequest if the file does not have both marks.
    """
    text = path.read_text(encoding="utf-8")
    lines = rf"({re.escape(BEGIN)}[^\n]*\n).*?([^\n]*{re.escape(END)})"
    new_text, count = re.subn(lines, lambda m: m[1] + part + m[2], text, flags=re.DOTALL)
    if count != 1:
        message = f"{path} needs two lines, one with {BEGIN!r} and one with {END!r}"
        raise InvalidRequest(message)
    return new_text
