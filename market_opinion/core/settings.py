"""Every value that differs between machines; the only reader of the environment."""

import functools
import os
import re
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.settings_group import Group, read_group

_DOMAINS = Path(__file__).resolve().parents[2] / "domains"


class Settings(BaseSettings):
    """What the environment, or a `.env` file beside it, says; every field has a default that needs no account."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    environment: str = Field(
        "local", description="Name of this installation; part of every run record's key."
    )
    home_path: Path = Field(
        Path(".market-opinion"),
        alias="MARKET_OPINION_HOME",
        description="Folder of everything the embedded default writes.",
    )
    domains_path: Path = Field(
        _DOMAINS, description="Folder that holds one folder for each domain."
    )
    landing_uri: str | None = Field(
        None, description="Where raw lines land, any fsspec URI; default: home/landing."
    )
    landing_bucket_name: str | None = Field(
        None, pattern=r"^[a-z0-9][a-z0-9.-]{2,62}$", description="S3 bucket of the landing zone."
    )
    landing_bucket_prefix: str = Field(
        "", description="Folder within that bucket; LANDING_URI wins over both."
    )
    landing_compression: str | None = Field(
        None, pattern="^zstd$", description="`zstd` compresses landed files; default: plain JSONL."
    )
    landing_max_bytes: int = Field(
        64_000_000, ge=1, description="A landed file is rotated at this many bytes."
    )
    lake_catalog: str = Field(
        "market_opinion",
        description="PyIceberg catalog by name; where PyIceberg's own configuration does not know it: SQLite in home/lake.",
    )
    state_uri: str | None = Field(
        None,
        description="Watermarks, windows and runs: `sqlite:PATH`, or `dynamodb:` for RUNS_TABLE_NAME; default: home/state.sqlite.",
    )
    runs_table_name: str = Field(
        "reddit_ingestion_runs",
        description="DynamoDB table of STATE_URI=dynamodb:, with string keys pk and sk.",
    )
    state_base_path: str | None = Field(
        None,
        pattern=r"^/[\w./-]+$",
        description="Also write each watermark into SSM, below this path, as `/reddit-ingest`.",
    )
    mart_uri: str | None = Field(
        None,
        description="Star schema: `duckdb:PATH`, `snowflake://ACCOUNT/DATABASE`, or `none:`; default: duckdb, home/mart.duckdb.",
    )
    snowflake_block: str | None = Field(
        None,
        description="Name of a Prefect SnowflakeCredentials block, instead of the variables below.",
    )
    snowflake_user: str | None = Field(None, description="User that loads, of TYPE=SERVICE.")
    snowflake_private_key: SecretStr | None = Field(None, description="Its private key, PEM.")
    snowflake_private_key_path: Path | None = Field(None, description="The file that holds it.")
    snowflake_private_key_passphrase: SecretStr | None = Field(
        None, description="What the key is locked with."
    )
    snowflake_token: SecretStr | None = Field(
        None, description="OAuth token, or that of a workload's identity provider."
    )
    snowflake_password: SecretStr | None = Field(
        None, description="Password, or a programmatic access token."
    )
    snowflake_authenticator: str | None = Field(
        None,
        description="How it signs in; default: snowflake_jwt with a key, workload_identity with a provider, oauth with a token.",
    )
    snowflake_workload_identity_provider: Literal["aws", "azure", "gcp", "oidc"] | None = Field(
        None, description="Signs in as the machine it runs on: on AWS, the task's role."
    )
    snowflake_role: str | None = Field(
        None, description="Role of the loader; default: the user's own."
    )
    snowflake_warehouse: str = Field(
        "MARKET_OPINION", description="Warehouse that loads and readers use."
    )
    snowflake_url: str | None = Field(
        None, description="Where Snowflake is spoken, if not at the account's own address."
    )
    snowflake_road: Literal["iceberg", "external", "copy"] = Field(
        "iceberg",
        description="How Snowflake gets silver: Iceberg tables in place, external tables over an export, or a copy with each load.",
    )
    snowflake_lake_uri: str | None = Field(
        None,
        pattern=r"^s3://[\w.-]+/[\w./-]*$",
        description="Where the lake's warehouse, or for road external the export, lies: `s3://BUCKET/PATH/`.",
    )
    snowflake_aws_role_arn: str | None = Field(
        None,
        pattern=r"^arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+$",
        description="AWS role that Snowflake assumes to read it.",
    )
    snowflake_aws_external_id: str | None = Field(
        None, pattern=r"^[\w+=,.@:/-]+$", description="External id that this role asks for."
    )
    snowflake_catalog: Literal["glue_rest", "glue"] = Field(
        "glue_rest", description="Glue as Iceberg REST, or its older integration."
    )
    aws_account_id: str | None = Field(
        None, pattern=r"^\d{12}$", description="AWS account of the Glue catalog."
    )
    aws_region: str | None = Field(
        None, pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="Its region."
    )
    export_uri: str | None = Field(
        None,
        description="Where silver is exported for road external, any fsspec URI; default: home/export.",
    )
    postgres_uri: SecretStr | None = Field(
        None,
        description="Where the mart's views are published: `postgresql://user:password@host:port/name`; nowhere if not set.",
    )
    author_pepper: SecretStr | None = Field(
        None,
        min_length=16,
        description="Secret that keys the author hashes; default: made once, kept in home/author_pepper.",
    )
    max_hourly_windows_per_run: int = Field(
        1, ge=1, description="How many due hours one hourly run takes at most."
    )
    reddit_client_id: SecretStr | None = Field(None, description="Id of an approved Reddit app.")
    reddit_client_secret: SecretStr | None = Field(None, description="Its secret.")
    reddit_user_agent: str | None = Field(
        None, description="`platform:app id:version (by /u/name)`, as Reddit asks for."
    )
    reddit_secret_block: str | None = Field(
        None, description="Name of a Prefect Secret block that holds the three as a JSON object."
    )
    reddit_secret_arn: str | None = Field(
        None, description="ARN or name of an AWS Secrets Manager secret that holds them so."
    )
    reddit_url: str = Field("https://www.reddit.com", description="Where tokens are asked for.")
    reddit_oauth_url: str = Field(
        "https://oauth.reddit.com", description="Where everything else is asked for."
    )
    reddit_requests_per_minute: int = Field(
        90, ge=11, description="Most requests a minute of all processes with one client id."
    )
    reddit_close_lag_minutes: int = Field(
        15,
        ge=3,
        description="An hour of a live platform is closed this long after its end, when its late items are there.",
    )
    default_subreddit: str | None = Field(
        None,
        pattern=r"^\w+(,\w+)*$",
        description="Subreddits to read where a run names none, parted by commas; default: the domain's.",
    )
    max_submissions: int | None = Field(
        None,
        ge=1,
        description="Most submissions of a subreddit that closing an hour reads; one that it cuts off is not certified.",
    )
    refresh_ages_hours: str = Field(
        "1,6,24,72", pattern=r"^\d+(,\d+)*$", description="Ages at which items are looked at again."
    )
    sweep_hours: int = Field(
        48, ge=1, description="Everything kept is checked for deletion at least this often."
    )
    retention: Literal["full", "derived_only"] = Field(
        "full",
        description="Keep words while the platform shows them, or purge them once judged and keep only what was derived.",
    )
    retention_hours: int = Field(
        24,
        ge=2,
        description="With derived_only, words of an hour are purged by the first sweep this long after it.",
    )
    scorer: Literal["lexicon", "linear", "llm"] = Field(
        "lexicon", description="What judges: the lexicon, one you trained, or a model."
    )
    llm_base_url: str | None = Field(
        None, description="Server of the model, any that speaks as OpenAI's; default: OpenAI's own."
    )
    llm_api_key: SecretStr | None = Field(None, description="Its key.")
    llm_model: str | None = Field(
        None, description="Name of the model, or of the deployment on Azure."
    )
    llm_azure_api_version: str | None = Field(
        None, description="Set for Azure OpenAI; LLM_BASE_URL is then the resource's endpoint."
    )
    llm_items_per_request: int = Field(8, ge=1, le=50, description="Comments that share a request.")
    llm_max_in_flight: int = Field(
        64, ge=2, le=1000, description="Most requests under way at once."
    )
    llm_requests_per_minute: float | None = Field(
        None, gt=0, description="The account's limit of requests; none where not set."
    )
    llm_tokens_per_minute: float | None = Field(
        None, gt=0, description="The account's limit of tokens; none where not set."
    )
    llm_mode: Literal["online", "batch"] = Field(
        "online", description="Ask at once, or through the provider's Batch API at half the price."
    )
    llm_batch_poll_seconds: float = Field(
        30, gt=0, description="How often a pending batch is looked at."
    )
    llm_concurrency_limit: str | None = Field(
        None, description="Prefect global concurrency limit held while the model is asked."
    )
    llm_timeout_seconds: float = Field(
        60, gt=0, description="A request that takes longer is tried again."
    )
    llm_prices: Path | None = Field(
        None, description="Price file instead of the one that is shipped."
    )
    llm_budget_usd: float | None = Field(None, ge=0, description="Most that one run may spend.")
    llm_budget_usd_per_day: float | None = Field(
        None, ge=0, description="Most that all runs of a UTC day may spend."
    )
    llm_allowed_hosts: str | None = Field(
        None, description="Hosts that texts may be sent to, parted by commas; any where not set."
    )
    metrics_namespace: str = Field("RedditIngestion", description="Name above all metrics.")
    metrics_sink: Literal["file", "emf", "cloudwatch"] = Field(
        "file",
        description="Metrics go to home/metrics.jsonl, to the log in CloudWatch's embedded format, or to CloudWatch by request.",
    )
    alert_sns_topic_arn: str | None = Field(
        None, pattern=r"^arn:aws[\w-]*:sns:", description="Alerts are published to this SNS topic."
    )
    alert_webhook_url: SecretStr | None = Field(
        None, description="Alerts are posted here as JSON, besides the log."
    )
    span_max_items: int = Field(
        100_000, ge=1, description="How many items the stages hold in memory at once, about."
    )

    kafka_bootstrap_servers: str | None = Field(
        None, description="Brokers of the stream, as host:port, parted by commas."
    )
    kafka_group_id: str = Field(
        "market-opinion", description="Consumer group whose offsets say what was landed."
    )
    kafka_username: str | None = Field(
        None, description="Signs in by SASL_SSL with SCRAM-SHA-512 where set."
    )
    kafka_password: SecretStr | None = Field(None, description="Its password.")
    kafka_mirror: bool = Field(
        default=False,
        description="Also produce what hourly and backfill land to the platform's topic.",
    )
    inbox_uri: str | None = Field(
        None,
        description="Folder whose files are read once each, any fsspec URI; default: home/inbox.",
    )
    inbox_settle_seconds: int = Field(
        10, ge=0, description="A file on a disk is read once it has not changed for so long."
    )
    inbox_queue_url: str | None = Field(
        None,
        pattern="^https?://",
        description="SQS queue of arrivals, which wakes a watching flow.",
    )

    def group(self, group: type[Group]) -> Group:
        """Return a further group of settings, as a source has them, from the same environment."""
        return read_group(group)

    @property
    def landing_root(self) -> str:
        """URI of the landing zone, without a slash at its end."""
        bucket = (
            f"s3://{self.landing_bucket_name}/{self.landing_bucket_prefix.strip('/')}"
            if self.landing_bucket_name
            else None
        )
        return (
            self.landing_uri or bucket or (self.home_path.resolve() / "landing").as_uri()
        ).rstrip("/")

    @property
    def inbox_root(self) -> str:
        """URI of the inbox, without a slash at its end."""
        return (self.inbox_uri or (self.home_path.resolve() / "inbox").as_uri()).rstrip("/")

    @property
    def lake_path(self) -> Path:
        """Folder of the embedded catalog and its tables."""
        return self.home_path.resolve() / "lake"

    @property
    def state_table(self) -> str | None:
        """DynamoDB table of the state store; none where it is SQLite."""
        return self.runs_table_name if self.state_uri in {"dynamodb:", "dynamodb://"} else None

    @property
    def state_path(self) -> Path:
        """File of the SQLite state store."""
        return (
            _local_file(self.state_uri, "sqlite", "STATE_URI")
            or self.home_path.resolve() / "state.sqlite"
        )

    @property
    def mart_engine(self) -> Literal["duckdb", "snowflake", "none"]:
        """What keeps the star schema."""
        scheme = (self.mart_uri or "duckdb:").partition(":")[0]
        if scheme not in {"duckdb", "snowflake", "none"}:
            message = (
                f"MART_URI={self.mart_uri}: use duckdb:PATH, snowflake://ACCOUNT/DATABASE or none:"
            )
            raise SettingsInvalid(message)
        return cast("Literal['duckdb', 'snowflake', 'none']", scheme)

    @property
    def mart_path(self) -> Path:
        """File of the DuckDB mart."""
        return (
            _local_file(self.mart_uri, "duckdb", "MART_URI")
            or self.home_path.resolve() / "mart.duckdb"
        )

    @property
    def snowflake_place(self) -> tuple[str, str]:
        """Account and database of the Snowflake mart."""
        parts = urlsplit(self.mart_uri or "")
        account, database = parts.netloc, parts.path.strip("/")
        if (
            parts.scheme != "snowflake"
            or not account
            or not re.fullmatch(r"[A-Za-z_]\w*", database)
        ):
            message = f"MART_URI={self.mart_uri}: write snowflake://ACCOUNT/DATABASE, as in snowflake://myorg-account1/MARKET_OPINION"
            raise SettingsInvalid(message)
        return account, database

    @property
    def export_root(self) -> str:
        """URI of the export, without a slash at its end."""
        return (self.export_uri or (self.home_path.resolve() / "export").as_uri()).rstrip("/")

    @property
    def report_path(self) -> Path:
        """File of the report."""
        return self.home_path.resolve() / "report.html"

    @property
    def default_subreddits(self) -> tuple[str, ...]:
        """The subreddits of DEFAULT_SUBREDDIT; none where it is not set."""
        return tuple(
            sorted({name.lower() for name in (self.default_subreddit or "").split(",") if name})
        )

    @property
    def close_lag(self) -> timedelta:
        """How long after its end an hour of a live platform is closed."""
        return timedelta(minutes=self.reddit_close_lag_minutes)

    @property
    def refresh_ages(self) -> list[int]:
        """Ages in hours at which items are looked at again, youngest first."""
        return sorted({int(age) for age in self.refresh_ages_hours.split(",")})

    def linear_model_path(self, domain: str) -> Path:
        """File of the scorer that was trained for a domain."""
        return self.home_path.resolve() / f"linear-{domain}.npz"

    def pepper(self) -> str:
        """The secret that keys author hashes; made on first use and kept readable by its owner alone."""
        if self.author_pepper is not None:
            return self.author_pepper.get_secret_value()
        path = self.home_path.resolve() / "author_pepper"
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
        except FileExistsError:
            pass
        return path.read_text()


def load_settings() -> Settings:
    """Settings of this process, with the home folder made.

    Raises SettingsInvalid that names the variable, or the folder that cannot be written.
    """
    dotenv = Path(".env")
    changed = dotenv.stat().st_mtime_ns if dotenv.exists() else 0
    settings = _parsed(frozenset(os.environ.items()), Path.cwd(), changed)
    settings.home_path.resolve().mkdir(parents=True, exist_ok=True)
    return settings


@functools.lru_cache(maxsize=2)
def _parsed(_environment: frozenset[tuple[str, str]], _folder: Path, _changed: int) -> Settings:
    """The settings as they are now; parsed again only when something they come from has changed, since it takes 10 ms."""
    try:
        settings = Settings()
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()
        )
        message = f"environment not usable: {reasons}"
        raise SettingsInvalid(message) from None
    home = settings.home_path.resolve()
    try:
        home.mkdir(parents=True, exist_ok=True)
        probe = home / f".probe-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        message = f"home folder {home} cannot be written ({error.strerror}): set MARKET_OPINION_HOME to one that can"
        raise SettingsInvalid(message) from error
    return settings


def _local_file(uri: str | None, scheme: str, variable: str) -> Path | None:
    """The file a `scheme:PATH` URI names; None for no URI."""
    if uri is None:
        return None
    found, _, path = uri.partition(":")
    if found != scheme or not path:
        message = f"{variable}={uri}: only {scheme}:PATH is supported"
        raise SettingsInvalid(message)
    return Path(path.removeprefix("//")).resolve()
