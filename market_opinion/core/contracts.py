"""The contract of every table in the lake: its grain, columns, types, units and what is personal."""

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


def _column(description: str, *, personal: bool = False, unit: str = "", **rules: Any) -> Any:  # noqa: ANN401, pandera's own type
    """A column of a contract with what the dictionary says of it."""
    return pa.Field(description=description, metadata={"personal": personal, "unit": unit}, **rules)


class Keyed(pa.DataFrameModel):
    """Columns common to every table of items: whose, what and when."""

    platform: pl.String = _column(
        "Where it was said: `reddit`, `hackernews`, `amazon`, ..., `sample`."
    )
    community: pl.String = _column("Subreddit, category, page or their like, in lower case.")
    kind: pl.String = _column("Kind of text.", isin=KINDS)
    item_id: pl.String = _column(
        "The platform's own id, without type prefix.", str_length={"min_value": 1}
    )
    thread_id: pl.String = _column(
        "Item id of the submission the thread began with; of a review, what the platform calls its subject.",
        nullable=True,
    )
    created_at: Utc = _column("When it was written, by the platform's clock.", unit="UTC")
    window_start: Utc = _column("Start of the hour that holds `created_at`.", unit="UTC")

    class Config:
        """No column more, none fewer."""

        strict = True


class BronzeItems(Keyed):
    """One row per item: the newest version received of each platform, kind and item_id."""

    parent_id: pl.String = _column("Item id this one answers.", nullable=True)
    author: pl.String = _column("User name as received.", personal=True, nullable=True)
    title: pl.String = _column(
        "Title as received; of the thread, where a comment carries it.",
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
    retrieved_at: Utc = _column("When this version was read from the platform.", unit="UTC")
    first_seen_at: Utc = _column("When any version was read first.", unit="UTC")
    capture_path: pl.String = _column(
        "How it came: `archive`, `sample`, `reviews`, `file`, `listing`, `search`, `graph`, `tree`, `refresh`, `stream`."
    )
    landing_uri: pl.String = _column("Landed file of this version, below the landing zone.")
    landing_line: pl.Int64 = _column("Its line there, from 1.", ge=1)
    payload_sha256: pl.String = _column(
        "SHA-256 of the line as received.", str_length={"min_value": 64, "max_value": 64}
    )


class SilverItems(Keyed):
    """One row per item: cleaned, without names, and whether it can be used."""

    parent_id: pl.String = _column("Item id this one answers.", nullable=True)
    author_key: pl.String = _column(
        "HMAC-SHA256 of the user name under a secret pepper; no key for deleted users.",
        nullable=True,
    )
    text: pl.String = _column(
        "Cleaned text, title first; masks stand for names, addresses and numbers. Empty once it was purged."
    )
    context_title: pl.String = _column(
        "Cleaned title of the thread the item belongs to or begins.", nullable=True
    )
    language: pl.String = _column("ISO 639-3 code, `und` below 60 characters.")
    permalink: pl.String = _column(
        "Address of the item, made from its ids: a received one may spell a name."
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
    is_usable: pl.Boolean = _column("Whether it passed every cleaning gate.")
    unusable_reason: pl.String = _column(
        "The first gate it did not pass.", nullable=True, isin=UNUSABLE_REASONS
    )


class SilverMentions(Keyed):
    """One row per domain, item and product that the item speaks of."""

    domain: pl.String = _column("Folder name of the domain.")
    product_id: pl.String = _column("Product of the domain's catalogue.")
    aliases: pl.String = _column(
        "Normalised ways the product was written, alphabetical, parted by `|`; of a review that names none, its"
        " subject's id; empty where only the thread tells."
    )
    mention_count: pl.Int64 = _column("How often the text names it; 1 where it does not.", ge=1)
    reason: pl.String = _column(
        "Why: `named` in the text, in its `title`, `subject` of a review, or `referred`: the thread's product, spoken of"
        " without its name.",
        isin=MENTION_REASONS,
    )
    confidence: pl.Float64 = _column(
        "How likely it is that the product is meant.", unit="0 to 1", ge=0, le=1
    )
    domain_version: pl.String = _column("Content hash of the domain's catalogue and aspects.")


class SilverOpinions(Keyed):
    """One row per domain, item, product, aspect and score set: a judgement with the words it rests on."""

    domain: pl.String = _column("Folder name of the domain.")
    product_id: pl.String = _column("Product of the domain's catalogue.")
    aspect: pl.String = _column("Aspect of the domain.")
    score_set: pl.String = _column("`live` is what the mart shows.")
    polarity: pl.Float64 = _column("Sign and strength.", unit="-1 to 1", ge=-1, le=1)
    label: pl.String = _column("Polarity in a word: neutral between -0.05 and 0.05.", isin=LABELS)
    evidence: pl.String = _column(
        "The words judged, as they stand in the item's text; none once it was purged.",
        str_length={"min_value": 1},
        nullable=True,
    )
    evidence_start: pl.Int64 = _column(
        "First character of the evidence in the text, from 0.", unit="characters", ge=0
    )
    evidence_end: pl.Int64 = _column("Character after its last.", unit="characters", ge=1)
    confidence: pl.Float64 = _column(
        "How likely it is that product, aspect and label are right; none where the scorer cannot tell.",
        unit="0 to 1",
        ge=0,
        le=1,
        nullable=True,
    )
    scorer: pl.String = _column("What judged: `lexicon`, `linear`, `llm`.")
    model: pl.String = _column("Model and version of the scorer.")
    prompt_version: pl.String = _column("Version of the question put to a model.", nullable=True)
    domain_version: pl.String = _column("Content hash of the domain's catalogue and aspects.")


class SilverExtractions(pa.DataFrameModel):
    """One row per question put to a model and its answer: the ledger that keeps anything from being paid for twice."""

    question_key: pl.String = _column(
        "Hash of model, prompt, domain, candidates, context and words: the same question has the same key."
    )
    text_key: pl.String = _column(
        "Hash of words and context alone: what has to go when a text is erased."
    )
    status: pl.String = _column("`ok`, or why it was given up.")
    mentions: pl.String = _column(
        "What the model said, as JSON: product_id, aspect, label, score, evidence."
    )
    raw_reply: pl.String = _column(
        "The last reply to a question that was given up.",
        nullable=True,
        unit="at most 4,096 characters",
    )
    domain: pl.String = _column("Folder name of the domain.")
    domain_version: pl.String = _column("Content hash of the domain's catalogue and aspects.")
    prompt_version: pl.String = _column(
        "Content hash of what is said before the comments and of the reply's schema."
    )
    model: pl.String = _column("Model as asked for.")
    served_model: pl.String = _column("Model as the server names it.", nullable=True)
    request_id: pl.String = _column("The server's id of the last request.", nullable=True)
    attempt_count: pl.Int64 = _column("Requests it took part in.", ge=0)
    input_tokens: pl.Float64 = _column(
        "Its share of the tokens sent, in every attempt.", unit="tokens", ge=0
    )
    cached_tokens: pl.Float64 = _column(
        "Those of them that the server had cached.", unit="tokens", ge=0
    )
    cache_write_tokens: pl.Float64 = _column(
        "Those of them that were written to the cache.", unit="tokens", ge=0
    )
    output_tokens: pl.Float64 = _column("Its share of the tokens received.", unit="tokens", ge=0)
    reasoning_tokens: pl.Float64 = _column(
        "Those of them that were reasoning.", unit="tokens", ge=0
    )
    usd: pl.Float64 = _column(
        "What that cost; none where the model's price is not known.", unit="USD", nullable=True
    )
    scored_at: Utc = _column("When it was answered.", unit="UTC")

    class Config:
        """No column more, none fewer."""

        strict = True


class OpsRejections(pa.DataFrameModel):
    """One row per refused line, row or reply, with its reason; never its content."""

    stage: pl.String = _column("Stage that refused it.", isin=("fetch", "bronze", "opinions"))
    platform: pl.String = _column("Where it was said.")
    community: pl.String = _column(
        "Subreddit or its like, in lower case; none where a whole file was refused.", nullable=True
    )
    domain: pl.String = _column("Domain, for stages that know one.", nullable=True)
    window_start: Utc = _column(
        "Start of the hour it was landed in; none for a whole file.", unit="UTC", nullable=True
    )
    reason: pl.String = _column("Reason code.")
    detail: pl.String = _column("What exactly was wrong, without the content.")
    landing_uri: pl.String = _column(
        "Landed file, below the landing zone; the URI of the source's file for fetch.",
        nullable=True,
    )
    landing_line: pl.Int64 = _column("Line there, from 1.", nullable=True)
    item_id: pl.String = _column("The platform's own id, where it was known.", nullable=True)

    class Config:
        """No column more, none fewer."""

        strict = True


class Gold(pa.DataFrameModel):
    """Columns common to the daily aggregates."""

    domain: pl.String = _column("Folder name of the domain.")
    platform: pl.String = _column("Where it was said.")
    full_date: pl.Date = _column("Day, by the platform's clock.", unit="UTC")

    class Config:
        """No column more, none fewer."""

        strict = True


class GoldDailyBrand(Gold):
    """One row per domain, platform, day and brand: how often it was named, by how many, and in which tone."""

    brand: pl.String = _column("Brand, by the catalogue of now.")
    mention_count: pl.Int64 = _column("Items x products of the brand.", ge=1)
    author_count: pl.Int64 = _column("Different people; not to be added up.", ge=0)
    positive_count: pl.Int64 = _column("Mentions whose mean polarity is at least 0.05.", ge=0)
    neutral_count: pl.Int64 = _column("Mentions between.", ge=0)
    negative_count: pl.Int64 = _column("Mentions whose mean polarity is at most -0.05.", ge=0)
    mean_polarity: pl.Float64 = _column("Mean over judged mentions.", unit="-1 to 1", nullable=True)


class GoldDailyAspect(Gold):
    """One row per domain, platform, day, brand and aspect: opinions and their tone."""

    brand: pl.String = _column("Brand, by the catalogue of now.")
    aspect: pl.String = _column("Aspect of the domain.")
    opinion_count: pl.Int64 = _column("Opinions on it.", ge=1)
    positive_count: pl.Int64 = _column("Those that praise.", ge=0)
    negative_count: pl.Int64 = _column("Those that complain.", ge=0)
    mean_polarity: pl.Float64 = _column("Mean over opinions.", unit="-1 to 1")


class GoldDailyPlatform(Gold):
    """One row per domain, platform, day and community: where products are spoken of."""

    community: pl.String = _column("Subreddit or its like, in lower case.")
    mention_count: pl.Int64 = _column("Items x products.", ge=1)
    author_count: pl.Int64 = _column("Different people; not to be added up.", ge=0)
    opinion_count: pl.Int64 = _column("Opinions.", ge=0)
    mean_polarity: pl.Float64 = _column("Mean over judged mentions.", unit="-1 to 1", nullable=True)


@dataclass(frozen=True)
class Table:
    """A table of the lake: its name, the contract of its rows, what identifies one (a log has no key) and its partitions."""

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

    def empty(self) -> pl.DataFrame:
        """A frame of no rows in the table's schema."""
        return pl.DataFrame(schema=self.schema)

    def check(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame in contract order; raises ContractBroken with every failure and the first rows that fail."""
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


# A platform never changes an item's time, so this is one row an item; were one to, windows would still stand alone.
_ITEM = ("platform", "kind", "item_id", "window_start")
BRONZE_ITEMS = Table("bronze.items", BronzeItems, _ITEM, ("platform", "day(created_at)"))
SILVER_ITEMS = Table("silver.items", SilverItems, _ITEM, ("platform", "day(created_at)"))
SILVER_MENTIONS = Table(
    "silver.mentions",
    SilverMentions,
    ("domain", *_ITEM, "product_id"),
    ("domain", "day(created_at)"),
)
SILVER_OPINIONS = Table(
    "silver.opinions",
    SilverOpinions,
    ("domain", *_ITEM, "product_id", "aspect", "score_set"),
    ("domain", "score_set", "day(created_at)"),
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
GOLD_TABLES = (GOLD_DAILY_BRAND, GOLD_DAILY_ASPECT, GOLD_DAILY_PLATFORM)
TABLES = (
    BRONZE_ITEMS, SILVER_ITEMS, SILVER_MENTIONS, SILVER_OPINIONS, SILVER_EXTRACTIONS, OPS_REJECTIONS, *GOLD_TABLES
)  # fmt: skip
