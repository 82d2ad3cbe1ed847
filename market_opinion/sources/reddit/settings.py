"""Settings of Reddit: the app's credentials or their place, addresses, and how much is read."""

from pydantic import Field, SecretStr

from market_opinion.core.setting_groups import SettingsGroup


class RedditSettings(SettingsGroup):
    """Reddit, live: id, secret and user agent of an approved app, or the place that holds them."""

    client_id: SecretStr | None = Field(
        None, alias="REDDIT_CLIENT_ID", description="Id of an approved Reddit app."
    )
    client_secret: SecretStr | None = Field(
        None, alias="REDDIT_CLIENT_SECRET", description="Its secret."
    )
    user_agent: str | None = Field(
        None,
        alias="REDDIT_USER_AGENT",
        description="`platform:app id:version (by /u/name)`, as Reddit asks for.",
    )
    secret_block: str | None = Field(
        None,
        alias="REDDIT_SECRET_BLOCK",
        description="Name of a Prefect Secret block that holds the three as a JSON object.",
    )
    secret_arn: str | None = Field(
        None,
        alias="REDDIT_SECRET_ARN",
        description="ARN or name of an AWS Secrets Manager secret that holds them so.",
    )
    url: str = Field(
        "https://www.reddit.com", alias="REDDIT_URL", description="Where tokens are asked for."
    )
    oauth_url: str = Field(
        "https://oauth.reddit.com",
        alias="REDDIT_OAUTH_URL",
        description="Where everything else is asked for.",
    )
    requests_per_minute: int = Field(
        90,
        alias="REDDIT_REQUESTS_PER_MINUTE",
        ge=11,
        description="Most requests a minute of all processes with one client id.",
    )
    default_subreddit: str | None = Field(
        None,
        alias="DEFAULT_SUBREDDIT",
        pattern=r"^\w+(,\w+)*$",
        description=(
            "Subreddits to read where a run names none, parted by commas; default: the domain's."
        ),
    )
    max_submissions: int | None = Field(
        None,
        alias="MAX_SUBMISSIONS",
        ge=1,
        description=(
            "Most submissions of a subreddit that closing an hour reads;"
            " one that it cuts off is not certified."
        ),
    )

    @property
    def default_subreddits(self) -> tuple[str, ...]:
        """The subreddits of DEFAULT_SUBREDDIT; none where it is not set."""
        names = (self.default_subreddit or "").split(",")
        return tuple(sorted({name.lower() for name in names if name}))
