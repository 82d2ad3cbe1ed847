"""Texts that a stranger chose, or that hold an address, as they may be shown."""

import re
from urllib.parse import urlsplit, urlunsplit

# Emoji of several parts are joined by the first; the others are spaces of languages and typography.
_SHOWN = frozenset("\u200d\u00a0\u202f\u3000")
_USER = re.compile(r"://[^\s/?#]*@")
_SLACK = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def visible(text: str) -> str:
    r"""Return a text without signs that steer a terminal, and its addresses without user names.

    A control character, an end of a line and a mark that turns the direction of writing appear as
    their escape: `\x1b`.
    """
    text = _USER.sub("://", text)
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign in _SHOWN else ascii(sign)[1:-1] for sign in text
    )


def shown_uri(uri: str) -> str:
    """Return an address without user, password and query, which may hold keys."""
    parts = urlsplit(visible(uri))
    return urlunsplit(parts._replace(query="", fragment="")) if parts.netloc else visible(uri)


def in_slack(text: str) -> str:
    """Return a text in which nothing is a link or a call to everyone in Slack's markup."""
    return "".join(_SLACK.get(sign, sign) for sign in text)
