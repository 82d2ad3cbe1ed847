"""Print what the changelog says of a version, for its release: `python -m docs.make_notes v0.2.0`.

The version must be that of the package, so that no tag releases anything else.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def notes(tag: str, changelog: str, version: str) -> str:
    """Return the changelog's part of a version.

    Raises ValueError where the tag is not that of the version, or the changelog lacks it.
    """
    if tag != f"v{version}":
        message = f"the tag {tag} is not v{version}, the version of pyproject.toml"
        raise ValueError(message)
    part = re.search(
        rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)",
        changelog,
        re.MULTILINE | re.DOTALL,
    )
    if part is None or not part[1].strip():
        message = f"CHANGELOG.md says nothing of {version}: head its part `## {version} - DATE`"
        raise ValueError(message)
    return part[1].strip() + "\n"


def main() -> None:
    """Print the notes of the tag that is given, or end with what is wrong."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    try:
        sys.stdout.write(notes(sys.argv[1], changelog, project["version"]))
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
