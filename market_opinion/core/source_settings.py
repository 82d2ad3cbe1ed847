"""Settings of the platforms that are read through an interface: addresses, keys and rates."""

from pydantic import BaseModel, Field, SecretStr


class SourceSettings(BaseModel):
    """A part of Settings; every field has a default that needs no account."""

    hackernews_url: str = Field(
        "https://hn.algolia.com/api/v1", description="Where Hacker News is searched."
    )
    hackernews_requests_per_minute: int = Field(
        120, ge=11, description="Most requests a minute of all processes."
    )
    steam_url: str = Field(
        "https://store.steampowered.com", description="Where Steam's reviews are."
    )
    steam_requests_per_minute: int = Field(
        60, ge=11, description="Most requests a minute of all processes."
    )
    x_bearer_token: SecretStr | None = Field(
        None, description="Bearer token of an app whose plan has recent search."
    )
    x_url: str = Field("https://api.x.com", description="Where X's API is.")
    x_requests_per_minute: int = Field(
        28,
        ge=11,
        description="Most requests a minute of all processes, as the plan allows.",
    )
    facebook_access_token: SecretStr | None = Field(
        None, description="Long-lived token for pages of your own."
    )
    instagram_access_token: SecretStr | None = Field(
        None, description="Long-lived token for professional accounts of your own."
    )
    meta_url: str = Field(
        "https://graph.facebook.com/v24.0", description="Where the Graph API is, with its version."
    )
    meta_requests_per_minute: int = Field(
        30, ge=11, description="Most requests a minute of all processes with one token."
    )
    meta_posts_days: int = Field(
        30, ge=1, description="Comments are read below posts and media that were at most so old."
    )
    linkedin_access_token: SecretStr | None = Field(
        None, description="Token with r_organization_social."
    )
    linkedin_url: str = Field(
        "https://api.linkedin.com/rest", description="Where LinkedIn's API is."
    )
    linkedin_version: str = Field(
        "202511", pattern=r"^\d{6}$", description="Version of that API; each lives for a year."
    )
    linkedin_requests_per_minute: int = Field(
        20, ge=11, description="Most requests a minute of all processes with one token."
    )
    linkedin_posts_days: int = Field(
        30, ge=1, description="Comments are read below posts that were at most so old."
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
