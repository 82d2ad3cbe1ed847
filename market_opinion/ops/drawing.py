"""The report's page, drawn from the mart and the lake into the home folder."""

from datetime import datetime
from pathlib import Path

from market_opinion.domain.definition import load_domain
from market_opinion.ops.adapters import Adapters
from market_opinion.serving import report
from market_opinion.truth.accuracy import accuracy_path, read_accuracies


def draw_report(adapters: Adapters, domain: str, now: datetime) -> Path | None:
    """Draw the domain's report, replace the file, and return its path.

    Before the first load there is no report.
    """
    mart, lake, settings = adapters.mart(), adapters.lake(), adapters.settings
    if not mart.is_loaded:
        return None
    html = report.render(
        mart.read,
        load_domain(domain, settings.domains_path),
        now=now,
        rejections=lake.read(report.REJECTIONS),
        answers=lake.read(report.ANSWERS, {"domain": domain}, columns=report.ANSWER_COLUMNS),
        accuracies=read_accuracies(accuracy_path(domain, settings.domains_path)),
    )
    path = settings.report_path
    partial = path.with_suffix(".part")
    partial.write_text(html, encoding="utf-8")
    partial.replace(path)
    return path
