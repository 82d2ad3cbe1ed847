"""Kinds of markup that texts come in; each platform says which are its own."""

from typing import Literal

Markup = Literal["markdown", "html", "bbcode", "quoted_lines"]
"""`quoted_lines` are plain lines that begin with `>` and quote somebody, as Markdown's do."""
