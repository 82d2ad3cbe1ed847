"""Commands on a terminal: what cannot be done as asked is one line on standard error, and exit status 2."""

import sys

import cyclopts
from rich.console import Console
from rich.markup import escape

from market_opinion.core.errors import MarketOpinionError


def run(app: cyclopts.App) -> None:
    """Run the command line of this process."""
    try:
        app()
    except MarketOpinionError as error:
        refuse(error)
        sys.exit(2)


def refuse(error: MarketOpinionError) -> None:
    """Say what cannot be done as asked."""
    say(f"[bold red]{type(error).__name__}[/]: {escape(str(error))}")


def say(text: str) -> None:
    """One line, with rich's markup, for the person who looks on, not for what reads the output."""
    Console(stderr=True).print(text, highlight=False, soft_wrap=True)
