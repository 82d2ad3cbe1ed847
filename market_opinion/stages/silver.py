"""Bronze rows to cleaned rows without names, each with whether it can be used or the reason why not."""

import re
from collections.abc import Iterable
from datetime import timedelta

import polars as pl
import polars_whichlang
from polars_hash import CryptographicHashingNameSpace

from market_opinion.core.contracts import SILVER_ITEMS
from market_opinion.core.window import Window, contiguous
from market_opinion.sources import catalogue
from market_opinion.stages.cleaning import LINK, USER, clean, words
from market_opinion.storage.landing.redaction import PURGED

# Reddit closes threads after six months; looking no further bounds what a slice has to read.
THREAD_DAYS = 180
# It makes up its mind within this many; more would only cost.
LANGUAGE_MAX_CHARACTERS = 100
# Below this length the detector names a language for anything, emoji included (320,000 Reddit comments looked at).
LANGUAGE_MIN_CHARACTERS = 60
UNDETERMINED = "und"

_GONE_AUTHORS = ("[deleted]", "[removed]", "")
# What stands for words that are gone: a whole body in brackets, in whatever markup, case and wording.
_DELETED = r"(?i)^[\s*_~>\\]*\[[\s*_\\]*deleted\b[^\]]*\]?[\s*_~.\\]*$"
_REMOVED = r"(?i)^[\s*_~>\\]*\[[\s*_\\]*removed\b[^\]]*\]?[\s*_~.\\]*$"
_BOT_AUTHOR = r"(?:^|[_-])bot$|Bot$|BOT$|^AutoModerator$|-ModTeam$"
# A bot says so as a notice of its own; a person who says it says more.
_BOT_TEXT = (
    r"(?i)this action was performed automatically|^\W*beep boop\b|\bbeep boop\W*$"
    r"|\bi(?:'?m| am) (?:just )?a bot\b\W+(?:and\b|beep|bleep|created|made|please|contact|report|if (?:you|this)|for)"
    r"|^\W*i(?:'?m| am) a bot\b|\bi(?:'?m| am) a bot\W*$"
)
_HAS_WORD = r"[\p{L}\p{N}]"
_HAS_THREE_WORDS = r"(?:[\p{L}\p{N}]+[^\p{L}\p{N}]+){2}[\p{L}\p{N}]"
# A name that is also an ordinary word would blot that word out of its owner's text.
_NAME_LIKE = r"^(?:[A-Za-z0-9-]*[0-9_-][\w-]{2,}|[\w-]{2,}[0-9_-][\w-]*)$"
# Where a platform has none: a name that no browser opens.
_NO_ADDRESS = "urn:market-opinion:{platform}:{item_id}"
# Shorter ones are said by many who mean it: "great phone" is no copy.
_COPIED_MIN_WORDS = 8
# Rows of an hour and community that begin with as many letters are compared as a whole.
_OPENING_CHARACTERS = 16


def clean_items(items: pl.DataFrame, titles: pl.DataFrame, *, pepper: str) -> pl.DataFrame:
    """One row per bronze row, in the contract of silver.items.

    `titles` has `thread_id`, `title` (as received) and `began_at` of the submissions that threads began with, one row each;
    a comment that carries its thread's title needs none. Rows of the same hour and community depend on each other, others do not.
    """
    is_comment = pl.col("kind") == "comment"
    own = pl.concat_str("title", "body", separator="\n", ignore_nulls=True)
    # Streamed, for both cores.
    cleaned = (
        items.lazy()
        .with_columns(
            text=pl.when(is_comment).then("body").otherwise(own).fill_null(""),
            own_title="title",
            author_key=_author_key(pepper),
        )
        .pipe(clean, "text", "own_title")
        .with_columns(text=_without_own_name(pl.col("text")))
        .collect(engine="streaming")
    )
    context = (
        titles.lazy().rename({"title": "context_title"}).pipe(clean, "context_title").collect()
    )
    judged = (
        cleaned.lazy()
        .join(context.lazy(), on="thread_id", how="left")
        .with_columns(
            unusable_reason=_reason(),
            context_title=pl.coalesce(
                "own_title", pl.when(_is_open("created_at")).then("context_title")
            ),
            language=_language(),
            permalink=_permalink(items["platform"].unique()),
        )
        .collect(engine="streaming")
    )
    ordered = judged.sort("community", "created_at", "item_id", "kind").with_row_index("row")
    is_gone_item = (
        pl.col("unusable_reason").is_in(["deleted", "removed", "purged"]).fill_null(value=False)
    )
    return (
        ordered.join(_repeats(ordered), on="row", how="left", maintain_order="left")
        .with_columns(unusable_reason=pl.coalesce("repeats", "unusable_reason"))
        .with_columns(
            is_usable=pl.col("unusable_reason").is_null(),
            text=pl.when(is_gone_item).then(pl.lit("")).otherwise("text"),
            context_title=pl.when(~(is_gone_item & ~is_comment)).then("context_title"),
        )
        .select(*SILVER_ITEMS.schema)
    )


def keep_purged(cleaned: pl.DataFrame, known: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """The cleaned rows, but for bronze `items` that were purged: of those what is `known` stays, all but words.

    An author who is gone since loses the key.
    """
    key = list(SILVER_ITEMS.key)
    purged = items.filter(body=PURGED).select(*key, has_author=pl.col("author") == PURGED)
    kept = (
        known.filter(pl.col("unusable_reason").ne_missing("purged"))
        .join(purged, on=key)
        .with_columns(
            text=pl.lit(""),
            context_title=pl.lit(None, pl.String),
            author_key=pl.when("has_author").then("author_key"),
        )
        .select(*SILVER_ITEMS.schema)
    )
    return pl.concat([cleaned.join(kept, on=key, how="anti"), kept])


def is_purged() -> pl.Expr:
    """Whether a row of silver.items was usable, and lost its words since."""
    return pl.col("is_usable") & (pl.col("text") == "")


def thread_titles(submissions: pl.DataFrame) -> pl.DataFrame:
    """`thread_id`, `title` and `began_at` of each submission whose text is still there, from bronze rows."""
    alive = submissions.filter(~_is_gone(pl.col("body")) & pl.col("body").ne_missing(PURGED)).sort(
        "window_start"
    )
    return (
        alive.unique("item_id", keep="last")
        .select(thread_id="item_id", title="title", began_at="window_start")
        .sort("thread_id")
    )


def outdated(began: pl.DataFrame, later: pl.DataFrame) -> list[Window]:
    """The hours whose comments (`later`) lack the `context_title` their thread has where it began."""
    known = (
        began.drop_nulls()
        .sort("window_start")
        .unique("thread_id", keep="last")
        .rename({"window_start": "began_at"})
    )
    both = later.join(known, on="thread_id", suffix="_now").filter(_is_open("window_start"))
    stale = both.filter(pl.col("context_title").ne_missing(pl.col("context_title_now")))
    return contiguous(stale["window_start"].unique().to_list())


def _is_open(moment: str) -> pl.Expr:
    """Whether the thread that began at `began_at` can still be answered in the hour of the moment."""
    return pl.col(moment).dt.truncate("1h") - pl.col("began_at") <= timedelta(days=THREAD_DAYS)


def _is_gone(body: pl.Expr) -> pl.Expr:
    """Whether a body says that its text was deleted or removed."""
    return body.str.contains(f"(?:{_DELETED})|(?:{_REMOVED})").fill_null(value=False)


def _without_own_name(text: pl.Expr) -> pl.Expr:
    """The text with its author's name masked, where people sign what they write."""
    author = pl.col("author").fill_null("")
    signed = author.str.contains(_NAME_LIKE) & text.str.contains(author, literal=True)
    return (
        pl.when(signed)
        .then(text.str.split(by=pl.when(signed).then(author)).list.join(USER))
        .otherwise(text)
    )


def author_key(platform: str, name: str, *, pepper: str) -> str:
    """The key that rows of this user have."""
    frame = pl.DataFrame({"platform": [platform], "author": [name]})
    key: str = frame.select(_author_key(pepper)).item()
    return key


def _author_key(pepper: str) -> pl.Expr:
    """HMAC of platform and user name, whose case does not matter to Reddit; none for users who are gone."""
    known = pl.when(~pl.col("author").is_in([*_GONE_AUTHORS, PURGED])).then(
        pl.col("author").str.to_lowercase()
    )
    return CryptographicHashingNameSpace(
        pl.concat_str("platform", known, separator="/")
    ).hmac_sha256(key=pepper)


def _reason() -> pl.Expr:
    """The first gate a row does not pass; null for one that passes all but the look at its neighbours."""
    body, text = pl.col("body").fill_null(""), pl.col("text")
    bare = words(text)
    return (
        pl.when(body.str.contains(_DELETED))
        .then(pl.lit("deleted"))
        .when(body.str.contains(_REMOVED))
        .then(pl.lit("removed"))
        .when(body == PURGED)
        .then(pl.lit("purged"))
        .when(
            pl.col("author").fill_null("").str.contains(_BOT_AUTHOR) | text.str.contains(_BOT_TEXT)
        )
        .then(pl.lit("bot"))
        .when(~bare.str.contains(_HAS_WORD))
        .then(
            pl.when(text.str.contains(LINK, literal=True))
            .then(pl.lit("link_only"))
            .otherwise(pl.lit("empty"))
        )
        .when(~bare.str.contains(_HAS_THREE_WORDS))
        .then(pl.lit("too_short"))
    )


def _repeats(ordered: pl.DataFrame) -> pl.DataFrame:
    """`row` and `repeats` of every usable row whose words an earlier usable row of the same hour and community had said already.

    `duplicate` where they are the same but for case, `near_duplicate` where they are in letters and digits. Between reviews of
    different people, that takes some length.
    """
    place = ["platform", "community", "window_start"]
    usable = ordered.lazy().filter(pl.col("unusable_reason").is_null())
    # Most rows have no twin: how they begin finds those that may, then hashes, and only what is left is compared in full.
    openings = usable.with_columns(opening=_opening(pl.col("text")))
    alike = openings.filter(pl.struct(*place, "opening").is_duplicated()).with_columns(
        letters=_letters(pl.col("text"))
    )
    twins = alike.filter(pl.struct(*place, pl.col("letters").hash()).is_duplicated())
    is_short = (pl.col("kind") == "review") & (
        pl.col("letters").str.count_matches(" ") < _COPIED_MIN_WORDS - 1
    )
    told = twins.select(
        "row",
        "letters",
        *place,
        lower=pl.col("text").str.to_lowercase(),
        who=pl.when(is_short).then("author_key"),
    ).sort("row")
    is_same, is_near = (
        ~pl.struct(*place, "who", words).is_first_distinct() for words in ("lower", "letters")
    )
    repeats = (
        pl.when(is_same).then(pl.lit("duplicate")).when(is_near).then(pl.lit("near_duplicate"))
    )
    return told.select("row", repeats=repeats).drop_nulls("repeats").collect()


def _letters(text: pl.Expr) -> pl.Expr:
    """The words in lower case, with nothing but a space between them."""
    return text.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()


def _opening(text: pl.Expr) -> pl.Expr:
    """The first letters and digits of a text, so many characters of its `_letters`: nearly always found without reading on."""
    start = _letters(text.str.head(4 * _OPENING_CHARACTERS))
    is_enough = start.str.len_chars() > _OPENING_CHARACTERS
    # The last one may be cut off, which the lower case of some letters looks at.
    return (
        pl.when(is_enough)
        .then(start)
        .otherwise(_letters(pl.when(~is_enough).then(text).otherwise(pl.lit(""))))
        .str.head(_OPENING_CHARACTERS)
    )


def _language() -> pl.Expr:
    is_long = pl.col("text").str.len_chars() > LANGUAGE_MIN_CHARACTERS
    long_text = (
        pl.when(is_long)
        .then(pl.col("text").str.head(LANGUAGE_MAX_CHARACTERS))
        .otherwise(pl.lit(""))
    )
    return (
        pl.when(is_long)
        .then(polars_whichlang.detect_lang(long_text))
        .otherwise(pl.lit(UNDETERMINED))
    )


def _permalink(platforms: Iterable[str]) -> pl.Expr:
    """An address made of ids alone; of rows of these platforms, since Polars fills in the addresses of all that are named."""
    told = pl.lit(None, pl.String)
    for platform in sorted(set(platforms)):
        profile = catalogue.profile_of(platform)
        if profile is None or profile.item_address is None:
            continue
        below = profile.comment_address or profile.item_address
        mine = pl.when(kind="comment").then(_filled(below)).otherwise(_filled(profile.item_address))
        told = pl.when(platform=platform).then(mine).otherwise(told)
    return pl.coalesce(told, _filled(_NO_ADDRESS))


def _filled(address: str) -> pl.Expr:
    """The address with each row's ids; `_` for one that is not known."""
    parts = re.split(r"\{(\w+)\}", address)
    return pl.concat_str(
        [pl.col(part).fill_null("_") if n % 2 else pl.lit(part) for n, part in enumerate(parts)]
    )
