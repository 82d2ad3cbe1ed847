"""The page of labels: one drawn item on one screen, marked by keys, and saved in silver.labels.

What the scorer found is not shown, since whoever sees a judgement tends to repeat it. Products that
the text or its thread may mean are offered by number, whatever the scorer made of them.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import streamlit as st

from market_opinion.core.contracts import DRAW, ITEM_KEY, SILVER_ITEMS, SILVER_LABELS
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain, domain_names, load_domain, normalise
from market_opinion.domain.labels import (
    LabelledItem,
    LabelledMention,
    LabelledOpinion,
    problem_of,
)
from market_opinion.serving.dashboard.parts import plain
from market_opinion.stages.mentions import find_candidates
from market_opinion.storage.lake.tables import Lake, open_lake
from market_opinion.truth.label_files import latest_readings, mentions_of, opinions_of
from market_opinion.truth.label_queue import Accord, accords, queue
from market_opinion.truth.label_table import add_readings, check_labeller, texts_of

_ASSETS = Path(__file__).parent
_OFFERED_MAX = 9
# Texts are read from the lake for so many items at once.
_AHEAD = 25
_PARENT_CHARACTERS = 600
_ONE_SCREEN = (
    "<style>.stMainBlockContainer{padding:3.9rem 1.5rem 0;max-width:100%}"
    "[data-testid=stVerticalBlock]{gap:.4rem}</style>"
)


def label_page(settings: Settings) -> None:
    """Show the next item that a labeller has not read; a key saves it and shows the one after."""
    st.html(_ONE_SCREEN)
    lake = _open_lake(settings)
    domain = _domain(settings)
    labeller = _labeller()
    if labeller is None:
        return
    labels = lake.read(SILVER_LABELS, {"domain": domain.name})
    own = latest_readings(labels.filter(labeller=labeller))
    session = _session(domain, labeller, own)
    left = queue(labels, labeller, session.skipped).filter(
        ~pl.col("item_id").is_in(list(session.gone))
    )
    row = _shown(labels, left, session)
    agreement = [" ".join(accord_words(each)) for each in accords(labels, labeller)]
    if row is None:
        st.title("Labels")
        st.info(_nothing_left(labels))
        for sentence in agreement:
            st.caption(plain(sentence))
        return
    item = _item(lake, labels, left, row, session)
    if item is None:  # purged or erased since it was drawn
        session.gone.add(row["item_id"])
        session.back = None
        st.rerun()
    drawn = labels.filter(labeller=DRAW)
    progress = {
        "done": drawn.height - left.height,
        "drawn": drawn.height,
        "agreement": agreement,
        "has_before": session.before(row["item_id"]) is not None,
        "visit": session.visits,
    }
    _component()(
        key="label",
        data=_face(item, row, domain, own) | progress,
        on_done_change=lambda: _save(lake, domain, labeller, row, item["text"], session),
        on_move_change=lambda: _move(row["item_id"], session),
    )


@st.cache_resource
def _open_lake(settings: Settings) -> Lake:
    return open_lake(settings.lake.catalog, settings.lake.path)


@cache
def _component() -> Any:  # noqa: ANN401, Streamlit's mounting command
    html, css, js = (
        (_ASSETS / f"label_page.{suffix}").read_text(encoding="utf-8")
        for suffix in ("html", "css", "js")
    )
    return st.components.v2.component("market_opinion.labels", html=html, css=css, js=js)


@dataclass
class _Session:
    """Place of a labeller: items saved in order, the one gone back to, and those left for later.

    `gone` are items without words. `visits` counts what was done, so that the page knows an answer
    from a mere redrawing. `texts` are rows of silver.items by id, read ahead.
    """

    history: list[str]
    back: str | None = None
    skipped: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    visits: int = 0
    texts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def before(self, item_id: str) -> str | None:
        """Return the item that was saved before this one; None where there is none."""
        seen = self.history
        place = seen.index(item_id) if item_id in seen else len(seen)
        return seen[place - 1] if place else None


def _session(domain: Domain, labeller: str, own: pl.DataFrame) -> _Session:
    """Return the session of a labeller and domain, which begins with what they read before."""
    key = f"labels {domain.name} {labeller}"
    if key not in st.session_state:
        st.session_state[key] = _Session(own["item_id"].to_list())
    kept: _Session = st.session_state[key]
    return kept


def _domain(settings: Settings) -> Domain:
    names = domain_names(settings.domains_path)
    chosen = st.query_params.get("domain", "smartphones")
    place = names.index(chosen) if chosen in names else 0
    name = st.sidebar.selectbox(
        "Domain", names, index=place, format_func=lambda name: name.replace("_", " ").title()
    )
    return load_domain(name, settings.domains_path)


def _labeller() -> str | None:
    """Return the pseudonym, which address and session keep; ask for it where there is none yet."""
    asked = st.query_params.get("labeller") or st.session_state.get("labels labeller", "")
    if not asked:
        st.title("Labels")
        asked = st.text_input(
            "A pseudonym for you: lower-case letters, digits, _ and -; your name is not needed",
            max_chars=32,
            key="label_pseudonym",
        )
        if not asked:
            return None
    try:
        labeller = check_labeller(asked)
    except InvalidRequest as error:
        st.error(plain(str(error)))
        return None
    is_new = "labels labeller" not in st.session_state
    st.session_state["labels labeller"] = st.query_params["labeller"] = labeller
    if is_new:
        st.rerun()  # without the question
    return labeller


def _shown(labels: pl.DataFrame, left: pl.DataFrame, session: _Session) -> dict[str, Any] | None:
    """Return the draw of the item that is shown: the one gone back to, or the next one."""
    drawn = labels.filter(labeller=DRAW)
    back = drawn.filter(pl.col("item_id").is_in([session.back]))
    rows = back if back.height else left
    return rows.row(0, named=True) if rows.height else None


def _item(
    lake: Lake, labels: pl.DataFrame, left: pl.DataFrame, row: dict[str, Any], session: _Session
) -> dict[str, Any] | None:
    """Return the row of silver.items with `parent`; None where its words are gone."""
    texts = session.texts
    if row["item_id"] not in texts:
        ahead = [row["item_id"], *left["item_id"].head(_AHEAD)]
        rows = texts_of(lake, labels.filter(pl.col("item_id").is_in(ahead), labeller=DRAW))
        words = dict(rows.select("item_id", "text").iter_rows())
        texts.clear()
        texts.update(
            (each["item_id"], each | {"parent": words.get(each["parent_id"]) or ""})
            for each in rows.iter_rows(named=True)
        )
    return texts.get(row["item_id"])


def _face(
    item: dict[str, Any], row: dict[str, Any], domain: Domain, own: pl.DataFrame
) -> dict[str, Any]:
    """Return what the page shows of an item, and what this labeller has said of it before."""
    said = own.join(pl.DataFrame([row], own.schema).select(ITEM_KEY), on=ITEM_KEY, how="semi")
    before = said.row(0, named=True) if said.height else None
    mentions, opinions = ((), ()) if before is None else (mentions_of(before), opinions_of(before))
    return {
        "item": {
            "id": item["item_id"],
            "place": f"{item['platform']}/{item['community']}, {item['kind']}",
            "title": item["context_title"] or "",
            "parent": item["parent"][:_PARENT_CHARACTERS],
            "text": item["text"],
        },
        "offered": offered(item, domain, own),
        "catalogue": [
            {"id": each.product_id, "name": f"{each.brand} {each.product}"}
            for each in domain.products
        ],
        "aspects": [
            {"key": key, "id": name, "title": domain.aspects[name].title}
            for name, key in aspect_keys(domain).items()
        ],
        "saved": None
        if before is None
        else {
            "mentions": [each.product_id for each in mentions],
            "opinions": [msgspec.structs.asdict(each) for each in opinions],
        },
    }


def offered(item: dict[str, Any], domain: Domain, own: pl.DataFrame) -> list[str]:
    """Return at most nine products: those the item may mean by name, then the labeller's usual.

    In either group the order says nothing of what the rules or a scorer think of them.
    """
    known = {name: item[name] for name in SILVER_ITEMS.schema}
    candidates = find_candidates(pl.DataFrame([known], SILVER_ITEMS.schema), domain)
    meant = sorted(candidates["product_id"].unique())[:_OFFERED_MAX]
    catalogue = {product.product_id for product in domain.products}
    usual = Counter(
        each.product_id for row in own.iter_rows(named=True) for each in mentions_of(row)
    )
    more = [name for name, _ in usual.most_common() if name in catalogue and name not in meant]
    return [*meant, *more][:_OFFERED_MAX]


def aspect_keys(domain: Domain) -> dict[str, str]:
    """Return a letter for each aspect: a free one of its title, else any."""
    keys: dict[str, str] = {}
    for name, aspect in domain.aspects.items():
        title = aspect.title.lower()
        starts = [word[0] for word in title.split()]
        letters = [*starts, *title, *"abcdefghijklmnopqrstuvwxyz"]
        free = (each for each in letters if each.isascii() and each.isalpha())
        key = next((each for each in free if each not in keys.values()), None)
        if key is not None:
            keys[name] = key
    return keys


def accord_words(accord: Accord) -> Iterator[str]:
    """Yield the agreement with another labeller in words."""
    yield f"With {accord.other}: {accord.item_count:,} items read by both;"
    marked = accord.product_both_count + accord.product_alone_count
    yield f"products: {accord.product_both_count:,} of {marked:,} marked by both;"
    said = accord.opinion_both_count + accord.opinion_alone_count
    yield f"opinions: {accord.opinion_both_count:,} of {said:,}"
    if accord.sign_share is None or accord.kappa is None:
        yield "marked by both."
    else:
        yield f"marked by both, {accord.sign_share:.0%} of them alike (kappa {accord.kappa:.2f})."


def _nothing_left(labels: pl.DataFrame) -> str:
    drawn = labels.filter(labeller=DRAW).height
    if not drawn:
        return (
            "No item is drawn yet. Draw some with `market-opinion labels draw 200`, which says how"
            " probable each was; items picked by hand would make the figures wrong."
        )
    return (
        f"You have read all {drawn:,} items that were drawn. `market-opinion labels draw 100` draws"
        " more; `market-opinion estimates` corrects the figures by what was read."
    )


def _save(
    lake: Lake, domain: Domain, labeller: str, row: dict[str, Any], text: str, session: _Session
) -> None:
    """Save what was marked, unless the page has shown another item since."""
    session.visits += 1
    said = st.session_state["label"].get("done")
    if not said or said["item_id"] != row["item_id"]:
        return
    item = _read(said, row, text, domain)
    if problem := problem_of(item, domain):
        st.error(plain(problem))
        return
    drawn = lake.read(SILVER_LABELS, {"domain": domain.name, "labeller": DRAW})
    now = datetime.now(UTC).replace(microsecond=0)
    add_readings(lake, domain, [item], drawn, labeller=labeller, now=now)
    session.back = None
    if row["item_id"] not in session.history:
        session.history.append(row["item_id"])


def _read(said: dict[str, Any], row: dict[str, Any], text: str, domain: Domain) -> LabelledItem:
    """Return the item as it was marked; a product is named where the text has an alias of it."""
    words = f" {normalise(text)} "
    named = {alias.product_id for alias in domain.aliases() if f" {alias.alias} " in words}
    mentions = tuple(
        LabelledMention(each, "text" if each in named else "context") for each in said["mentions"]
    )
    opinions = tuple(msgspec.convert(each, LabelledOpinion) for each in said["opinions"])
    return LabelledItem(
        item_id=row["item_id"],
        text=text,
        mentions=mentions,
        opinions=opinions,
        community=row["community"],
        kind=row["kind"],
        stratum=row["stratum"],
    )


def _move(item_id: str, session: _Session) -> None:
    """Go back to the item saved before this one, or leave this one for later."""
    session.visits += 1
    way = st.session_state["label"].get("move")
    if way == "skip" and session.back is None:
        session.skipped.add(item_id)
    session.back = session.before(item_id) if way == "back" else None
