"""Bronze rows to cleaned rows without personal names.

A row is usable, or carries the reason why it is not.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl
import polars_whichlang

from market_opinion.core.contracts import SILVER_ITEMS
from market_opinion.core.markup import Markup
from market_opinion.core.notices import DELETED, REMOVED
from market_opinion.domain.definition import Domain
from market_opinion.sources import catalogue
from market_opinion.stages import personal
from market_opinion.stages.authors import key_of_author, pepper_id, was_purged
from market_opinion.stages.cleaning import clean, words
from market_opinion.stages.personal import LINK
from market_opinion.stages.signatures import without_names, without_own_name
from market_opinion.stages.threads import is_open, newest_titles
from market_opinion.storage.landing.redaction import PURGED

# The language detector decides within this many characters; more would only cost time.
LANGUAGE_MAX_CHARACTERS = 100
# Below this length the detector names a language for any text, even for emoji (seen in 320,000
# Reddit comments).
LANGUAGE_MIN_CHARACTERS = 60
UNDETERMINED = "und"
BEGINNER_SCHEMA = {"thread_id": pl.String, "thread_author": pl.String}

_BOT_AUTHOR = r"(?:^|[_-])bot$|Bot$|BOT$|^AutoModerator$|-ModTeam$"
# A bot's notice begins or ends the text, or goes on in a set way; a person's sentence does not.
_BOT_SAYS = (
    r"(?:^|[.!?:;()*\[\]^|\n_~>-])\W*(?:(?:hi|hello|hey|beep|boop|bleep|bloop)\W+)*"
    r"i(?:'?m| am) (?:just )?a bot\b"
)
_BOT_TEXT = (
    r"(?i)this action was performed automatically|^\W*beep boop\b|\bbeep boop\W*$"
    rf"|{_BOT_SAYS}(?:\W*$|\W+"
    r"(?:and\b|beep|bleep|created|made|please|contact|report|if (?:you|this)|for\b))"
    r"|^\W*i(?:'?m| am) a bot\s*[^\w\s]"
)
_HAS_WORD = r"[\p{L}\p{N}]"
_HAS_THREE_WORDS = r"(?:[\p{L}\p{N}]+[^\p{L}\p{N}]+){2}[\p{L}\p{N}]"
# The address of an item whose platform has no addresses: a name that no browser opens.
_WEB = ("https://", "http://")
# Ids of platforms; whatever else stands in an id's place would lead an address elsewhere.
_ID_OF_ADDRESS = r"^[A-Za-z0-9][A-Za-z0-9_.:,()%=-]*$"
_NO_ADDRESS = "urn:market-opinion:{platform}:{item_id}"
# Many people write the same short review without copying it: "great phone".
_COPIED_MIN_WORDS = 8
# Rows of an hour and community whose first letters, this many, are equal are compared in full.
_OPENING_CHARACTERS = 16
_IS_COMMENT = pl.col("kind") == "comment"


def markup_of(platform: str, domain: Domain) -> tuple[Markup, ...]:
    """Return the markup of a platform's texts, which a mapping of files may set for its own."""
    for name, mapping in domain.files.items():
        if (mapping.platform or name) == platform and mapping.markup is not None:
            return mapping.markup
    profile = catalogue.profile_of(platform)
    return profile.markup if profile else ()


class CleanItems(NamedTuple):
    """Rows in the contract of silver.items, and how often something personal was masked, by kind.

    `masked` names kinds as `personal.MARKERS` does, and only those that were found.
    """

    rows: pl.DataFrame
    masked: dict[str, int]


def clean_items(
    items: pl.DataFrame,
    threads: pl.DataFrame,
    beginners: pl.DataFrame,
    *,
    markup: Sequence[Markup],
    pepper: str,
) -> CleanItems:
    """Return one row per bronze row.

    `threads` are rows of silver.threads; a comment of another thread has the title that it carries
    itself, if any. `beginners` has `thread_id` and `thread_author`. Repeats are looked for within
    an hour and community, so a slice must hold all rows of its hours.
    """
    titles = newest_titles(threads)
    cleaned = _texts(items, beginners, markup, pepper)
    with_reasons = (
        cleaned.lazy()
        .join(titles.lazy(), on="thread_id", how="left")
        .with_columns(
            unusable_reason=_reason(),
            context_title=pl.coalesce(
                pl.when(is_open("created_at")).then("thread_title"), "own_title"
            ),
            language=_language(),
            permalink=_permalink(items["platform"].unique()),
        )
        .collect(engine="streaming")
    )
    ordered = with_reasons.sort("community", "created_at", "item_id", "kind").with_row_index("row")
    is_gone_item = (
        pl.col("unusable_reason").is_in(["deleted", "removed", "purged"]).fill_null(value=False)
    )
    rows = (
        ordered.join(_repeats(ordered), on="row", how="left", maintain_order="left")
        .with_columns(unusable_reason=pl.coalesce("repeats", "unusable_reason"))
        .with_columns(
            is_usable=pl.col("unusable_reason").is_null(),
            text=pl.when(is_gone_item).then(pl.lit("")).otherwise("text"),
            context_title=pl.when(~is_gone_item | _IS_COMMENT).then("context_title"),
        )
        .select(*SILVER_ITEMS.schema)
    )
    return CleanItems(rows, personal.count_marks(cleaned["marks"]))


def _texts(
    items: pl.DataFrame, beginners: pl.DataFrame, markup: Sequence[Markup], pepper: str
) -> pl.DataFrame:
    """Return the rows with `text` and `own_title` cleaned, `marks`, and the key of their author."""
    own = pl.concat_str("title", "body", separator="\n", ignore_nulls=True)
    # Streamed, since the streaming engine uses all cores.
    cleaned = (
        items.lazy()
        .with_columns(
            text=pl.when(_IS_COMMENT).then("body").otherwise(own).fill_null(""),
            own_title="title",
            author_key=key_of_author(pepper),
        )
        .with_columns(
            pepper_id=pl.when(pl.col("author_key").is_not_null()).then(pl.lit(pepper_id(pepper)))
        )
        .pipe(clean, "text", "own_title", markup=markup, marks="marks")
        .collect(engine="streaming")
    )
    own_title = pl.when(_IS_COMMENT).then("own_title")
    return without_names(cleaned, beginners).with_columns(
        own_title=own_title.otherwise(without_own_name("own_title"))
    )


def keep_purged(cleaned: pl.DataFrame, known: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Return the cleaned rows, with the earlier silver row for each purged item.

    `items` are the bronze rows, some of them purged; `known` are the silver rows from before. Such
    a row keeps all but its words, and its author's key unless the author is gone by now.
    """
    key = list(SILVER_ITEMS.key)
    purged = items.filter(was_purged()).select(*key, has_author=pl.col("author") == PURGED)
    earlier = (
        known.filter(pl.col("unusable_reason").ne_missing("purged"))
        .join(purged, on=key)
        .with_columns(
            text=pl.lit(""),
            context_title=pl.lit(None, pl.String),
            author_key=pl.when("has_author").then("author_key"),
            pepper_id=pl.when("has_author").then("pepper_id"),
        )
        .select(*SILVER_ITEMS.schema)
    )
    return pl.concat([cleaned.join(earlier, on=key, how="anti"), earlier])


def is_purged() -> pl.Expr:
    """Return whether a row of silver.items was usable and has lost its words since."""
    return pl.col("is_usable") & (pl.col("text") == "")


def _reason() -> pl.Expr:
    """Return the reason why a row is unusable; null for a usable row.

    Repeats are not looked for here, since they depend on other rows.
    """
    body, text = pl.col("body").fill_null(""), pl.col("text")
    bare = words(text)
    return (
        pl.when(body.str.contains(DELETED))
        .then(pl.lit("deleted"))
        .when(body.str.contains(REMOVED))
        .then(pl.lit("removed"))
        .when(was_purged())
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
    """Return `row` and `repeats` of every usable row that repeats an earlier one.

    Both rows are usable and of the same hour and community. `repeats` is `duplicate` for texts that
    are equal but for case, `near_duplicate` for texts that are equal in letters and digits. Short
    reviews of different people do not count as repeats.
    """
    place = ["platform", "community", "window_start"]
    usable = ordered.lazy().filter(pl.col("unusable_reason").is_null())
    # Most rows have no twin, so texts are compared by their openings first, then by hashes; only
    # those that are left are compared in full.
    openings = usable.with_columns(opening=_opening(pl.col("text")))
    alike = openings.filter(pl.struct(*place, "opening").is_duplicated()).with_columns(
        letters=_letters(pl.col("text"))
    )
    twins = alike.filter(pl.struct(*place, pl.col("letters").hash()).is_duplicated())
    is_short = (pl.col("kind") == "review") & (
        pl.col("letters").str.count_matches(" ") < _COPIED_MIN_WORDS - 1
    )
    ordered_twins = twins.select(
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
    return ordered_twins.select("row", repeats=repeats).drop_nulls("repeats").collect()


def _letters(text: pl.Expr) -> pl.Expr:
    """Return the words of a text in lower case, separated by single spaces."""
    return text.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()


def _opening(text: pl.Expr) -> pl.Expr:
    """Return the first characters of a text's `_letters`, mostly from the text's head alone."""
    start = _letters(text.str.head(4 * _OPENING_CHARACTERS))
    is_enough = start.str.len_chars() > _OPENING_CHARACTERS
    # One letter more than needed, since the lower case of some letters depends on the next one.
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
    """Return each row's address, made of ids alone.

    `platforms` are those of the rows: Polars would compute the addresses of any others too.
    """
    address = pl.lit(None, pl.String)
    for platform in sorted(set(platforms)):
        profile = catalogue.profile_of(platform)
        if profile is None or not (of_item := profile.item_address or "").startswith(_WEB):
            continue
        item, comment = _filled(of_item), _filled(profile.comment_address or of_item)
        on_platform = pl.when(kind="comment").then(comment).otherwise(item)
        address = pl.when(platform=platform).then(on_platform).otherwise(address)
    return pl.coalesce(address, _filled(_NO_ADDRESS))


def _filled(address: str) -> pl.Expr:
    """Return an address with each row's ids in their places; `_` for an id that is null.

    So it is in a link for a text that is no id. For example,
    `https://old.reddit.com/comments/{thread_id}` as the address.
    """
    in_place = _id_in_link if address.startswith(_WEB) else lambda name: pl.col(name).fill_null("_")
    parts = re.split(r"\{(\w+)\}", address)
    return pl.concat_str(
        [in_place(part) if n % 2 else pl.lit(part) for n, part in enumerate(parts)]
    )


def _id_in_link(column: str) -> pl.Expr:
    is_id = pl.col(column).str.contains(_ID_OF_ADDRESS)
    return pl.when(is_id).then(column).otherwise(pl.lit("_"))
