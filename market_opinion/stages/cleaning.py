"""Cleaning of texts: markup and personal names go, so that a text can be judged and shown.

The work is done by Polars expressions; only HTML entities need a call of Python for a text.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import polars as pl

from market_opinion.core.markup import Markup
from market_opinion.stages import personal
from market_opinion.stages.personal import MASKS

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Characters that keyboards write in place of one of ASCII.
_PLAIN = {
    **dict.fromkeys("\u2018\u2019\u201b\u02bc\u02b9\u00b4\u2032\u2035\uff07", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02", '"'),
    "\u2026": "...",
}
# Full-width signs and the digits of other scripts, which would hide names and numbers as well.
_WIDE = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {
    sign: str(unicodedata.decimal(sign))
    for sign in map(chr, range(0x80, 0x1D7CE))
    if unicodedata.decimal(sign, None) is not None
}

# Controls, soft hyphens, zero-width and direction marks, which would hide names from the masks.
_INVISIBLE = (
    r"[\x00-\x08\x0b-\x1f\x7f\u{ad}\u{61c}\u{180e}\u{200b}-\u{200f}\u{202a}-\u{202e}"
    r"\u{2060}-\u{2064}\u{2066}-\u{2069}\u{feff}]"
)

# Guards, each with (pattern, replacement) pairs for the texts that the guard matches; most texts
# match none.
_Group = tuple[str, tuple[tuple[str, str], ...]]
_Groups = tuple[_Group, ...]
_QUOTED_LINES = (r"(?m)^\s*>.*$", "")

# Tags go before entities become characters, so that a `<b>` that a person typed stays.
_TAGS: dict[str, _Groups] = {
    "html": (
        (
            r"<[/a-zA-Z]",
            (
                (r"(?is)<(pre|code)\b[^>]*>.*?</(?:pre|code)>", " "),
                (r"(?i)<(?:p|br|div|li|ul|ol)\b[^>]*>|</(?:p|div|li|ul|ol)>", "\n"),
                (
                    r"(?i)</?(?:a|i|b|u|em|strong|span|blockquote|s|sub|sup|h[1-6])\b[^>]*>",
                    "",
                ),
            ),
        ),
    ),
}

# Markup after entities became characters. It goes before names are looked for, since they are
# looked for in the words that are left.
_MARKUP: dict[str, _Groups] = {
    "markdown": (
        (r"\\", ((r"\\([\\`*_{}\[\]()#+.!~|>@/^-])", "$1"),)),
        (
            r"```|^(?: {4}|\t)|\n(?: {4}|\t)",
            ((r"(?s)```.*?(?:```|\z)", " "), (r"(?m)^(?: {4}|\t).*$", "")),
        ),
        (r">|!<", ((r">!|!<", ""), _QUOTED_LINES)),
        (
            r"\]\(",
            (
                (r"!\[[^\]]*\]\([^)]*\)", ""),
                (r"\b([bB]y )\[[A-Z]\w+ [A-Z]\w+\]\([^)]*\)", "${1}[user]"),
                (r"\[([^\]]*)\]\((?:[^()\s]|\([^()]*\))*(?:\s+\"[^\"]*\")?\)", "$1"),
            ),
        ),
    ),
    "quoted_lines": ((">", (_QUOTED_LINES,)),),
    "bbcode": (
        (
            r"\[[/*a-zA-Z]",
            (
                # The innermost of quotes within quotes first.
                *((r"(?is)\[quote\b[^\]]*\](?:[^\[]|\[[^/q])*?\[/quote\]", "\n"),) * 3,
                (r"(?is)\[(?:code|img|previewyoutube)\b[^\]]*\].*?\[/\w+\]", " "),
                (r"(?i)\[/?(?:list|olist|h[1-6]|hr|tr|table|p|\*)\b[^\]]*\]|\[/?\*\]", "\n"),
                (r"(?i)\[/?t[dh]\b[^\]]*\]", " "),
                (
                    (
                        r"(?i)\[/?(?:b|i|u|s|strike|spoiler|noparse|url|quote|code|color|size|img)"
                        r"(?:=[^\]]*)?\]"
                    ),
                    "",
                ),
            ),
        ),
    ),
}
_MARKDOWN_SIGNS: _Groups = (
    (
        r"(?:^|\n)\s*[#*+|.)0-9-]",
        (
            (r"(?m)^\s*(?:#{1,6}\s+|[*+-]\s+|\d{1,2}[.)]\s+)", ""),
            (r"(?m)^[\s|:-]*\|[\s|:-]*$", ""),
        ),
    ),
    (r"[*~`^|]", ((r"\*{1,3}|~~|`+|\^|\|", ""),)),
    (r"_", ((r"(^|\W)_{1,2}([^_\n]+)_{1,2}(\W|$)", "$1$2$3"),)),
)
# Signs that may stand in names and addresses, and so go after these were looked for.
_SIGNS: dict[str, _Groups] = {"markdown": _MARKDOWN_SIGNS}
_HIDDEN: _Groups = ((r"[^\n\t\x20-\x7e]", ((_INVISIBLE, ""),)),)

_MASKED: _Groups = tuple((kind.guard, kind.steps) for kind in personal.KINDS)
_BLANKS: _Groups = (
    (r"[\t\u{a0}\u{2000}-\u{200a}\u{202f}\u{3000}]|  ", ((r"[^\S\n]+", " "),)),
    (r"\n", ((r" ?\n\s*", "\n"),)),
)


# A text without a match is plain: no guard above matches it, and it has no space too many.
_NOT_PLAIN = r"[^A-Za-z0-9 .,!?'\"():;$%=-]|  |^[ #*+|.)0-9-]| $|" + personal.SEEN_IN_PLAIN_TEXT


def clean(
    frame: pl.LazyFrame, *columns: str, markup: Sequence[Markup] = ("markdown",)
) -> pl.LazyFrame:
    """Return the frame with these columns cleaned, in NFC.

    Markup of the given kinds, with quotes and code, and invisible characters go; links, user
    names, e-mail addresses and phone numbers become masks. Paragraphs are separated by one line
    break. Null and empty texts stay as they are. Rows come back in another order, since only texts
    that are not plain are worked on.
    """
    is_plain = pl.all_horizontal(
        ~pl.col(column).str.contains(_NOT_PLAIN).fill_null(value=False) for column in columns
    )
    # A chain of frames: a nested expression would be computed anew wherever it occurs.
    work = frame.filter(~is_plain)
    work = _where(work, columns, r"[^\x00-\x7f]", lambda text: text.str.normalize("NFC"))
    work = _in_groups(work, columns, [g for kind in markup for g in _TAGS.get(kind, ())])
    work = _where(work, columns, "&", _without_entities)
    work = _where(
        work,
        columns,
        r"[^\x00-\x7f]",
        lambda text: text.str.replace_many(_PLAIN | _WIDE),
    )
    own, signs = (
        [group for kind in markup for group in table.get(kind, ())] for table in (_MARKUP, _SIGNS)
    )
    work = _in_groups(work, columns, [*_HIDDEN, *own, *_MASKED, *signs, *_BLANKS])
    return pl.concat([frame.filter(is_plain), work.with_columns(pl.col(columns).str.strip_chars())])


def _in_groups(
    frame: pl.LazyFrame, columns: tuple[str, ...], groups: Iterable[_Group]
) -> pl.LazyFrame:
    for guard, steps in groups:
        frame = _where(frame, columns, guard, partial(_apply, steps))
    return frame


def _where(
    frame: pl.LazyFrame, columns: tuple[str, ...], guard: str, change: Callable[[pl.Expr], pl.Expr]
) -> pl.LazyFrame:
    """Return the frame with the columns changed where the guard matches.

    All other texts are empty to the change: a null would be slower (30 times, as measured), since
    Polars computes on the value below it.
    """

    def changed(text: pl.Expr) -> pl.Expr:
        is_match = text.str.contains(guard)
        return (
            pl.when(is_match)
            .then(change(pl.when(is_match).then(text).otherwise(pl.lit(""))))
            .otherwise(text)
        )

    return frame.with_columns(changed(pl.col(column)) for column in columns)


def _without_entities(text: pl.Expr) -> pl.Expr:
    """Return the text with characters for HTML's entities, even where one was escaped twice."""
    return text.map_elements(_unescaped, return_dtype=pl.String, skip_nulls=True)


def _unescaped(text: str) -> str:
    for _ in range(2):
        text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
    return text.replace("\u200b", "").replace("\xa0", " ")


def _apply(steps: tuple[tuple[str, str], ...], text: pl.Expr) -> pl.Expr:
    for pattern, replacement in steps:
        text = text.str.replace_all(pattern, replacement)
    return text


def words(text: pl.Expr) -> pl.Expr:
    """Return the text without its masks."""
    return text.str.replace_many(list(MASKS), [""] * len(MASKS))


def normalise(text: pl.Expr) -> pl.Expr:
    """Return the text in lower case, with a space for each character but letters, digits and `+`.

    Every character keeps its place.
    """
    # The one letter whose lower case is two characters would move all characters after it.
    return (
        text.str.replace_all("İ", "I", literal=True)
        .str.to_lowercase()
        .str.replace_all(r"[^\p{L}\p{N}\p{M}+]", " ")
    )
