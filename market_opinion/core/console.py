"""Commands on a terminal: an error is one line on standard error, and exit status 2."""

import sys

import cyclopts
from rich.console import Console
from rich.markup import escape

from market_opinion.core.errors import MarketOpinionError
from market_opinion.core.visible import visible


def run(app: cyclopts.App) -> None:
    """Run the command line of this process, and exit with 2 on an error of ours."""
    try:
        app()
    except MarketOpinionError as error:
        refuse(error)
        sys.exit(2)


def refuse(error: MarketOpinionError) -> None:
    """Print an error in one line."""
    say(f"[bold red]{type(error).__name__}[/]: {shown(str(error))}")


def shown(text: str) -> str:
    """Return a text as rich prints it: neither its markup nor a control character has effect."""
    return escape(visible(text))


def say(text: str) -> None:
    """Print one line with rich's markup to standard error, apart from the command's output."""
    Console(stderr=True).print(text, highlight=False, soft_wrap=True)
