"""Commands about the platform itself, as `python -m market_opinion doctor`."""

import itertools
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts
from rich.console import Console
from rich.table import Table

from market_opinion.core.console import add_lazily, print_json, run, shown, table_console
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import load_settings
from market_opinion.core.window import Window, as_utc, both_ends
from market_opinion.ops.label_commands import estimates, labels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from market_opinion.ops.audit import Community, Step

# Commands import what they need themselves: most of it takes seconds.
READ, ASK, BETTER, KEEP = (
    cyclopts.Group(title, sort_key=place)
    for place, title in enumerate(("Read and judge", "Look and ask", "Judge better", "Keep"))
)
app = cyclopts.App(
    name="python -m market_opinion",
    help="Commands about the platform itself.",
    version_flags=(),
    default_parameter=cyclopts.Parameter(negative=()),
)
for _name in ("query", "export", "report"):
    add_lazily(app, f"market_opinion.ops.asking:{_name}", name=_name, group=ASK, documented=_name)
add_lazily(
    app,
    "market_opinion.serving.dashboard.__main__:start",
    name="dashboard",
    group=ASK,
    documented="start",
)


@app.command(group=ASK)
def tables(*, check: Path | None = None, dbt: bool = False) -> None:
    """Print the data dictionary, or check that a file is it.

    Args:
        check: File to compare with; the command ends with 1 where it differs.
        dbt: Print the mart's tables as a source file of dbt instead.
    """
    from market_opinion.ops import dbt as dbt_files
    from market_opinion.ops import dictionary

    text = dbt_files.render() if dbt else dictionary.render()
    if check is None:
        print(text, end="")
    elif not check.is_file() or check.read_text(encoding="utf-8") != text:
        print(f"{check} is not what the contracts say: run `make docs`", file=sys.stderr)
        sys.exit(1)


@app.command(group=KEEP)
def doctor(
    *,
    alert: bool = False,
    model: bool = False,
    domain: list[str] | None = None,
    json: bool = False,
) -> None:
    """Check everything that a run needs, with the settings of this shell.

    The command names what is missing, and ends with 1 where something is.

    Args:
        alert: Send a test alert to the webhook and the topic of the settings as well.
        model: Ask the language model of LLM_MODEL about the domains' examples instead, which costs
            a few requests, and say how much of it is right.
        domain: Domains whose examples are asked; default: all.
        json: Print JSON: an array with an object a part.
    """
    from market_opinion.ops import doctor

    marks = {"ok": "[green]ok[/]", "off": "[dim]off[/]", "bad": "[bold red]bad[/]"}
    console, findings = table_console(), []
    checks = doctor.try_models(domain) if model else doctor.examine()
    for finding in itertools.chain(checks, [doctor.send_test_alert()] if alert else []):
        findings.append(finding)
        if not json:
            console.print(
                f"{marks[finding.state]:<20} {finding.part:<11} {shown(finding.text)}",
                highlight=False,
                soft_wrap=True,
            )
    if json:
        print_json(findings)
    if any(finding.state == "bad" for finding in findings):
        sys.exit(1)


audits = cyclopts.App(
    name="audit", help="How completely communities were read, and what of.", group=ASK
)
app.command(audits)


@audits.default
def audit(
    platform: str | None = None,
    community: str | None = None,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    item: str | None = None,
    json: bool = False,
) -> None:
    """Show how completely communities were read, or one item's way to the facts.

    Ends with 1 where hours are missing or not certified. An item is shown as it was received, names
    and all.

    Args:
        platform: Only this platform.
        community: Only this community.
        start: From this hour, in UTC.
        end: Up to this hour, in UTC.
        item: Id of an item of the platform, whose way is to be shown.
        json: Print JSON: an array with an object a community, or a step of the item's way.
    """
    from market_opinion.ops import audit
    from market_opinion.ops.adapters import open_adapters

    ends = both_ends(start, end, otherwise="all hours")
    window = Window(as_utc(ends[0]), as_utc(ends[1])) if ends else None
    if item is not None:
        if platform is None:
            message = "--item needs its platform: `audit reddit --item abc123`"
            raise InvalidRequest(message)
        _show_steps(audit.trace(open_adapters(), platform, item), json=json)
        return
    communities = audit.communities(open_adapters(), platform, community, window)
    holes = [hole for each in communities for hole in each.coverage.holes()]
    if json:
        print_json(communities)
    else:
        console = table_console()
        _show_communities(console, communities)
        for hole in holes:
            console.print(shown(str(hole)), highlight=False, soft_wrap=True)
    if holes:
        sys.exit(1)


@audits.command
def person(platform: str, author: str) -> None:
    """Print all that is kept of an author, as JSON lines, to answer a request for access.

    The rows hold names and words as received: hand them to nobody but the author.

    Args:
        platform: Where the author wrote.
        author: User name as on the platform.
    """
    import json

    from market_opinion.ops.adapters import open_adapters
    from market_opinion.ops.person import kept_of

    for row in kept_of(open_adapters(), platform, author):
        print(json.dumps(row, ensure_ascii=False, default=str))


@audits.command
def models(domain: str = "smartphones", *, show: int = 40) -> None:
    """List names that look like models of a known brand and are not in the catalogue.

    Add to products.csv what should have figures of its own; the others count for their brand.

    Args:
        domain: Name of the domain whose catalogue is looked at.
        show: How many names are shown, most frequent first.
    """
    from market_opinion.domain.definition import load_domain
    from market_opinion.ops import audit
    from market_opinion.ops.adapters import open_adapters

    adapters = open_adapters()
    unknown = audit.unknown_models(adapters, load_domain(domain, adapters.settings.domains_path))
    table = Table("name", "brand", "items", box=None)
    for name, brand, count in unknown.head(show).iter_rows():
        table.add_row(shown(name), shown(brand), f"{count:,}")
    console = table_console()
    console.print(table, soft_wrap=True)
    console.print(f"{unknown.height:,} names that the catalogue lacks", highlight=False)


@app.command(group=KEEP)
@audits.command
def inbox() -> None:
    """Show the outcome of every file of the inbox.

    The command ends with 1 where a file was refused, in part or whole.
    """
    from market_opinion.ops.adapters import open_adapters

    console, table = (
        table_console(),
        Table("file", "state", "lines", "refused", "when", "why", box=None),
    )
    outcomes = open_adapters().inbox().outcomes()
    for each in outcomes:
        lines, refused = (
            f"{each.counts[name]:,}" if each.counts else ""
            for name in ("landed_line_count", "refused_line_count")
        )
        table.add_row(
            shown(each.path),
            each.state,
            lines,
            refused,
            f"{each.decided_at:%Y-%m-%d %H:%M}",
            shown(each.detail),
        )
    console.print(table, soft_wrap=True)
    if any(each.state in {"refused", "partly"} for each in outcomes):
        sys.exit(1)


states = cyclopts.App(
    name="state", help="Which hours were read, as the next runs see it.", group=KEEP
)
app.command(states)


@states.command
def repair(platform: str, community: str | None = None) -> None:
    """Set watermarks to what the ledger says, where a stored one is damaged or wrong.

    A watermark stops before the first open hour, so that no hour is skipped.

    Args:
        platform: For example reddit.
        community: Only this community; all of the platform's when left out.
    """
    from market_opinion.ops import watermarks
    from market_opinion.ops.adapters import open_adapters

    for each in watermarks.repair(open_adapters().state(), platform, community):
        held = f", held by an open hour ({shown(each.held_by.detail)})" if each.held_by else ""
        place = shown(f"{each.platform}/{each.community}")
        table_console().print(
            f"{place}: {each.before} -> {each.after.isoformat()}{held}",
            highlight=False,
            soft_wrap=True,
        )


@app.command(name="author-key", group=KEEP)
def author_key(name: str, platform: str = "reddit") -> None:
    """Print the key that stands for an author, for `flows.erase --author-key`.

    It is made of AUTHOR_PEPPER, or of the pepper in the home; the name is neither sent nor stored.

    Args:
        name: User name as on the platform.
        platform: For example reddit.
    """
    from market_opinion.core.settings import load_settings
    from market_opinion.stages import authors, erasure

    pepper = load_settings().pepper()
    print(authors.author_key(platform, erasure.user_name(name), pepper=pepper))


peppers = cyclopts.App(
    name="pepper", help="The secret that the keys of authors are made with.", group=KEEP
)
app.command(peppers)


@peppers.command(name="next")
def next_pepper() -> None:
    """Print the pepper with a new one added: the next AUTHOR_PEPPER, where that is set.

    Put it there for every process, then run `market-opinion pepper rotate`. It is a secret: send it
    into a file or a secret store. Without AUTHOR_PEPPER, `pepper rotate` alone does it all.
    """
    from market_opinion.core.settings import load_settings
    from market_opinion.ops.peppers import next_pepper as extend

    print(extend(load_settings()))


labels.group = BETTER
app.command(labels)
app.command(estimates, group=BETTER)

domains = cyclopts.App(
    name="domain", help="Product categories: a new one, and whether one is good.", group=BETTER
)
app.command(domains)


@domains.command
def new(
    name: str,
    *,
    catalogue: Annotated[Path, cyclopts.Parameter(name="--from")],
    aspects: str,
    title: str | None = None,
    communities: str = "",
) -> None:
    """Make a domain that works at once, from a catalogue and the names of its aspects.

    Args:
        name: Name of the domain: lower-case letters, digits and _.
        catalogue: CSV with the columns brand and product; aliases, ids, category, released_on,
            is_own_brand, product_id where it has them.
        aspects: Sides that people judge, parted by commas, as engine,comfort,safety.
        title: The category as people call it; the name where left out.
        communities: Subreddits that speak of it, parted by commas.
    """
    from market_opinion.domain import scaffold

    scaffold.check_domain_name(name)
    folder = load_settings().domains_path / name
    if "site-packages" in folder.parts:
        message = f"{folder} is part of the package: set DOMAINS_PATH to a folder of yours"
        raise InvalidRequest(message)
    rows = scaffold.read_catalogue(catalogue)
    written = scaffold.write_domain(
        folder,
        rows,
        title=title or name.replace("_", " ").capitalize(),
        aspects=[aspect.strip() for aspect in aspects.split(",") if aspect.strip()],
        communities=[each.strip() for each in communities.split(",") if each.strip()],
    )
    console = table_console()
    for path in written:
        console.print(f"wrote {shown(str(path))}", highlight=False, soft_wrap=True)
    console.print(
        f"{len(rows):,} products. Now: `market-opinion backfill --domain {name}` for a first"
        " report of what was written for show,"
        f" `market-opinion domain check {name}` for what to make better.",
        highlight=False,
        soft_wrap=True,
    )


@domains.command
def check(name: str) -> None:
    """Show what would make a domain's figures worse; ends with 1 where there is a finding."""
    from market_opinion.domain import lint as domain_lint
    from market_opinion.domain.definition import load_domain

    domains_path = load_settings().domains_path
    domain = load_domain(name, domains_path)
    findings = list(domain_lint.lint(domain, domains_path))
    console = table_console()
    for finding in findings:
        console.print(
            shown(f"{domains_path / name / finding.file}: {finding.text}"),
            highlight=False,
            soft_wrap=True,
        )
    console.print(
        f"{len(domain.products):,} products, {len(domain.aspects)} aspects,"
        f" {len(findings):,} findings",
        highlight=False,
    )
    if findings:
        sys.exit(1)


@domains.command
def diff(left: str, right: str, *, items: int = 1000, show: int = 20) -> None:
    """Judge the same items by two domains, and show those that are judged otherwise.

    This shows the effect of a changed prompt, catalogue or cue before anybody depends on it.

    Args:
        left: The domain as it is.
        right: A copy of its folder with the change.
        items: How many of the newest usable items are judged; a model is paid for those it was not
            asked about before.
        show: How many of the changed items are shown.
    """
    from market_opinion.ops import difference
    from market_opinion.ops.adapters import open_adapters

    console = table_console()
    result = difference.compare_domains(open_adapters(), left, right, items_max=items)
    for line in difference.lines(result, left, right, examples_max=show):
        console.print(shown(line), highlight=False, soft_wrap=True)


def _show_steps(steps: "Iterable[Step]", *, json: bool) -> None:
    """Print the steps of an item's way."""
    if json:
        print_json(list(steps))
        return
    for step in steps:
        text = f"[bold]{step.where}[/]\n  {shown(step.text)}"
        table_console().print(text, highlight=False, soft_wrap=True)


def _show_communities(console: Console, communities: "list[Community]") -> None:
    """Print one row a community: its hours, its watermark and its last run."""
    headings = ("community", "from", "to", "certified", "missing", "watermark", "last run", "items")
    table = Table(*headings, box=None)
    for each in communities:
        coverage, run = each.coverage, each.last_run
        window = coverage.window
        last_run = (
            f"{run['Mode']} {datetime.fromtimestamp(run['IngestedAtTs'], UTC):%Y-%m-%d %H:%M}"
            if run
            else "none"
        )
        table.add_row(
            shown(f"{coverage.platform}/{coverage.community}"),
            f"{window.start:%Y-%m-%d %H:%M}",
            f"{window.end:%Y-%m-%d %H:%M}",
            f"{coverage.certified_count:,} of {window.hour_count:,}",
            f"{sum(span.hour_count for span in coverage.missing):,}",
            f"{each.watermark:%Y-%m-%d %H:%M}" if each.watermark else "none",
            last_run,
            f"{coverage.item_count:,}",
        )
    console.print(table, soft_wrap=True)


if __name__ == "__main__":
    run(app)
