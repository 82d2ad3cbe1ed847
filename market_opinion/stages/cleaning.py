"""Text as people type it to text that can be judged, and shown, without a name in it: Polars expressions, no Python a row."""

import html
import re
from collections.abc import Callable
from functools import partial

import polars as pl

USER, EMAIL, PHONE, LINK = "[user]", "[email]", "[phone]", "[link]"
MASKS = (USER, EMAIL, PHONE, LINK)

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Characters that people's keyboards write for one of ASCII.
_PLAIN = {
    **dict.fromkeys("\u2018\u2019\u201b\u02bc\u02b9\u00b4\u2032\u2035\uff07", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02", '"'),
    "\u2026": "...",
}
# Stands for an @ that means "at" while names are looked for; a private character that no keyboard writes.
_AT = "\ue0a7"
_UNIT = r"(?:hz|khz|mhz|ghz|fps|w|kw|watts?|mp|mpx|mah|nits?|k|p|x|gb|mb|tb|gbps|mbps|v|a|mm|cm|in|inch|inches|usd|eur|am|pm|%)"

# Invisible: controls, soft hyphen, zero-width and direction marks, which hide names from the masks below.
_INVISIBLE = r"[\x00-\x08\x0b-\x1f\x7f\u{ad}\u{61c}\u{180e}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{2064}\u{2066}-\u{2069}\u{feff}]"

# What platforms that answer in HTML wrap words in; taken out before entities become characters, so that a written `<b>` stays.
_TAGS = (
    (r"(?is)<(pre|code)\b[^>]*>.*?</(?:pre|code)>", " "),
    (r"(?i)<(?:p|br|div|li|ul|ol)\b[^>]*>|</(?:p|div|li|ul|ol)>", "\n"),
    (r"(?i)</?(?:a|i|b|u|em|strong|span|blockquote|s|sub|sup|h[1-6])\b[^>]*>", ""),
)

# In order: what removes structure comes before what looks for names in the words that are left. Each group of
# (pattern, replacement) looks only at texts in which its guard is found: most texts need none of them.
_GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (r"[^\n\t\x20-\x7e]", ((_INVISIBLE, ""),)),
    (r"\\", ((r"\\([\\`*_{}\[\]()#+.!~|>@/^-])", "$1"),)),
    (
        r"```|^(?: {4}|\t)|\n(?: {4}|\t)",
        ((r"(?s)```.*?(?:```|\z)", " "), (r"(?m)^(?: {4}|\t).*$", "")),
    ),
    (r">|!<", ((r">!|!<", ""), (r"(?m)^\s*>.*$", ""))),
    (
        r"\]\(",
        (
            (r"!\[[^\]]*\]\([^)]*\)", ""),
            (r"\[([^\]]*)\]\((?:[^()\s]|\([^()]*\))*(?:\s+\"[^\"]*\")?\)", "$1"),
        ),
    ),
    (
        r"/|[wW]\.",
        (
            (r"(?i)\b(?:https?://|www\.)[^\s<>\[\]\"]+", f" {LINK} "),
            (
                r"(?i)\b(?:[a-z0-9-]+\.)+(?:com|org|net|io|me|co|tv|gg|app)/[^\s<>\[\]\"]*",
                f" {LINK} ",
            ),
        ),
    ),
    (r"@", ((r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+", EMAIL),)),
    (
        r"[\[({<] ?[aA][tT] ?[\])}>]|(?i: dot )",
        (
            (
                r"(?i)[a-z0-9_.%+-]+ ?[\[({<] ?at ?[\])}>] ?[a-z0-9-]+ ?(?:\.|[\[({<] ?dot ?[\])}>]|\bdot\b) ?[a-z]{2,}",
                EMAIL,
            ),
            (r"(?i)[a-z0-9_.%+-]+ at [a-z0-9-]+ dot [a-z]{2,}", EMAIL),
        ),
    ),
    (
        r"[uUrR]/",
        ((r"(?i)(^|[^A-Za-z0-9_/])/?(?:u/|user/|r/u_)[A-Za-z0-9_-]{2,}", f"${{1}}{USER}"),),
    ),
    (
        r"@",
        (
            # Twice, since neighbours share the character between them.
            *(
                (
                    rf"(?i)@( ?[$€£]?[0-9]+(?:[.,][0-9]+)?{_UNIT}?)([^\w.-]|[.,-](?:\s|$)|$)",
                    f"{_AT}${{1}}${{2}}",
                ),
            )
            * 2,
            (r"(?i)@( ?f/?[0-9](?:\.[0-9]+)?)([^\w.-]|[.,-](?:\s|$)|$)", f"{_AT}${{1}}${{2}}"),
            (r"(^|[^\w@./])@[\w][\w.-]*\w", f"${{1}}{USER}"),
            (_AT, "@"),
        ),
    ),
    (
        r"(?:[0-9][ ./()-]{0,2}){7}",
        (
            (r"(^|[^A-Za-z0-9_.+])\+[0-9]{1,3}(?:[ ./()-]{0,2}[0-9]){6,12}", f"${{1}}{PHONE}"),
            (
                r"(^|[^A-Za-z0-9_.,-])00?[0-9]{1,4}[ ./-]?[0-9]{3,4}(?:[ ./-]?[0-9]{2,4}){1,3}",
                f"${{1}}{PHONE}",
            ),
            (
                r"(^|[^A-Za-z0-9_.,-])(?:1[ .-])?\(?[0-9]{3}\)?[ .-]{0,2}[0-9]{3}[ .-][0-9]{4}",
                f"${{1}}{PHONE}",
            ),
            (r"(^|[^A-Za-z0-9_.,-])[0-9]{3,5}[ .-][0-9]{3,5}[ .-][0-9]{3,4}", f"${{1}}{PHONE}"),
            (r"(^|[^A-Za-z0-9_.,-])[0-9]{5}[ -][0-9]{5}\b", f"${{1}}{PHONE}"),
            (r"(^|[^A-Za-z0-9_.,#-])[0-9]{10,11}\b", f"${{1}}{PHONE}"),
            (
                (
                    r"(?i)\b((?:call|text|phone|tel|whatsapp|sms|number|cell|mobile|reach)(?: me)?(?: is| at| on|:)?[ :.]{1,2})"
                    r"[0-9]{3}[ .-]?[0-9]{4,5}\b"
                ),
                f"${{1}}{PHONE}",
            ),
        ),
    ),
    (
        r"(?:^|\n)\s*[#*+|.)0-9-]",
        (
            (r"(?m)^\s*(?:#{1,6}\s+|[*+-]\s+|\d{1,2}[.)]\s+)", ""),
            (r"(?m)^[\s|:-]*\|[\s|:-]*$", ""),
        ),
    ),
    (r"[*~`^|]", ((r"\*{1,3}|~~|`+|\^|\|", ""),)),
    (r"_", ((r"(^|\W)_{1,2}([^_\n]+)_{1,2}(\W|$)", "$1$2$3"),)),
    (r"[\t\u{a0}\u{2000}-\u{200a}\u{202f}\u{3000}]|  ", ((r"[^\S\n]+", " "),)),
    (r"\n", ((r" ?\n\s*", "\n"),)),
)


# A text without any of this has nothing that a group above could find, and no space too many.
_NOT_PLAIN = r"[^A-Za-z0-9 .,!?'\"():;$%=-]|  |^[ #*+|.)0-9-]| $|(?:[0-9][ ./()-]{0,2}){7}|[\[({<] ?[aA][tT] |(?i: dot )|[wW]\."


def clean(frame: pl.LazyFrame, *columns: str) -> pl.LazyFrame:
    """The frame with these columns freed of markup, quotes, code, links, names, addresses and invisible characters, in NFC.

    Rows come back in another order: half of all texts are plain, and only the others are worked on. Paragraphs stay
    apart by one line break. Null and empty stay as they are.
    """
    is_plain = pl.all_horizontal(
        ~pl.col(column).str.contains(_NOT_PLAIN).fill_null(value=False) for column in columns
    )
    # A chain of frames rather than one nested expression, which would be computed anew wherever it occurs.
    work = frame.filter(~is_plain)
    work = _where(work, columns, r"[^\x00-\x7f]", lambda text: text.str.normalize("NFC"))
    work = _where(work, columns, r"<[/a-zA-Z]", partial(_apply, _TAGS))
    work = _where(work, columns, "&", _without_entities)
    work = _where(
        work,
        columns,
        r"[^\x00-\x7f]",
        lambda text: text.str.replace_many(_PLAIN),
    )
    for guard, steps in _GROUPS:
        work = _where(work, columns, guard, partial(_apply, steps))
    return pl.concat([frame.filter(is_plain), work.with_columns(pl.col(columns).str.strip_chars())])


def _where(
    frame: pl.LazyFrame, columns: tuple[str, ...], guard: str, change: Callable[[pl.Expr], pl.Expr]
) -> pl.LazyFrame:
    """The columns changed where the guard is found; for other rows the change is not computed.

    Those are hidden from it as empty texts: Polars computes on what lies below a null (30 times slower here).
    """

    def changed(text: pl.Expr) -> pl.Expr:
        found = text.str.contains(guard)
        return (
            pl.when(found)
            .then(change(pl.when(found).then(text).otherwise(pl.lit(""))))
            .otherwise(text)
        )

    return frame.with_columns(changed(pl.col(column)) for column in columns)


def _without_entities(text: pl.Expr) -> pl.Expr:
    """Return the text with every entity of HTML as its character, also where it was escaped twice."""
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
    """The text without its masks: what the writer said in words."""
    return text.str.replace_many(list(MASKS), [""] * len(MASKS))


def normalise(text: pl.Expr) -> pl.Expr:
    """Lower case with everything but letters, digits and `+` turned into spaces, character for character."""
    # The one letter whose lower case is two characters would shift all that follows.
    return (
        text.str.replace_all("İ", "I", literal=True)
        .str.to_lowercase()
        .str.replace_all(r"[^\p{L}\p{N}\p{M}+]", " ")
    )
