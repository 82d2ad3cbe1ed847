"""Commands about the platform itself: `python -m market_opinion tables`."""

import sys
from pathlib import Path

import cyclopts

from market_opinion import dictionary

app = cyclopts.App(name="python -m market_opinion", help="Commands about the platform itself.", version_flags=())


@app.command
def tables(*, check: Path | None = None) -> None:
    """Print the data dictionary, or check that a file is it.

    Args:
        check: File to compare with; the command ends with 1 where it differs.
    """
    text = dictionary.render()
    if check is None:
        print(text, end="")
    elif not check.is_file() or check.read_text(encoding="utf-8") != text:
        print(f"{check} is not what the contracts say: run `make docs`", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    app()
