"""Parts of the dashboard's pages, which Streamlit reads as Markdown."""

import re

from streamlit.testing.v1 import AppTest

HOSTILE = "![x](http://e.example/p) [a](javascript:alert(1)) <b>$x$ :red[y]"


def page(words: str) -> None:
    """Show a text of a stranger in every part that shows one."""
    from datetime import datetime

    import polars as pl
    import streamlit as st

    from market_opinion.serving.dashboard import parts

    parts.tile(st, words, "1", "2")
    parts.joined([words])
    row = {
        "product": words,
        "label": "positive",
        "evidence": words,
        "votes": -1,
        "community": words,
    }
    row |= {
        "platform": words,
        "mentioned_at": datetime(2026, 3, 1),
        "permalink": f"https://e.example/){words}",
    }
    parts.cards(pl.DataFrame([row]), name="x")


def test_words_and_names_are_no_markdown():
    """Neither a picture of another host, nor a link, nor HTML: every sign of Markdown is escaped."""
    at = AppTest.from_function(page, args=(HOSTILE,), default_timeout=60).run()
    assert not at.exception
    shown = [at.metric[0].label, *(each.value for each in (*at.markdown, *at.caption))]
    assert len(shown) == 4
    for text in shown:
        assert r"\!\[x\]\(http" in text
        assert not set("![]()<$:`") & set(re.sub(r"\\.", "", text))


def test_the_address_of_the_page_of_labels_is_no_markdown():
    """A link of a stranger may hold any pseudonym."""

    def asked() -> None:
        from market_opinion.serving.dashboard import label_page

        label_page._labeller()

    at = AppTest.from_function(asked, default_timeout=60)
    at.query_params["labeller"] = HOSTILE
    at.run()
    assert "![" not in at.error[0].value
