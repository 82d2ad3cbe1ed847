"""Records of runs: all that a run was given, so that it can be made again offline and compared.

A record is a folder. `landing` holds the answers of servers, line by line as received with their
certificates, `kept` those tables that no stage makes from landing (a model's answers, refused
files, figures by labels and weeks), and `record.json` the clock, the settings that decide rows, the
loads of the mart, and the fingerprint of what each stage made. Domains, weights and the program
itself are not in it: a replay shows what another version of these makes of the same answers.

A record holds words of other people, and no secret. No erasure reaches it.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from market_opinion.core.contracts import (
    GOLD_BURSTS,
    GOLD_CHANGES,
    GOLD_ESTIMATES,
    OPS_REJECTIONS,
    SILVER_EXTRACTIONS,
    Table,
)
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import Settings
from market_opinion.core.settings_apart import deciding_values, settings_apart
from market_opinion.core.visible import shown_uri
from market_opinion.core.window import HOUR, Slice, Window
from market_opinion.ops import fingerprints
from market_opinion.ops.fingerprints import Fingerprints
from market_opinion.ops.reading import Reading, whole_platform
from market_opinion.ops.run import Run
from market_opinion.ops.stage_ledger import version_of_the_code
from market_opinion.ops.upgrade import bring_up_to_date
from market_opinion.stages.hours import cut

FORMAT = 1
_FILE, _LANDING, _KEPT = "record.json", "landing", "kept"
# A load spans days of no single platform.
_ANY = "any"
_LOADS = """
    SELECT first_date_key, last_date_key FROM mart.load_audit
    WHERE domain = $domain ORDER BY load_number"""


class Record(msgspec.Struct, frozen=True):
    """Contents of `record.json`, of one run.

    `program` is a hash of the modules that make rows, and `stages` what they made. `spans` are the
    hours that were carried to the mart: platform, communities, start and end. `loads` are the first
    and last dates of loads, in order.
    """

    format: int
    domain: str
    domain_version: str
    now: datetime
    program: str
    settings: dict[str, dict[str, Any]]
    spans: list[tuple[str, tuple[str, ...], datetime, datetime]]
    loads: list[tuple[date, date]]
    stages: Fingerprints


def check_new(folder: Path) -> None:
    """Raise InvalidRequest for a folder that holds something already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        message = f"{folder} holds something already: name a folder that is new or empty"
        raise InvalidRequest(message)


def write(run: Run, folder: Path) -> Record:
    """Write the record of a run that has ended into a new folder; `record.json` comes last.

    Everything that was landed goes in, since the report is made of all of it.
    """
    check_new(folder)
    landing, lake = run.adapters.landing(), run.adapters.lake()
    for path in landing.files_below(""):
        target = folder / _LANDING / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(landing.read_file(path))
    (folder / _KEPT).mkdir(parents=True)
    for table, where in _kept(run.domain):
        _without_keys(lake.read(table, where)).write_parquet(_kept_path(folder, table))
    spans = _entered(run)
    record = Record(
        FORMAT,
        run.domain,
        run.load_domain().version,
        run.now,
        version_of_the_code(),
        deciding_values(run.settings),
        [(span.platform, span.communities, span.window.start, span.window.end) for span in spans],
        _loads(run),
        fingerprints.of_home(run, _in_parts(run, spans), run.settings.report_path),
    )
    content = msgspec.json.format(msgspec.json.encode(record))
    (folder / _FILE).write_bytes(content + b"\n")
    return record


def read(folder: Path) -> Record:
    """Return the record in a folder; raises InvalidRequest for a folder without a whole one."""
    try:
        record = msgspec.json.decode((folder / _FILE).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError) as error:
        message = f"{folder} holds no record of a run ({error}): write one by `run --record`"
        raise InvalidRequest(message) from error
    if record.format != FORMAT:
        message = f"{folder} is a record of format {record.format}, and this program knows {FORMAT}"
        raise InvalidRequest(message)
    return record


def run_apart(record: Record, home: Path, here: Settings, run_id: str) -> Run:
    """Return the recorded run over a home of its own, at its time and by its settings.

    No stage of it is taken from a cache.
    """
    settings = settings_apart(home.resolve(), record.settings, here)
    return Run(record.domain, record.now, run_id, "recheck", settings)


def changed_inputs(record: Record, domain_version: str) -> tuple[str, ...]:
    """Return what is another than in the recorded run, a line each."""
    versions = {
        f"the domain {record.domain}": (record.domain_version, domain_version),
        "the program": (record.program, version_of_the_code()),
    }
    return tuple(
        f"{name} is another version ({now[:12]}) than the recorded one ({before[:12]})"
        for name, (before, now) in versions.items()
        if before != now
    )


@contextmanager
def home_apart(home: Path, *, keep: bool) -> Iterator[None]:
    """Make the home of a replay, and remove it at the end unless it is kept.

    One that is not kept may be there already, left by a replay that was cut off.
    """
    if not keep:
        shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def restore(run: Run, folder: Path) -> None:
    """Copy what a record was given into the empty home of the run."""
    bring_up_to_date(run)
    if (folder / _LANDING).exists():
        _copy_files(folder / _LANDING, run.settings.home / _LANDING)
    lake = run.adapters.lake()
    for table, where in _kept(run.domain):
        rows = pl.read_parquet(_kept_path(folder, table))
        if rows.height:
            lake.overwrite(table, rows, where, None, run=run.commit())


def _copy_files(folder: Path, to: Path) -> None:
    """Copy a folder without its links: those of a stranger's record lead to files of ours."""

    def links(place: str, names: list[str]) -> list[str]:
        return [name for name in names if (Path(place) / name).is_symlink()]

    shutil.copytree(folder, to, ignore=links, dirs_exist_ok=True)


def slices(run: Run, record: Record) -> list[Slice]:
    """Return the recorded hours in slices that fit in memory."""
    spans = [
        Slice(platform, communities, Window(start, end))
        for platform, communities, start, end in record.spans
    ]
    return _in_parts(run, spans)


def readings(run: Run, record: Record) -> dict[str, Reading]:
    """Return a reading of what was landed of each recorded platform."""
    platforms = {platform for platform, *_ in record.spans}
    return {platform: whole_platform(run, platform) for platform in sorted(platforms)}


def load_slices(record: Record) -> list[list[Slice]]:
    """Return the days of each load of the mart, as what a load takes."""
    return [
        [Slice(_ANY, (), Window(_midnight(first), _midnight(last) + timedelta(days=1)))]
        for first, last in record.loads
    ]


def _entered(run: Run) -> list[Slice]:
    """Return the hours of the ledger that a run has carried on, in as few slices as can be.

    Hours that were landed and are not due yet have no count of captures, and are in none.
    """
    hours: dict[str, dict[datetime, set[str]]] = defaultdict(lambda: defaultdict(set))
    for entry in run.adapters.state().windows():
        if "capture_count" in entry.counts:
            hours[entry.platform][entry.window_start].add(entry.community)
    spans: list[Slice] = []
    for platform, entered in sorted(hours.items()):
        spans += _spans(platform, entered, _waiting(run, platform, entered))
    return spans


def _waiting(
    run: Run, platform: str, entered: Mapping[datetime, set[str]]
) -> list[tuple[datetime, str]]:
    """Return the hours and communities that were landed and not entered."""
    landing = run.adapters.landing()
    manifests = (
        capture.manifest
        for capture in landing.captures(platform, landing.communities(platform), None)
    )
    landed = {(manifest.window_start, manifest.community) for manifest in manifests}
    return sorted(each for each in landed if each[1] not in entered.get(each[0], ()))


def _spans(
    platform: str, entered: Mapping[datetime, set[str]], waiting: list[tuple[datetime, str]]
) -> list[Slice]:
    """Return slices that hold all entered hours, and no community's hour that is waiting."""
    spans: list[Slice] = []
    for start, names in sorted(entered.items()):
        if spans:
            last = spans[-1]
            window = Window(last.window.start, start + HOUR)
            communities = {*last.communities, *names}
            if not any(hour in window and name in communities for hour, name in waiting):
                spans[-1] = Slice(platform, tuple(sorted(communities)), window)
                continue
        spans.append(Slice(platform, tuple(sorted(names)), Window.hour(start)))
    return spans


def _in_parts(run: Run, spans: list[Slice]) -> list[Slice]:
    landing, parts = run.adapters.landing(), list[Slice]()
    for span in spans:
        captures = landing.captures(span.platform, span.communities, span.window)
        parts += cut(span, captures, max_items=run.settings.span_max_items)
    return parts


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _loads(run: Run) -> list[tuple[date, date]]:
    """Return the dates of the domain's loads, without those that a later one has made again."""
    mart = run.adapters.mart()
    if not mart.is_loaded:
        return []
    spans = [
        (_date(first), _date(last))
        for first, last in mart.query(_LOADS, {"domain": run.domain}).iter_rows()
    ]
    kept: list[tuple[date, date]] = []
    for first, last in reversed(spans):
        if not any(later[0] <= first and last <= later[1] for later in kept):
            kept.append((first, last))
    return kept[::-1]


def _date(key: int) -> date:
    """Return the date of a key like 20260301."""
    return date(key // 10_000, key // 100 % 100, key % 100)


def _kept(domain: str) -> list[tuple[Table, dict[str, str | list[str]]]]:
    """Return the tables that no stage makes from landing, with their rows of a domain."""
    of_domain: dict[str, str | list[str]] = {"domain": domain}
    tables = (SILVER_EXTRACTIONS, GOLD_ESTIMATES, GOLD_CHANGES, GOLD_BURSTS)
    return [*((table, of_domain) for table in tables), (OPS_REJECTIONS, {"stage": "fetch"})]


def _kept_path(folder: Path, table: Table) -> Path:
    return folder / _KEPT / f"{table.name}.parquet"


def _without_keys(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with addresses of files as they may be shown: without passwords and keys."""
    if "landing_uri" not in rows.columns:
        return rows
    shown = pl.col("landing_uri").map_elements(shown_uri, return_dtype=pl.String)
    return rows.with_columns(shown)
