"""Groups of settings: each class holds the variables of one part, with their defaults.

Every group reads the environment and a `.env` file beside it; every default needs no account.
"""

import re
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.visible import shown_uri

_NOT_IN_URIS = frozenset("%#?*[]\n\r\t\0")


class SettingsGroup(BaseSettings):
    """A part of the settings; what has no place of its own lies in the home folder.

    A source of another package declares its settings so, and reads them with `settings.group(...)`:

        class ForumSettings(SettingsGroup):
            model_config = SettingsConfigDict(env_prefix="FORUM_")

            url: str = Field("https://forum.example", description="Address of the forum.")
            token: SecretStr | None = Field(None, description="Token that reads the forum.")

    A variable is the prefix and the name of the field in capitals, or the field's alias. A field
    that holds a secret is a `SecretStr`.
    """

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    home_path: Path = Field(
        Path(".market-opinion"),
        alias="MARKET_OPINION_HOME",
        description="Folder of everything the embedded default writes.",
    )

    @property
    def home(self) -> Path:
        """The home folder as an absolute path."""
        return self.home_path.resolve()

    def uri_of(self, folder: str) -> str:
        """Return the URI of a folder in the home, as fsspec takes it: no character is escaped."""
        return f"file://{self.home / folder}"

    @field_validator("home_path")
    @classmethod
    def _can_be_in_a_uri(cls, path: Path) -> Path:
        if found := sorted({*str(path.resolve())} & _NOT_IN_URIS):
            message = (
                f"the path holds {' '.join(map(repr, found))}, which means something else in"
                " addresses of files: take another folder"
            )
            raise ValueError(message)
        return path

    @classmethod
    def variables(cls) -> set[str]:
        """Return the names of the group's variables."""
        return set(cls.field_names())

    @classmethod
    def field_names(cls) -> dict[str, str]:
        """Return the names of the group's fields by their variables."""
        prefix = cls.model_config.get("env_prefix", "")
        return {_variable(name, info, prefix): name for name, info in cls.model_fields.items()}

    @classmethod
    def own_fields(cls) -> dict[str, FieldInfo]:
        """Return the group's fields by their variables, without the home folder of all groups."""
        shared = SettingsGroup.model_fields
        return {
            variable: cls.model_fields[name]
            for variable, name in cls.field_names().items()
            if name not in shared
        }

    @classmethod
    def secrets(cls) -> dict[str, str]:
        """Return the descriptions of the variables that hold a secret, by their names."""
        return {
            variable: info.description or ""
            for variable, info in cls.own_fields().items()
            if SecretStr in {info.annotation, *get_args(info.annotation)}
        }

    def missing_secrets(self) -> list[str]:
        """Return the names of the variables that should hold a secret and are not set."""
        fields = self.field_names()
        return [name for name in self.secrets() if getattr(self, fields[name]) is None]


class LandingSettings(SettingsGroup):
    """The landing zone."""

    uri: str | None = Field(
        None,
        alias="LANDING_URI",
        description="Where raw lines land, any fsspec URI; default: home/landing.",
    )
    bucket_name: str | None = Field(
        None,
        alias="LANDING_BUCKET_NAME",
        pattern=r"^[a-z0-9][a-z0-9.-]{2,62}$",
        description="S3 bucket of the landing zone.",
    )
    bucket_prefix: str = Field(
        "",
        alias="LANDING_BUCKET_PREFIX",
        description="Folder within that bucket; LANDING_URI wins over both.",
    )
    compression: str | None = Field(
        None,
        alias="LANDING_COMPRESSION",
        pattern="^zstd$",
        description="`zstd` compresses landed files; default: plain JSONL.",
    )
    max_bytes: int = Field(
        64_000_000,
        alias="LANDING_MAX_BYTES",
        ge=1,
        description="A landed file is rotated at this many bytes.",
    )

    @property
    def root(self) -> str:
        """URI of the landing zone, without a slash at its end.

        Each platform has a folder of its own below it, so a prefix that ends in `reddit` is that
        folder, and not one above.
        """
        above = re.sub(r"(^|/)reddit$", "", self.bucket_prefix.strip("/"))
        bucket = f"s3://{self.bucket_name}/{above}" if self.bucket_name else None
        return (self.uri or bucket or self.uri_of("landing")).rstrip("/")


class LakeSettings(SettingsGroup):
    """The lake."""

    catalog: str = Field(
        "market_opinion",
        alias="LAKE_CATALOG",
        description=(
            "PyIceberg catalog by name; where PyIceberg's own configuration does not know it:"
            " SQLite in home/lake."
        ),
    )

    @property
    def path(self) -> Path:
        """Folder of the embedded catalog and its tables."""
        return self.home / "lake"


class StateSettings(SettingsGroup):
    """The state store."""

    uri: str | None = Field(
        None,
        alias="STATE_URI",
        description=(
            "Watermarks, windows and runs: `sqlite:PATH`, or `dynamodb:` for RUNS_TABLE_NAME;"
            " default: the table where RUNS_TABLE_NAME is set, else home/state.sqlite."
        ),
    )
    runs_table_name: str = Field(
        "reddit_ingestion_runs",
        alias="RUNS_TABLE_NAME",
        description="DynamoDB table of the state, with string keys pk and sk.",
    )
    ssm_path: str | None = Field(
        None,
        alias="STATE_BASE_PATH",
        pattern=r"^/[\w./-]+$",
        description=(
            "Also write each watermark into SSM, below this path, as `/reddit-ingest`, and begin"
            " after one that stands there."
        ),
    )

    @property
    def table(self) -> str | None:
        """DynamoDB table of the state store; None where it is SQLite."""
        is_named = self.uri is None and "runs_table_name" in self.model_fields_set
        is_asked = self.uri in {"dynamodb:", "dynamodb://"}
        return self.runs_table_name if is_named or is_asked else None

    @property
    def path(self) -> Path:
        """File of the SQLite state store."""
        return _local_file(self.uri, "sqlite", "STATE_URI") or self.home / "state.sqlite"


def mart_file(home: Path) -> Path:
    """Return the file of a home's DuckDB mart, by the name that an earlier version gave it if any.

    In a file called mart.duckdb a schema `mart` would be ambiguous, so new files are called
    otherwise.
    """
    earlier = home / "mart.duckdb"
    return earlier if earlier.exists() else home / "market_opinion.duckdb"


class MartSettings(SettingsGroup):
    """The star schema, and where its views and its export go."""

    uri: str | None = Field(
        None,
        alias="MART_URI",
        description=(
            "Star schema: `duckdb:PATH`, `snowflake://ACCOUNT/DATABASE`, or `none:`;"
            " default: duckdb, home/market_opinion.duckdb."
        ),
    )
    postgres_uri: SecretStr | None = Field(
        None,
        alias="POSTGRES_URI",
        description=(
            "Where the mart's views are published: `postgresql://user:password@host:port/name`;"
            " nowhere if not set."
        ),
    )
    export_uri: str | None = Field(
        None,
        alias="EXPORT_URI",
        description=(
            "Where silver is exported for SNOWFLAKE_ACCESS=external, any fsspec URI;"
            " default: home/export."
        ),
    )
    publish_min_authors: int = Field(
        5,
        ge=1,
        alias="PUBLISH_MIN_AUTHORS",
        description="Fewest authors of a row of gold, PostgreSQL or the published views.",
    )
    publish_links: bool = Field(
        default=False,
        alias="PUBLISH_LINKS",
        description="Whether published evidence has the id and the address of its item.",
    )

    @property
    def engine(self) -> Literal["duckdb", "snowflake", "none"]:
        """The engine that keeps the star schema."""
        scheme = (self.uri or "duckdb:").partition(":")[0]
        if scheme not in {"duckdb", "snowflake", "none"}:
            message = (
                f"MART_URI={shown_uri(self.uri or '')}: use duckdb:PATH,"
                " snowflake://ACCOUNT/DATABASE or none:"
            )
            raise SettingsInvalid(message)
        return cast("Literal['duckdb', 'snowflake', 'none']", scheme)

    @property
    def path(self) -> Path:
        """File of the DuckDB mart."""
        return _local_file(self.uri, "duckdb", "MART_URI") or mart_file(self.home)

    @property
    def snowflake_place(self) -> tuple[str, str]:
        """Account and database of the Snowflake mart."""
        parts = urlsplit(self.uri or "")
        account, database = parts.netloc, parts.path.strip("/")
        is_name = re.fullmatch(r"[A-Za-z_]\w*", database)
        if parts.scheme != "snowflake" or not account or not is_name:
            message = (
                f"MART_URI={shown_uri(self.uri or '')}: write snowflake://ACCOUNT/DATABASE,"
                " as in snowflake://myorg-account1/MARKET_OPINION"
            )
            raise SettingsInvalid(message)
        return account, database

    @property
    def export_root(self) -> str:
        """URI of the export, without a slash at its end."""
        return (self.export_uri or self.uri_of("export")).rstrip("/")


class SnowflakeSettings(SettingsGroup):
    """Snowflake: how to sign in, and how it gets silver."""

    block: str | None = Field(
        None,
        alias="SNOWFLAKE_BLOCK",
        description="Name of a Prefect SnowflakeCredentials block, instead of the variables below.",
    )
    user: str | None = Field(
        None, alias="SNOWFLAKE_USER", description="User that loads, of TYPE=SERVICE."
    )
    private_key: SecretStr | None = Field(
        None, alias="SNOWFLAKE_PRIVATE_KEY", description="Its private key, PEM."
    )
    private_key_path: Path | None = Field(
        None, alias="SNOWFLAKE_PRIVATE_KEY_PATH", description="The file that holds it."
    )
    private_key_passphrase: SecretStr | None = Field(
        None, alias="SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", description="What the key is locked with."
    )
    token: SecretStr | None = Field(
        None,
        alias="SNOWFLAKE_TOKEN",
        description="OAuth token, or that of a workload's identity provider.",
    )
    password: SecretStr | None = Field(
        None,
        alias="SNOWFLAKE_PASSWORD",
        description="Password, or a programmatic access token.",
    )
    authenticator: str | None = Field(
        None,
        alias="SNOWFLAKE_AUTHENTICATOR",
        description=(
            "How it signs in; default: snowflake_jwt with a key, workload_identity with a"
            " provider, oauth with a token."
        ),
    )
    workload_identity_provider: Literal["aws", "azure", "gcp", "oidc"] | None = Field(
        None,
        alias="SNOWFLAKE_WORKLOAD_IDENTITY_PROVIDER",
        description="Signs in as the machine it runs on: on AWS, the task's role.",
    )
    role: str | None = Field(
        None, alias="SNOWFLAKE_ROLE", description="Role of the loader; default: the user's own."
    )
    warehouse: str = Field(
        "MARKET_OPINION",
        alias="SNOWFLAKE_WAREHOUSE",
        description="Warehouse that loads and readers use.",
    )
    url: str | None = Field(
        None,
        alias="SNOWFLAKE_URL",
        description="Where Snowflake is spoken, if not at the account's own address.",
    )
    access: Literal["iceberg", "external", "copy"] = Field(
        "iceberg",
        validation_alias=AliasChoices("SNOWFLAKE_ACCESS", "SNOWFLAKE_ROAD"),
        description=(
            "How Snowflake gets silver: Iceberg tables in place, external tables over an export,"
            " or a copy with each load."
        ),
    )
    lake_uri: str | None = Field(
        None,
        alias="SNOWFLAKE_LAKE_URI",
        pattern=r"^s3://[\w.-]+/[\w./-]*$",
        description=(
            "Where the lake's warehouse, or with SNOWFLAKE_ACCESS=external the export, lies:"
            " `s3://BUCKET/PATH/`."
        ),
    )
    aws_role_arn: str | None = Field(
        None,
        alias="SNOWFLAKE_AWS_ROLE_ARN",
        pattern=r"^arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+$",
        description="AWS role that Snowflake assumes to read it.",
    )
    aws_external_id: str | None = Field(
        None,
        alias="SNOWFLAKE_AWS_EXTERNAL_ID",
        pattern=r"^[\w+=,.@:/-]+$",
        description="External id that this role asks for.",
    )
    catalog: Literal["glue_rest", "glue"] = Field(
        "glue_rest",
        alias="SNOWFLAKE_CATALOG",
        description="Glue as Iceberg REST, or its older integration.",
    )


class AwsSettings(SettingsGroup):
    """The account of the Glue catalog."""

    account_id: str | None = Field(
        None,
        alias="AWS_ACCOUNT_ID",
        pattern=r"^\d{12}$",
        description="AWS account of the Glue catalog.",
    )
    region: str | None = Field(
        None, alias="AWS_REGION", pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="Its region."
    )


class KafkaSettings(SettingsGroup):
    """The stream: Kafka's brokers, and how we sign in to them."""

    bootstrap_servers: str | None = Field(
        None,
        alias="KAFKA_BOOTSTRAP_SERVERS",
        description="Brokers of the stream, as host:port, parted by commas.",
    )
    group_id: str = Field(
        "market-opinion",
        alias="KAFKA_GROUP_ID",
        description="Consumer group whose offsets say what was landed.",
    )
    username: str | None = Field(
        None,
        alias="KAFKA_USERNAME",
        description="Signs in by SASL_SSL with SCRAM-SHA-512 where set.",
    )
    password: SecretStr | None = Field(
        None, alias="KAFKA_PASSWORD", description="The password of that user."
    )
    mirror: bool = Field(
        default=False,
        alias="KAFKA_MIRROR",
        description="Also produce what hourly and backfill land to the platform's topic.",
    )


class InboxSettings(SettingsGroup):
    """The inbox: a folder whose files are read once each."""

    uri: str | None = Field(
        None,
        alias="INBOX_URI",
        description="Folder whose files are read once each, any fsspec URI; default: home/inbox.",
    )
    settle_seconds: int = Field(
        10,
        alias="INBOX_SETTLE_SECONDS",
        ge=0,
        description="A file on a disk is read once it has not changed for so long.",
    )
    queue_url: str | None = Field(
        None,
        alias="INBOX_QUEUE_URL",
        pattern="^https?://",
        description="SQS queue of arrivals, which wakes a watching flow.",
    )

    @property
    def root(self) -> str:
        """URI of the inbox, without a slash at its end."""
        return (self.uri or self.uri_of("inbox")).rstrip("/")


class FileSettings(SettingsGroup):
    """Files of archives, exports and the inbox: how much of one is read."""

    unpacked_ratio_max: int = Field(
        250,
        alias="FILES_UNPACKED_RATIO_MAX",
        ge=1,
        description=(
            "A packed file whose content is more than 256 MB and so many times its size is refused."
        ),
    )
    unreadable_lines_max: int = Field(
        10_000,
        alias="FILES_UNREADABLE_LINES_MAX",
        ge=0,
        description=(
            "So many lines of a file without a readable time and community are kept;"
            " the others are counted."
        ),
    )
    lines_per_hour_max: int = Field(
        250_000,
        alias="FILES_LINES_PER_HOUR_MAX",
        ge=1,
        description=(
            "So many lines of a reading are kept for an hour of a community;"
            " of a file with more the others are counted."
        ),
    )


class UpkeepSettings(SettingsGroup):
    """Second looks at what is kept, and how long words are kept."""

    refresh_ages_hours: str = Field(
        "1,6,24,72",
        alias="REFRESH_AGES_HOURS",
        pattern=r"^\d+(,\d+)*$",
        description="Ages at which items are looked at again.",
    )
    sweep_hours: int = Field(
        48,
        alias="SWEEP_HOURS",
        ge=1,
        description="Everything kept is checked for deletion at least this often.",
    )
    retention: Literal["full", "derived_only"] = Field(
        "full",
        alias="RETENTION",
        description=(
            "Keep words while the platform shows them,"
            " or purge them once judged and keep only what was derived."
        ),
    )
    retention_hours: int = Field(
        24,
        alias="RETENTION_HOURS",
        ge=2,
        description=(
            "With derived_only, words of an hour are purged by the first sweep this long after it."
        ),
    )

    @property
    def refresh_ages(self) -> list[int]:
        """Ages in hours at which items are looked at again, youngest first."""
        return sorted({int(age) for age in self.refresh_ages_hours.split(",")})


class ScoringSettings(SettingsGroup):
    """The bars of all scorers, and the weights of the local one."""

    mention_min: float | None = Field(
        None,
        alias="MENTION_CONFIDENCE_MIN",
        ge=0,
        le=1,
        description="Confidence from which on a mention counts; default: the scorer's own.",
    )
    opinion_min: float | None = Field(
        None,
        alias="OPINION_CONFIDENCE_MIN",
        ge=0,
        le=1,
        description="Confidence from which on an opinion counts; default: the scorer's own.",
    )
    local_model: Path | None = Field(
        None,
        alias="LOCAL_MODEL",
        description="Learned weights of the local scorer instead of those that are shipped.",
    )


class LlmSettings(SettingsGroup):
    """The model: its server, limits, prices and budgets."""

    base_url: str | None = Field(
        None,
        alias="LLM_BASE_URL",
        description="Server of the model, any that speaks as OpenAI's; default: OpenAI's own.",
    )
    api_key: SecretStr | None = Field(None, alias="LLM_API_KEY", description="Its key.")
    model: str | None = Field(
        None, alias="LLM_MODEL", description="Name of the model, or of the deployment on Azure."
    )
    azure_api_version: str | None = Field(
        None,
        alias="LLM_AZURE_API_VERSION",
        description="Set for Azure OpenAI; LLM_BASE_URL is then the resource's endpoint.",
    )
    routed_share: float = Field(
        0.25,
        alias="LLM_ROUTED_SHARE",
        gt=0,
        le=1,
        description=(
            "With SCORER=routed, the share of items that the model is asked about, of those in"
            " which a product may be meant."
        ),
    )
    items_per_request: int = Field(
        8,
        alias="LLM_ITEMS_PER_REQUEST",
        ge=1,
        le=50,
        description="Comments that share a request.",
    )
    max_in_flight: int = Field(
        64,
        alias="LLM_MAX_IN_FLIGHT",
        ge=2,
        le=1000,
        description="Most requests under way at once.",
    )
    requests_per_minute: float | None = Field(
        None,
        alias="LLM_REQUESTS_PER_MINUTE",
        gt=0,
        description="The account's limit of requests, shared by all processes; none where not set.",
    )
    tokens_per_minute: float | None = Field(
        None,
        alias="LLM_TOKENS_PER_MINUTE",
        gt=0,
        description="The account's limit of tokens, shared by all processes; none where not set.",
    )
    mode: Literal["online", "batch", "ledger"] = Field(
        "online",
        alias="LLM_MODE",
        description=(
            "Ask at once, through the provider's Batch API at half the price, or nothing:"
            " with `ledger` the stored answers alone count."
        ),
    )
    batch_poll_seconds: float = Field(
        30,
        alias="LLM_BATCH_POLL_SECONDS",
        gt=0,
        description="How often a pending batch is looked at.",
    )
    concurrency_limit: str | None = Field(
        None,
        alias="LLM_CONCURRENCY_LIMIT",
        description="Prefect global concurrency limit held while the model is asked.",
    )
    timeout_seconds: float = Field(
        60,
        alias="LLM_TIMEOUT_SECONDS",
        gt=0,
        description="A request that takes longer is tried again.",
    )
    prices: Path | None = Field(
        None, alias="LLM_PRICES", description="Price file instead of the one that is shipped."
    )
    budget_usd: float | None = Field(
        None,
        alias="LLM_BUDGET_USD",
        ge=0,
        description="Most that one run may spend; without a budget, 1 USD.",
    )
    budget_usd_per_day: float | None = Field(
        None,
        alias="LLM_BUDGET_USD_PER_DAY",
        ge=0,
        description="Most that all runs of a UTC day may spend.",
    )
    budget_usd_per_domain: float | None = Field(
        None,
        alias="LLM_BUDGET_USD_PER_DOMAIN",
        ge=0,
        description="Most that all runs of one domain may spend in a UTC month.",
    )
    budget_usd_per_campaign: float | None = Field(
        None,
        alias="LLM_BUDGET_USD_PER_CAMPAIGN",
        ge=0,
        description="Most that all runs of one campaign may spend, also where it is run again.",
    )
    allowed_hosts: str | None = Field(
        None,
        alias="LLM_ALLOWED_HOSTS",
        description="Hosts that texts may be sent to, parted by commas; any where not set.",
    )

    @property
    def has_budget(self) -> bool:
        """Whether any budget is set."""
        budgets = (
            self.budget_usd,
            self.budget_usd_per_day,
            self.budget_usd_per_domain,
            self.budget_usd_per_campaign,
        )
        return any(budget is not None for budget in budgets)


class MetricsSettings(SettingsGroup):
    """The place that metrics go to."""

    namespace: str = Field(
        "RedditIngestion", alias="METRICS_NAMESPACE", description="Name above all metrics."
    )
    sink_name: Literal["file", "emf", "cloudwatch"] | None = Field(
        None,
        alias="METRICS_SINK",
        description=(
            "Metrics go to home/metrics.jsonl (file), to the log in CloudWatch's embedded format"
            " (emf), or to CloudWatch by request (cloudwatch); default: cloudwatch where"
            " METRICS_NAMESPACE is set, else file."
        ),
    )

    @property
    def sink(self) -> Literal["file", "emf", "cloudwatch"]:
        """The place that metrics go to."""
        is_named = "namespace" in self.model_fields_set
        return self.sink_name or ("cloudwatch" if is_named else "file")


class AlertSettings(SettingsGroup):
    """The places that alerts go to, besides the log."""

    sns_topic_arn: str | None = Field(
        None,
        alias="ALERT_SNS_TOPIC_ARN",
        pattern=r"^arn:aws[\w-]*:sns:",
        description="Alerts are published to this SNS topic.",
    )
    webhook_url: SecretStr | None = Field(
        None,
        alias="ALERT_WEBHOOK_URL",
        description="Alerts are posted here as JSON, besides the log.",
    )
    backlog_hours: int = Field(
        3,
        alias="ALERT_BACKLOG_HOURS",
        ge=0,
        description="More closed hours of a community than this, not settled yet, are an alert.",
    )
    hours_to_mart: float = Field(
        2.0,
        alias="ALERT_HOURS_TO_MART",
        gt=0,
        description=(
            "An hour whose first items reach the mart more hours than this after they were written"
            " is an alert, unless it waited in a backlog."
        ),
    )
    usable_min: float = Field(
        0.5,
        alias="ALERT_USABLE_MIN",
        ge=0,
        le=1,
        description="A smaller share of usable comments of a community is an alert.",
    )


def _variable(name: str, info: FieldInfo, prefix: str) -> str:
    alias = info.validation_alias
    newest = alias.choices[0] if isinstance(alias, AliasChoices) else alias
    return str(newest or f"{prefix}{name}").upper()


def _local_file(uri: str | None, scheme: str, variable: str) -> Path | None:
    """Return the file that a `scheme:PATH` URI names; None without a URI."""
    if uri is None:
        return None
    prefix, _, path = uri.partition(":")
    if prefix != scheme or not path:
        message = f"{variable}={shown_uri(uri)}: only {scheme}:PATH is supported"
        raise SettingsInvalid(message)
    return Path(path.removeprefix("//")).resolve()
