"""Cleaning of texts: markup and personal names go, so that a text can be judged and shown.

The work is done by Polars; HTML entities and check digits alone need a call of Python, for the few
texts that have some.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import polars as pl

from market_opinion.core.markup import Markup
from market_opinion.stages import personal
from market_opinion.stages.personal import HERE, MARKERS, MASKS, Kind

# Browsers read a decimal one without its semicolon as well.
_ENTITY = re.compile(
    r"&#[0-9]{2,7};?|&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
)
# Characters that keyboards write in place of one of ASCII.
_PLAIN = {
    **dict.fromkeys(
        "\u2018\u2019\u201b\u02bc\u02b9\u02bb\u02c8\u00b4\u055a\u2032\u2035\uff07", "'"
    ),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02", '"'),
    **dict.fromkeys("\u2010\u2011\u2212\ufe63", "-"),
    "\ufe6b": "@",
    "\ufe52": ".",
    "\u2026": "...",
    # The long s, which is an s to patterns that ignore case.
    "\u017f": "s",
}
# Full-width signs, the digits of other scripts, ligatures, Roman numerals and letters of
# mathematics and in circles, which would hide names and numbers as well.
_WIDE = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {
    sign: str(unicodedata.decimal(sign))
    for sign in map(chr, range(0x80, 0x1D7CE))
    if unicodedata.decimal(sign, None) is not None
}
_FANCY_BLOCKS = (
    range(0x2160, 0x2180),
    range(0x24B6, 0x24EA),
    range(0xFB00, 0xFB07),
    range(0x1D400, 0x1D800),
    range(0x1F130, 0x1F14A),
)
_FANCY = {
    chr(code): plain
    for block in _FANCY_BLOCKS
    for code in block
    if (plain := unicodedata.normalize("NFKC", chr(code))).isascii()
}

# Controls, soft hyphens, zero-width and direction marks, which would hide names from the masks, and
# the signs that stand for masks below.
_INVISIBLE = (
    r"[\x00-\x08\x0b-\x1f\x7f\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{180e}\u{200b}-\u{200f}"
    r"\u{202a}-\u{202e}\u{2060}-\u{206f}\u{3164}\u{feff}\u{ffa0}\u{fff9}-\u{fffb}"
    r"\u{e0a0}-\u{e0cf}\u{e0000}-\u{e007f}]"
)
# What makes a digit a key, or chooses how a letter is drawn.
_VARIANT = r"([0-9A-Za-z@.])[\u{fe00}-\u{fe0f}\u{20e3}]+"

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
                *(
                    (rf"(?is)<{name}\b[^>]*>.*?</{name}\s*>", " ")
                    for name in ("pre", "code", "script", "style")
                ),
                (r"(?i)</?(?:p|br|hr|div|li|ul|ol|table|tr)\b[^>]*>", "\n"),
                (r"(?i)</?t[dh]\b[^>]*>", " "),
                (
                    (
                        r"(?i)</?(?:a|i|b|u|em|strong|span|blockquote|s|sub|sup|h[1-6]|pre|code|img"
                        r"|small|big|font|del|ins|mark|tt|center|input|tbody|thead)\b[^>]*>"
                    ),
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
                (r"\b([bB]y )\[[A-Z]\w+ [A-Z]\w+\]\([^)]*\)", f"${{1}}{MARKERS['name']}"),
                (r"\[([^\]]*)\]\((?:[^()\s]|\([^()]*\))*(?:\s+\"[^\"]*\")?\)", "$1"),
            ),
        ),
    ),
    "quoted_lines": ((">", (_QUOTED_LINES,)),),
    "bbcode": (
        (
            r"\[[/*a-zA-Z]",
            (
                # The innermost of quotes within quotes first, with all other tags in them.
                *((r"(?is)\[quote\b[^\]]*\](?:[^\[]|\[[^/q]|\[/[^q])*?\[/quote\]", "\n"),) * 3,
                *(
                    (rf"(?is)\[{name}\b[^\]]*\].*?\[/{name}\]", " ")
                    for name in ("code", "img", "previewyoutube")
                ),
                (r"(?i)\[/?(?:list|olist|h[1-6]|hr|tr|table|p|\*)\b[^\]]*\]|\[/?\*\]", "\n"),
                (r"(?i)\[/?t[dh]\b[^\]]*\]", " "),
                (
                    (
                        r"(?i)\[/?(?:b|i|u|s|strike|spoiler|noparse|url|quote|code|color|size|img"
                        r"|previewyoutube)(?:=[^\]]*)?\]"
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
_NOT_TYPED = r"[^\n\t\x20-\x7e]"

_NO_MARK = "[^\ue0b0-\ue0cf]+"
# Markdown alone has marked a name already.
_SEEN = f"{MARKERS['name']}|{personal.SEEN}"
_MASK_OF = {MARKERS[kind.name]: kind.mask for kind in personal.KINDS}
_BLANKS: _Groups = (
    (r"[\t\u{a0}\u{2000}-\u{200a}\u{202f}\u{3000}]|  ", ((r"[^\S\n]+", " "),)),
    (r"\n", ((r" ?\n\s*", "\n"),)),
)


_CLEANED = pl.Struct({"text": pl.String, "marks": pl.String})
# A text without a match is plain: no guard above matches it, and it has no space too many.
_HAS_MARKUP = r"[^A-Za-z0-9 .,!?'\"():;$%=-]|  |^[ #*+|.)0-9-]| $|[wW]{3}\."
_NOT_PLAIN = f"{_HAS_MARKUP}|{personal.SEEN_IN_WORDS}"


def clean(
    frame: pl.LazyFrame,
    *columns: str,
    markup: Sequence[Markup] = ("markdown",),
    marks: str | None = None,
) -> pl.LazyFrame:
    """Return the frame with these columns cleaned, in NFC.

    Markup of the given kinds, with quotes and code, and invisible characters go; personal data
    becomes masks. Paragraphs are separated by one line break. Null and empty texts stay as they
    are. `marks` names a new column: one of `personal.MARKERS` for each mask of the row's first
    column.
    """
    cleaned = partial(_cleaned, markup=markup)
    frame = frame.with_columns(
        pl.col(columns).map_batches(cleaned, return_dtype=_CLEANED, is_elementwise=True)
    )
    if marks:
        frame = frame.with_columns(pl.col(columns[0]).struct.field("marks").alias(marks))
    return frame.with_columns(
        pl.col(column).struct.field("text").alias(column) for column in columns
    )


def _cleaned(texts: pl.Series, *, markup: Sequence[Markup]) -> pl.Series:
    """Return `text` and `marks` of each text; only those that are not plain are worked on."""
    rows = _seen(texts, _NOT_PLAIN).arg_true()
    bare = _without_markup(texts.gather(rows), markup)
    hits = _seen(bare, _SEEN).arg_true()
    marked = _marked(bare.gather(hits))
    marks = pl.repeat("", len(texts), eager=True).scatter(
        rows.gather(hits), marked.str.replace_all(_NO_MARK, "")
    )
    masked = bare.scatter(hits, marked.str.replace_many(_MASK_OF))
    text = texts.scatter(rows, _finished(masked, markup))
    return pl.struct(text.alias("text"), marks.alias("marks"), eager=True)


def _seen(texts: pl.Series, pattern: str) -> pl.Series:
    """Return whether each text matches the pattern or has a word of a kind."""
    has_word = texts.str.contains_any(personal.WORDS, ascii_case_insensitive=True)
    return (texts.str.contains(pattern) | has_word).fill_null(value=False)


def _without_markup(texts: pl.Series, markup: Sequence[Markup]) -> pl.Series:
    """Return the texts as they were typed, without tags and quotes."""
    texts = _in_groups(texts, [group for kind in markup for group in _TAGS.get(kind, ())])
    texts = _where(texts, "&", partial(_one_by_one, change=_unescaped))
    texts = _where(texts, _NOT_TYPED, _typed)
    return _in_groups(texts, [group for kind in markup for group in _MARKUP.get(kind, ())])


def _marked(texts: pl.Series) -> pl.Series:
    """Return the texts with markers in place of personal data."""
    return _of_kinds(texts, kinds=personal.KINDS)


def _of_kinds(texts: pl.Series, *, kinds: Iterable[Kind]) -> pl.Series:
    for kind in kinds:
        texts = _where(texts, kind.guard, partial(_marked_as, kind))
    return texts


def _finished(texts: pl.Series, markup: Sequence[Markup]) -> pl.Series:
    """Return the texts without the signs and blanks to spare."""
    signs = [group for kind in markup for group in _SIGNS.get(kind, ())]
    return _in_groups(texts, [*signs, *_BLANKS]).str.strip_chars()


def _typed(texts: pl.Series) -> pl.Series:
    """Return the texts in NFC, with ASCII for its look-alikes, without invisible characters."""
    composed = texts.str.normalize("NFC").str.replace_many(_PLAIN | _WIDE | _FANCY)
    return composed.str.replace_all(_INVISIBLE, "").str.replace_all(_VARIANT, "$1")


def _in_groups(texts: pl.Series, groups: Iterable[_Group]) -> pl.Series:
    for guard, steps in groups:
        texts = _where(texts, guard, partial(_apply, steps))
    return texts


def _where(texts: pl.Series, guard: str, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return the texts changed where the guard matches.

    The change is not even begun where none does, nor a look at no texts: to compile a pattern costs
    more than to look for a guard in a thousand texts.
    """
    if texts.is_empty():
        return texts
    rows = texts.str.contains(guard).fill_null(value=False).arg_true()
    return texts.scatter(rows, change(texts.gather(rows))) if len(rows) else texts


def _one_by_one(texts: pl.Series, change: Callable[[str], str]) -> pl.Series:
    return pl.Series(texts.name, [change(text) for text in texts], dtype=pl.String)


def _unescaped(text: str) -> str:
    """Return the text with characters for HTML's entities, even where one was escaped twice."""
    for _ in range(2):
        text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
    return text.replace("\u200b", "").replace("\xa0", " ")


def _apply(steps: Iterable[tuple[str, str]], texts: pl.Series) -> pl.Series:
    for pattern, replacement in steps:
        texts = texts.str.replace_all(pattern, replacement)
    return texts


def _marked_as(kind: Kind, texts: pl.Series) -> pl.Series:
    """Return the texts with the kind's marker in place of what is personal."""
    marker, spans = MARKERS[kind.name], kind.spans
    steps = ((pattern, with_mask.replace(HERE, marker)) for pattern, with_mask in kind.steps)
    texts = _apply(steps, texts)
    if spans is None:
        return texts

    def marked(text: str) -> str:
        # From the end, so that the places before a span stay where they are.
        for start, end in sorted(spans(text), reverse=True):
            text = text[:start] + marker + text[end:]
        return text

    return _one_by_one(texts, marked)


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
