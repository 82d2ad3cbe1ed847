"""Parts of the dashboard's pages, which Streamlit reads as Markdown."""

import http.client
import re
import socket
import sys

import pytest
from streamlit.testing.v1 import AppTest

from tests.browser import dashboard

HOSTILE = "![x](http://e.example/p) [a](javascript:alert(1)) <b>$x$ :red[y]"


@pytest.fixture(autouse=True)
def own_main(monkeypatch):
    """Streamlit's trial leaves its page as the main module, which processes of later tests run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


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


def opened(address: str, origin: str, host: str) -> int:
    """The status with which the pages' channel of data answers a page of another site."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
    headers = {
        "Host": host,
        "Origin": origin,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version": "13",
    }
    connection.request("GET", "/_stcore/stream", headers=headers)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def test_no_page_of_another_site_reads_the_dashboard(home):
    """Whatever the shell says of Streamlit, and under a name that was bent to this machine."""
    home.mkdir()
    shell = {"STREAMLIT_SERVER_ENABLE_CORS": "false", "STREAMLIT_SERVER_ALLOWED_HOSTS": "*"}
    shell |= {"STREAMLIT_SERVER_ENABLE_STATIC_SERVING": "true"}
    with dashboard(home, environment=shell) as address:
        own = address.removeprefix("http://")
        evil = f"evil.example:{own.rpartition(':')[2]}"
        assert opened(address, address, own) == 101
        assert opened(address, "http://evil.example", own) == 403
        assert opened(address, f"http://{evil}", evil) == 403
        assert opened(address, "null", own) == 403
        for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/app/static/app.py"):
            connection = http.client.HTTPConnection(own, timeout=60)
            connection.request("GET", path)
            answer = connection.getresponse().read()
            assert b"root:" not in answer
            assert b"streamlit as st" not in answer
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", int(own.rpartition(":")[2])), timeout=5)


def test_a_proxy_before_the_pages_is_named(home):
    """Pages that everybody reaches are reached under the given name alone."""
    home.mkdir()
    with dashboard(home, "--address", "0.0.0.0", "--host", "pages.example") as address:
        own = address.removeprefix("http://")
        assert opened(address, "https://pages.example", "pages.example") == 101
        assert opened(address, address, own) == 403
