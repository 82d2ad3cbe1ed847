"""Texts that strangers chose, on a terminal, in a log and in Slack."""

import io

import pytest
from rich.console import Console

from market_opinion.core.console import shown
from market_opinion.core.visible import in_slack, shown_uri, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, naïve, 手机, 👩‍🚀", "plain, naïve, 手机, 👩‍🚀"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("a\nERROR forged", r"a\nERROR forged"),
        ("a\r\x08b\x9bc", r"a\r\x08b\x9bc"),
        ("fdp.\u202egpj", r"fdp.\u202egpj"),
        ("a\u2028b", r"a\u2028b"),
        ("at ftp://mila:pw@host/x", "at ftp://host/x"),
        ("postgresql://mila:p@ss@host:5/db", "postgresql://host:5/db"),
    ],
)
def test_nothing_steers_a_terminal_or_names_a_user(text, expected):
    """Control characters, forged lines, turned text, and passwords of addresses."""
    assert expected == visible(text)


def test_markup_of_rich_is_text():
    """Neither colours nor links."""
    out = io.StringIO()
    Console(file=out, force_terminal=True).print(
        shown("[link=http://x]a[/] \x1b[31m"), highlight=False
    )
    assert r"[link=http://x]a[/] \x1b[31m" in out.getvalue()
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://bucket/a/b", "s3://bucket/a/b"),
        ("file:///home/a b", "file:///home/a b"),
        ("sftp://mila:pw@host:22/a?password=pw#pw", "sftp://host:22/a"),
        ("https://host/v1?api-key=pw", "https://host/v1"),
        ("/plain/path?not a query", "/plain/path?not a query"),
    ],
)
def test_an_address_shows_no_secret(uri, expected):
    """User, password and query may be keys."""
    assert expected == shown_uri(uri)


def test_nobody_is_called_in_slack():
    """A name of a file is no link, and no call to a channel."""
    assert in_slack("<!channel> a&b") == "&lt;!channel&gt; a&amp;b"
