"""Contracts of all tables in the lake: grain, columns, types, units and personal data."""

from dataclasses import dataclass
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from market_opinion.core.errors import ContractBroken
from market_opinion.core.polars_types import Schema

Utc = Annotated[pl.Datetime, "us", "UTC"]
KINDS = ("submission", "comment", "review")
LABELS = ("negative", "neutral", "positive")
MENTION_REASONS = ("named", "title", "subject", "referred")
# A polarity nearer to zero than this is neutral, in every table and in the SQL of the mart.
NEUTRAL_BELOW = 0.05
MEASURES = ("net_sentiment", "praise", "complaint", "share_of_voice")
ESTIMATE_PARTS = (
    "brand", "product", "aspect", "product_aspect", "platform", "community", "week",
)  # fmt: skip
CHANGE_MEASURES = ("net_sentiment", "share_of_voice")
CAUSES = ("opinion", "mix", "scorer", "unclear")
MIX_GROUPS = ("community", "thread", "author")
BURST_KINDS = ("copies", "thread", "authors", "arrivals")
# The labeller of rows of silver.labels that say how an item was drawn.
DRAW = "draw"
UNUSABLE_REASONS = (
    "deleted",
    "removed",
    "bot",
    "empty",
    "link_only",
    "too_short",
    "duplicate",
    "near_duplicate",
    "purged",
)


def _column(
    description: str,
    *,
    personal: bool = False,
    unit: str = "",
    renamed_from: str | None = None,
    **rules: Any,  # noqa: ANN401, pandera's rules
) -> Any:  # noqa: ANN401, pandera's type
    """Return a column of a contract, with its entry in the dictionary of tables.

    `renamed_from` is the name of the same column in tables of an earlier version.
    """
    entry = {"personal": personal, "unit": unit, "renamed_from": renamed_from}
    return pa.Field(description=description, metadata=entry, **rules)


class Keyed(pa.DataFrameModel):
    """Columns common to every table of items: place, identity and time."""

    platform: pl.String = _column("Platform: `reddit`, `hackernews`, `amazon`, ..., `sample`.")
    community: pl.String = _column("Subreddit, category, page or the like, in lower case.")
    kind: pl.String = _column("Kind of text: submission, comment or review.", isin=KINDS)
    item_id: pl.String = _column(
        "Id by the platform, without type prefix.", str_length={"min_value": 1}
    )
    thread_id: pl.String = _column(
        "Item id of the thread's first submission; for a review, the platform's id of its subject.",
        nullable=True,
    )
    created_at: Utc = _column("Time of writing, by the platform's clock.", unit="UTC")
    window_start: Utc = _column("Start of the hour that contains `created_at`.", unit="UTC")

    class Config:
        """Exactly these columns."""

        strict = True


class BronzeItems(Keyed):
    """One row per item: the newest received version of each platform, kind and item_id."""

    parent_id: pl.String = _column("Item id this one answers.", nullable=True)
    author: pl.String = _column("User name as received.", personal=True, nullable=True)
    title: pl.String = _column(
        "Title as received; for a comment that carries it, the thread's.",
        personal=True,
        nullable=True,
    )
    body: pl.String = _column("Text as received.", personal=True, nullable=True)
    votes: pl.Int64 = _column("Up minus down votes when retrieved.", nullable=True)
    reply_count: pl.Int64 = _column(
        "Comments below a submission when retrieved, by the platform's count.", nullable=True
    )
    rating: pl.Float64 = _column(
        "Stars of a review; yes and no are 5 and 1, other scales are brought to this one.",
        unit="1 to 5",
        nullable=True,
    )
    retrieved_at: Utc = _column(
        "Time at which this version was read from the platform.", unit="UTC"
    )
    first_seen_at: Utc = _column("Time at which any version was first read.", unit="UTC")
    capture_path: pl.String = _column(
        "Way of capture: `archive`, `sample`, `reviews`, `file`, `listing`, `search`, `graph`,"
        " `tree`, `refresh`, `stream`."
    )
    landing_uri: pl.String = _column("Landed file of this version, relative to the landing zone.")
    landing_line: pl.Int64 = _column("Line in that file, from 1.", ge=1)
    payload_sha256: pl.String = _column(
        "SHA-256 of the line as received.", str_length={"min_value": 64, "max_value": 64}
    )


class SilverItems(Keyed):
    """One row per item: cleaned text without names, and whether it is usable."""

    parent_id: pl.String = _column("Item id this one answers.", nullable=True)
    author_key: pl.String = _column(
        "HMAC-SHA256 of the user name under a secret pepper; no key for deleted users.",
        nullable=True,
    )
    pepper_id: pl.String = _column(
        "Which pepper made the key: eight digits that tell nothing of it; null without a key, and"
        " in rows of version 0.2.",
        nullable=True,
    )
    text: pl.String = _column(
        "Cleaned text, title first; masks stand for names, addresses and numbers."
        " Empty after a purge."
    )
    context_title: pl.String = _column(
        "Cleaned title of the thread the item belongs to or begins.", nullable=True
    )
    language: pl.String = _column("ISO 639-3 code, `und` below 60 characters.")
    permalink: pl.String = _column(
        "Address of the item, built from its ids, since a received address may contain a name."
    )
    votes: pl.Int64 = _column("Up minus down votes when retrieved.", nullable=True)
    reply_count: pl.Int64 = _column(
        "Comments below a submission when retrieved, by the platform's count.", nullable=True
    )
    rating: pl.Float64 = _column(
        "Stars of a review; yes and no are 5 and 1, other scales are brought to this one.",
        unit="1 to 5",
        nullable=True,
    )
    retrieved_at: Utc = _column(
        "Time at which this version, with its votes, was read from the platform; null in rows of"
        " version 0.3 and before.",
        unit="UTC",
        nullable=True,
    )
    is_usable: pl.Boolean = _column("Whether the item passed every cleaning rule.")
    unusable_reason: pl.String = _column(
        "First cleaning rule that the item failed.", nullable=True, isin=UNUSABLE_REASONS
    )


class SilverThreads(pa.DataFrameModel):
    """One row per thread: the submission that began it, with its cleaned title."""

    platform: pl.String = _column("Platform.")
    community: pl.String = _column("Subreddit or the like, in lower case.")
    thread_id: pl.String = _column("Item id of the submission that began the thread.")
    created_at: Utc = _column("Time of that submission.", unit="UTC")
    window_start: Utc = _column("Start of the hour that contains `created_at`.", unit="UTC")
    title: pl.String = _column("Its title, cleaned and without its author's name.", nullable=True)

    class Config:
        """Exactly these columns."""

        strict = True


class SilverMentions(Keyed):
    """One row per domain, item and product that the item mentions."""

    domain: pl.String = _column("Folder name of the domain.")
    product_id: pl.String = _column("Product of the domain's catalogue.")
    aliases: pl.String = _column(
        "Normalised aliases that the item uses, alphabetical, separated by `|`;"
        " for a review that uses none, its subject's id; empty where only the thread tells."
    )
    mention_count: pl.Int64 = _column(
        "How often the text names the product; 1 where it does not.", ge=1
    )
    reason: pl.String = _column(
        "Why the product is meant: `named` in the text, in the `title` of its thread, `subject` of"
        " a review, or `referred`: the thread's product, spoken of without its name.",
        isin=MENTION_REASONS,
    )
    confidence: pl.Float64 = _column(
        "How likely it is that the product is meant.", unit="0 to 1", ge=0, le=1
    )
    domain_version: pl.String = _column("Content hash of the domain's catalogue and aspects.")


class SilverOpinions(Keyed):
    """One row per domain, item, product, aspect and score set: a judgement with its evidence."""

    domain: pl.String = _column("Folder name of the domain.")
    product_id: pl.String = _column("Product of the domain's catalogue.")
    aspect: pl.String = _column("Aspect of the domain.")
    score_set: pl.String = _column("Score set; the mart shows `live`.")
    polarity: pl.Float64 = _column(
        "Sign and strength of the judgement.", unit="-1 to 1", ge=-1, le=1
    )
    label: pl.String = _column(
        f"Polarity in a word: neutral between -{NEUTRAL_BELOW} and {NEUTRAL_BELOW}.", isin=LABELS
    )
    evidence: pl.String = _column(
        "The judged words, as they stand in the item's text; none after a purge.",
        str_length={"min_value": 1},
        nullable=True,
    )
    evidence_start: pl.Int64 = _column(
        "Place of the first character of the evidence in the text; the text begins at 0.",
        unit="characters",
        ge=0,
    )
    evidence_end: pl.Int64 = _column(
        "Place of the first character after the evidence.", unit="characters", ge=1
    )
    confidence: pl.Float64 = _column(
        "How likely it is that product, aspect and label are right;"
        " none where the scorer cannot tell.",
        unit="0 to 1",
        ge=0,
        le=1,
        nullable=True,
    )
    scorer: pl.String = _column("Scorer: `local`, `lexicon`, `llm`, or one of another package.")
    model: pl.String = _column("Model and version of the scorer.")
    prompt_version: pl.String = _column("Version of the prompt of a model.", nullable=True)
    domain_version: pl.String = _column("Content hash of the domain's catalogue and aspects.")


class SilverLabels(Keyed):
    """One row per domain, item, labeller and time: a reading of the item, or that it was drawn."""

    domain: pl.String = _column("Folder name of the domain.")
    labeller: pl.String = _column(
        f"Pseudonym of the reader, which names nobody; `{DRAW}` for the draw, which has no labels.",
        str_length={"min_value": 1},
    )
    labelled_at: Utc = _column("Time of the reading; none for the draw.", unit="UTC", nullable=True)
    mentions: pl.String = _column(
        "Products that the reader sees, as JSON: product_id, how; none for the draw.",
        nullable=True,
    )
    opinions: pl.String = _column(
        "Opinions that the reader sees, as JSON: product_id, aspect, label, evidence, which is"
        " empty after a purge; none for the draw.",
        nullable=True,
    )
    stratum: pl.String = _column("Group of items from which this one was drawn at random.")
    inclusion_probability: pl.Float64 = _column(
        "Probability by which it was drawn.", unit="0 to 1", gt=0, le=1
    )
    drawn_at: Utc = _column("Time of the draw.", unit="UTC")


class SilverExtractions(pa.DataFrameModel):
    """One row per question to a model, with its answer: the ledger of paid questions."""

    question_key: pl.String = _column(
        "Hash of model, prompt, domain, candidates, context, what is answered, and words; equal for"
        " equal questions."
    )
    text_key: pl.String = _column(
        "Hash of words and context alone, by which an erasure finds the row."
    )
    status: pl.String = _column("`ok`, or the reason why the question was given up.")
    mentions: pl.String = _column(
        "Answer of the model as JSON: product_id, aspect, label, score, evidence."
    )
    meant: pl.String = _column(
        "Products that the model says the text speaks of, as JSON: product_id, words; none where it"
        " did not say.",
        nullable=True,
    )
    raw_reply: pl.String = _column(
        "Last reply to a question that was given up.",
        nullable=True,
        unit="at most 4,096 characters",
    )
    domain: pl.String = _column("Folder name of the domain.")
    domain_version: pl.String = _column("Content hash of the domain's catalogue and aspects.")
    prompt_version: pl.String = _column(
        "Content hash of the prompt before the comments, and of the reply's schema."
    )
    model: pl.String = _column("Requested model.")
    served_model: pl.String = _column("Model by the server's name.", nullable=True)
    request_id: pl.String = _column("The server's id of the last request.", nullable=True)
    attempt_count: pl.Int64 = _column("Number of requests that held the question.", ge=0)
    input_tokens: pl.Float64 = _column(
        "Share of the tokens sent, over all attempts.", unit="tokens", ge=0
    )
    cached_tokens: pl.Float64 = _column(
        "Input tokens that the server had cached.", unit="tokens", ge=0
    )
    cache_write_tokens: pl.Float64 = _column(
        "Input tokens that the server wrote to its cache.", unit="tokens", ge=0
    )
    output_tokens: pl.Float64 = _column("Share of the tokens received.", unit="tokens", ge=0)
    reasoning_tokens: pl.Float64 = _column(
        "Output tokens that were reasoning.", unit="tokens", ge=0
    )
    usd: pl.Float64 = _column(
        "Cost of these tokens; none if the model's price is unknown.", unit="USD", nullable=True
    )
    scored_at: Utc = _column("Time of the answer.", unit="UTC")

    class Config:
        """Exactly these columns."""

        strict = True


class OpsRejections(pa.DataFrameModel):
    """One row per rejected line, row or reply, with the reason but without the content."""

    stage: pl.String = _column(
        "Stage that rejected it.", isin=("fetch", "bronze", "fields", "opinions")
    )
    platform: pl.String = _column("Platform.")
    community: pl.String = _column(
        "Subreddit or the like, in lower case; none for a rejected file.", nullable=True
    )
    domain: pl.String = _column("Domain, in stages that have one.", nullable=True)
    window_start: Utc = _column(
        "Start of the hour in which it was landed; none for a rejected file.",
        unit="UTC",
        nullable=True,
    )
    reason: pl.String = _column("Reason code.")
    detail: pl.String = _column("The exact problem, without the content.")
    landing_uri: pl.String = _column(
        "Landed file, relative to the landing zone; for `fetch`, URI of the source's file.",
        nullable=True,
    )
    landing_line: pl.Int64 = _column("Line in that file, from 1.", nullable=True)
    item_id: pl.String = _column("Id by the platform, if it could be read.", nullable=True)

    class Config:
        """Exactly these columns."""

        strict = True


class Gold(pa.DataFrameModel):
    """Columns common to the daily aggregates."""

    domain: pl.String = _column("Folder name of the domain.")
    platform: pl.String = _column("Platform.")
    full_date: pl.Date = _column("Day, by the platform's clock.", unit="UTC")

    class Config:
        """Exactly these columns."""

        strict = True


class GoldDailyBrand(Gold):
    """One row per domain, platform, day and brand: mentions, authors and tone."""

    brand: pl.String = _column("Brand, by the catalogue of now.")
    mention_count: pl.Int64 = _column(
        "Pairs of an item and a product of the brand that it mentions.", ge=1
    )
    author_count: pl.Int64 = _column("Distinct authors; do not add them up.", ge=0)
    positive_count: pl.Int64 = _column(
        f"Mentions whose mean polarity is at least {NEUTRAL_BELOW}.", ge=0
    )
    neutral_count: pl.Int64 = _column(
        f"Mentions whose mean polarity is between -{NEUTRAL_BELOW} and {NEUTRAL_BELOW}.", ge=0
    )
    negative_count: pl.Int64 = _column(
        f"Mentions whose mean polarity is at most -{NEUTRAL_BELOW}.", ge=0
    )
    mean_polarity: pl.Float64 = _column(
        "Mean polarity of judged mentions.", unit="-1 to 1", nullable=True
    )


class GoldDailyAspect(Gold):
    """One row per domain, platform, day, brand and aspect: opinions and their tone."""

    brand: pl.String = _column("Brand, by the catalogue of now.")
    aspect: pl.String = _column("Aspect of the domain.")
    opinion_count: pl.Int64 = _column("Number of opinions.", ge=1)
    positive_count: pl.Int64 = _column("Positive opinions.", ge=0)
    negative_count: pl.Int64 = _column("Negative opinions.", ge=0)
    mean_polarity: pl.Float64 = _column("Mean polarity of opinions.", unit="-1 to 1")


class GoldDailyPlatform(Gold):
    """One row per domain, platform, day and community: mentions and opinions."""

    community: pl.String = _column("Subreddit or the like, in lower case.")
    mention_count: pl.Int64 = _column("Pairs of an item and a product that it mentions.", ge=1)
    author_count: pl.Int64 = _column("Distinct authors; do not add them up.", ge=0)
    opinion_count: pl.Int64 = _column("Number of opinions.", ge=0)
    mean_polarity: pl.Float64 = _column(
        "Mean polarity of judged mentions.", unit="-1 to 1", nullable=True
    )


class GoldEstimates(pa.DataFrameModel):
    """One row per domain, measure, cell of a part and method: a figure with its 95 % interval."""

    domain: pl.String = _column("Folder name of the domain.")
    measure: pl.String = _column(
        "Net sentiment is praise minus complaint over opinions, praise and complaint are their"
        " shares, share of voice is of all mentions.",
        isin=MEASURES,
    )
    part: pl.String = _column(
        "What divides the figures beside the brand; for `brand`, nothing else.",
        isin=ESTIMATE_PARTS,
    )
    brand: pl.String = _column("Brand of the product, by the catalogue at the time of the item.")
    product_id: pl.String = _column(
        "Product, where `part` is `product` or `product_aspect`.", nullable=True
    )
    aspect: pl.String = _column(
        "Aspect, where `part` is `aspect` or `product_aspect`.", nullable=True
    )
    platform: pl.String = _column(
        "Platform, where `part` is `platform` or `community`.", nullable=True
    )
    community: pl.String = _column("Community, where `part` is `community`.", nullable=True)
    week_start: pl.Date = _column(
        "Monday of the week, where `part` is `week`.", unit="UTC", nullable=True
    )
    method: pl.String = _column(
        "`sampling`: the scorer's figure, whose interval is of sampling alone; `labels`: corrected"
        " by what people read.",
        isin=("sampling", "labels"),
    )
    value: pl.Float64 = _column(
        "The figure; none where nothing was said.", unit="-1 to 1", nullable=True
    )
    low: pl.Float64 = _column("Lower end of the 95 % interval.", unit="-1 to 1", nullable=True)
    high: pl.Float64 = _column("Upper end of the 95 % interval.", unit="-1 to 1", nullable=True)
    comment_count: pl.Int64 = _column(
        "Items that the figure is a share of: with an opinion on it; for share of voice, with a"
        " mention of any brand.",
        ge=0,
    )
    author_count: pl.Int64 = _column("Distinct authors of the items that are counted.", ge=0)
    thread_count: pl.Int64 = _column("Threads of the items that are counted.", ge=0)
    effective_size: pl.Float64 = _column("Independent opinions that would tell as much.", ge=0)
    freedom: pl.Float64 = _column("Degrees of freedom of the interval.", ge=0)
    label_count: pl.Int64 = _column("Labelled items that the figure rests on.", ge=0)
    is_too_few: pl.Boolean = _column("Whether there is too little to say anything.")

    class Config:
        """Exactly these columns."""

        strict = True


class GoldChanges(pa.DataFrameModel):
    """One row per domain, week, measure, brand and aspect: a week beside the four before it."""

    domain: pl.String = _column("Folder name of the domain.")
    week_start: pl.Date = _column("Monday of the week.", unit="UTC")
    measure: pl.String = _column(
        "Net sentiment is praise minus complaint over opinions, share of voice is of all mentions.",
        isin=CHANGE_MEASURES,
    )
    brand: pl.String = _column("Brand of the product, by the catalogue at the time of the item.")
    aspect: pl.String = _column("Aspect; none for the whole brand.", nullable=True)
    value: pl.Float64 = _column("Figure of the week.", unit="-1 to 1", nullable=True)
    value_before: pl.Float64 = _column(
        "Figure of the four weeks before.", unit="-1 to 1", nullable=True
    )
    change: pl.Float64 = _column(
        "Figure of the week minus that of the four weeks before.", unit="-2 to 2", nullable=True
    )
    low: pl.Float64 = _column(
        "Lower end of the change's interval: of 95 %, wider for a change that is reported.",
        nullable=True,
    )
    high: pl.Float64 = _column("Upper end of the change's interval.", nullable=True)
    p_value: pl.Float64 = _column(
        "How often chance alone makes a difference of this size.", unit="0 to 1", nullable=True
    )
    freedom: pl.Float64 = _column("Degrees of freedom of the interval.", nullable=True)
    is_too_few: pl.Boolean = _column("Whether there is too little to say anything.")
    is_change: pl.Boolean = _column(
        "Whether it is reported as a change; at most 5 % of those reported are chance."
    )
    cause: pl.String = _column(
        "What moved it most: `opinion` itself, the `mix` of who spoke, another version of the"
        " `scorer`; `unclear` where the scorer changed and no item was judged by both versions.",
        isin=CAUSES,
        nullable=True,
    )
    opinion_part: pl.Float64 = _column("Part of the change that is opinion.", nullable=True)
    mix_part: pl.Float64 = _column("Part of the change that is who spoke.", nullable=True)
    mix_of: pl.String = _column(
        "Group whose shares make most of `mix_part`: community, thread or author.",
        isin=MIX_GROUPS,
        nullable=True,
    )
    scorer_part: pl.Float64 = _column(
        "Part of the change that is another version of the scorer.", nullable=True
    )
    change_without_bursts: pl.Float64 = _column(
        "The change without what is in gold.bursts; none where nothing of it is.", nullable=True
    )
    comment_count: pl.Int64 = _column("Items of the week behind the figure.", ge=0)
    comment_count_before: pl.Int64 = _column("Items of the four weeks before.", ge=0)
    author_count: pl.Int64 = _column("Distinct authors of the week's items.", ge=0)
    author_count_before: pl.Int64 = _column(
        "Distinct authors of the items of the four weeks before.", ge=0
    )
    thread_count: pl.Int64 = _column("Threads of the week's items.", ge=0)
    thread_count_before: pl.Int64 = _column("Threads of the items of the four weeks before.", ge=0)

    class Config:
        """Exactly these columns."""

        strict = True


class GoldBursts(pa.DataFrameModel):
    """One row per domain, day, brand and kind: comments that may make a figure, with and without.

    Nobody is named, and nothing is dropped: every other table holds these comments as well.
    """

    domain: pl.String = _column("Folder name of the domain.")
    full_date: pl.Date = _column("Day, by the platform's clock.", unit="UTC")
    brand: pl.String = _column("Brand of the product, by the catalogue at the time of the item.")
    kind: pl.String = _column(
        "`copies` of a text by several authors or in several hours, one `thread`, a handful of"
        " `authors`, or `arrivals`: new or loud authors in three hours.",
        isin=BURST_KINDS,
    )
    starts_at: Utc = _column("Start of the burst's first hour.", unit="UTC")
    ends_at: Utc = _column("End of the burst's last hour.", unit="UTC")
    comment_count: pl.Int64 = _column("Items of the burst; of copies, all but the first.", ge=1)
    author_count: pl.Int64 = _column("Distinct authors of the burst's items.", ge=0)
    thread_count: pl.Int64 = _column("Threads of the burst's items.", ge=0)
    day_comment_count: pl.Int64 = _column("Items of the day that mention the brand.", ge=1)
    value: pl.Float64 = _column(
        "Net sentiment of brand and day with the burst.", unit="-1 to 1", nullable=True
    )
    low: pl.Float64 = _column(
        "Lower end of the 95 % interval of `value`.", unit="-1 to 1", nullable=True
    )
    high: pl.Float64 = _column(
        "Upper end of the 95 % interval of `value`.", unit="-1 to 1", nullable=True
    )
    value_without: pl.Float64 = _column(
        "Net sentiment of brand and day without the burst.", unit="-1 to 1", nullable=True
    )
    low_without: pl.Float64 = _column(
        "Lower end of the 95 % interval of `value_without`.", unit="-1 to 1", nullable=True
    )
    high_without: pl.Float64 = _column(
        "Upper end of the 95 % interval of `value_without`.", unit="-1 to 1", nullable=True
    )
    voice: pl.Float64 = _column(
        "Share of the day's mentions that the brand has, with the burst.", unit="0 to 1", ge=0, le=1
    )
    voice_without: pl.Float64 = _column(
        "Share of the day's mentions that the brand has, without the burst.",
        unit="0 to 1",
        ge=0,
        le=1,
        nullable=True,
    )

    class Config:
        """Exactly these columns."""

        strict = True


@dataclass(frozen=True)
class Table:
    """A table of the lake: name, contract, key of a row (a log has none) and partitions."""

    name: str
    contract: type[pa.DataFrameModel]
    key: tuple[str, ...]
    partition: tuple[str, ...]

    @property
    def schema(self) -> Schema:
        """Column names and Polars types, in the order of the contract."""
        return {
            name: column.dtype.type for name, column in self.contract.to_schema().columns.items()
        }

    @property
    def former_names(self) -> dict[str, str]:
        """Names that columns had in an earlier version, with the names of now."""
        columns = self.contract.to_schema().columns.items()
        former = {(column.metadata or {}).get("renamed_from"): name for name, column in columns}
        return {old: new for old, new in former.items() if old}

    def empty(self) -> pl.DataFrame:
        """Return a frame without rows in the table's schema."""
        return pl.DataFrame(schema=self.schema)

    def check(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the frame with columns in contract order, or raise ContractBroken.

        The error names every failure and the first rows that fail.
        """
        try:
            self.contract.validate(frame.select(*self.schema), lazy=True)
        except (SchemaErrors, pl.exceptions.ColumnNotFoundError) as error:
            message = (
                f"{self.name}: rows break the contract, nothing was written: {str(error)[:2000]}"
            )
            raise ContractBroken(message) from error
        if self.key and frame.select(self.key).is_duplicated().any():
            message = f"{self.name}: two rows share one {', '.join(self.key)}; nothing was written"
            raise ContractBroken(message)
        return frame.select(*self.schema)


# Platforms do not change an item's time, so an item is one row, and windows stay independent.
ITEM_KEY = ("platform", "kind", "item_id", "window_start")
BRONZE_ITEMS = Table("bronze.items", BronzeItems, ITEM_KEY, ("platform", "day(created_at)"))
SILVER_ITEMS = Table("silver.items", SilverItems, ITEM_KEY, ("platform", "day(created_at)"))
SILVER_THREADS = Table(
    "silver.threads",
    SilverThreads,
    ("platform", "thread_id", "window_start"),
    ("platform", "day(created_at)"),
)
SILVER_MENTIONS = Table(
    "silver.mentions",
    SilverMentions,
    ("domain", *ITEM_KEY, "product_id"),
    ("domain", "day(created_at)"),
)
SILVER_OPINIONS = Table(
    "silver.opinions",
    SilverOpinions,
    ("domain", *ITEM_KEY, "product_id", "aspect", "score_set"),
    ("domain", "score_set", "day(created_at)"),
)
SILVER_LABELS = Table(
    "silver.labels",
    SilverLabels,
    ("domain", *ITEM_KEY, "labeller", "labelled_at"),
    ("domain",),
)
SILVER_EXTRACTIONS = Table(
    "silver.extractions", SilverExtractions, ("question_key",), ("day(scored_at)",)
)
OPS_REJECTIONS = Table("ops.rejections", OpsRejections, (), ("stage", "day(window_start)"))
_DAY = ("domain", "platform", "full_date")
_BY_DAY = ("platform", "full_date")
GOLD_DAILY_BRAND = Table("gold.daily_brand", GoldDailyBrand, (*_DAY, "brand"), _BY_DAY)
GOLD_DAILY_ASPECT = Table("gold.daily_aspect", GoldDailyAspect, (*_DAY, "brand", "aspect"), _BY_DAY)
GOLD_DAILY_PLATFORM = Table("gold.daily_platform", GoldDailyPlatform, (*_DAY, "community"), _BY_DAY)
_CELL = ("part", "brand", "product_id", "aspect", "platform", "community", "week_start")
GOLD_ESTIMATES = Table(
    "gold.estimates", GoldEstimates, ("domain", "measure", *_CELL, "method"), ("domain",)
)
GOLD_CHANGES = Table(
    "gold.changes",
    GoldChanges,
    ("domain", "week_start", "measure", "brand", "aspect"),
    ("domain",),
)
GOLD_BURSTS = Table(
    "gold.bursts", GoldBursts, ("domain", "full_date", "brand", "kind"), ("domain",)
)
GOLD_TABLES = (GOLD_DAILY_BRAND, GOLD_DAILY_ASPECT, GOLD_DAILY_PLATFORM)
TABLES = (
    BRONZE_ITEMS, SILVER_ITEMS, SILVER_THREADS, SILVER_MENTIONS, SILVER_OPINIONS, SILVER_LABELS,
    SILVER_EXTRACTIONS, OPS_REJECTIONS, *GOLD_TABLES, GOLD_ESTIMATES,
    GOLD_CHANGES, GOLD_BURSTS,
)  # fmt: skip
