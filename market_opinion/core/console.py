"""Commands on a terminal: an error is one line on standard error, and exit status 2."""

import ast
import importlib.util
import sys
from pathlib import Path

import cyclopts
import msgspec
from rich.console import Console
from rich.markup import escape

from market_opinion.core.errors import MarketOpinionError
from market_opinion.core.visible import visible

_PIPED_WIDTH = 160


def run(app: cyclopts.App) -> None:
    """Run the command line of this process; exit with 2 on a mistake in it, or an error of ours."""
    try:
        app(sys.argv[1:], exit_on_error=False)
    except cyclopts.CycloptsError:
        sys.exit(2)  # it has been shown
    except MarketOpinionError as error:
        refuse(error)
        sys.exit(2)


def add_lazily(
    app: cyclopts.App,
    path: str,
    *,
    name: str | tuple[str, ...],
    group: cyclopts.Group,
    documented: str,
) -> None:
    """Add the function at `path` as a command, whose module is imported when somebody uses it.

    The help comes from the docstring of the function `documented` in that module's file.
    """
    module = path.partition(":")[0]
    app.command(path, name=name, group=group, help=_docstring(module, documented))


def _docstring(module: str, function: str) -> str:
    """Return the description of a function, without its arguments; the module is not imported."""
    spec = importlib.util.find_spec(module)
    source = Path(spec.origin if spec and spec.origin else "").read_text(encoding="utf-8")
    (text,) = (
        ast.get_docstring(node) or ""
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == function
    )
    return text.partition("\nArgs:")[0].strip()


def print_json(rows: object) -> None:
    """Print dataclasses and lists of them as JSON to standard output, for a script."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows)).decode() + "\n")


def table_console() -> Console:
    """Return a console as wide as the terminal, or wide enough for a table."""
    return Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)


def refuse(error: MarketOpinionError) -> None:
    """Print an error in one line."""
    say(f"[bold red]{type(error).__name__}[/]: {shown(str(error))}")


def shown(text: str) -> str:
    """Return a text as rich prints it: neither its markup nor a control character has effect."""
    return escape(visible(text))


def say(text: str) -> None:
    """Print one line with rich's markup to standard error, apart from the command's output."""
    Console(stderr=True).print(text, highlight=False, soft_wrap=True)
