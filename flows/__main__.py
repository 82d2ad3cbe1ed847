"""The command `market-opinion`, of this package: every flow, and what asks and keeps the rest.

A command is imported when somebody uses it, since Prefect alone takes seconds.
"""

import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import cyclopts

from market_opinion.__main__ import ASK, BETTER, KEEP, READ
from market_opinion.__main__ import app as platform
from market_opinion.core.console import add_lazily, run

# The flows by what they are for.
_FLOWS = {
    READ: ("hourly", "backfill", "campaign", "enrich", "inbox", "stream", "collect"),
    ASK: ("watch",),
    BETTER: ("evaluate", "rescore", "train", "replay"),
    KEEP: ("refresh", "sweep", "purge", "erase", "maintain", "mart", "rebuild", "publish"),
}
_NAMES = {"hourly": ("run", "hourly")}
_EXAMPLES = """Examples

  market-opinion backfill                    the bundled sample, up to a report
  market-opinion run --source hackernews     the last hour of a live platform
  market-opinion backfill --source archive --archive FOLDER
  market-opinion query "SELECT * FROM mart.share_of_voice"
  market-opinion export top_evidence --brand Google --to quotes.xlsx
  market-opinion doctor                      what a run needs, and what is missing

Each command has its own --help. --install-completion lets Tab complete.
Exit status: 0 done; 1 done, and something is not as it should be; 2 a mistake,
in one line that says what to do."""


@cache
def make_app() -> cyclopts.App:
    """Return the command line with all commands, made once: some are added to groups of others."""
    app = cyclopts.App(
        name="market-opinion",
        help="What people say about products: read it, judge it, ask it.",
        help_format="plaintext",
        version=_version,
        default_parameter=cyclopts.Parameter(negative=()),
    )
    app.update(platform)
    del app["inbox"]  # here it is the flow that reads; `audit inbox` shows what became of files
    for group, flows in _FLOWS.items():
        for flow in flows:
            name = _NAMES.get(flow, flow)
            add_lazily(app, f"flows.{flow}:command", name=name, group=group, documented=flow)
    add_lazily(
        app["pepper"], "flows.rotate:command", name="rotate", group=KEEP, documented="rotate"
    )
    add_lazily(
        app, "infra.deployment.__main__:apply", name="deploy", group=KEEP, documented="apply"
    )
    app.register_install_completion_command(help="Let Tab complete commands and options.")
    return app


def main() -> None:
    """Run the command line of this process."""
    app = make_app()
    if len(sys.argv) == 1 or sys.argv[1] in app.help_flags:
        app.help_epilogue = _EXAMPLES  # of all commands, not of each
    run(app)


def _version() -> str:
    try:
        return version("market-opinion")
    except PackageNotFoundError:
        return "a checkout that is not installed"


if __name__ == "__main__":
    main()
