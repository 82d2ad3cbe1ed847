"""Credentials of Reddit's API, and the places that may hold them."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from market_opinion.core import aws
from market_opinion.core.blocks import read_block
from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.settings import Settings
from market_opinion.sources.reddit.settings import RedditSettings


class RedditCredentials(BaseModel):
    """Credentials of an application of Reddit's API.

    Environment, Prefect block and secret use the same names, for example::

        {"REDDIT_CLIENT_ID": "...", "REDDIT_CLIENT_SECRET": "...", "REDDIT_USER_AGENT": "..."}
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    client_id: str = Field(alias="REDDIT_CLIENT_ID", min_length=1)
    client_secret: SecretStr = Field(alias="REDDIT_CLIENT_SECRET", min_length=1)
    user_agent: str = Field(alias="REDDIT_USER_AGENT", min_length=7)

    @classmethod
    def parse(cls, value: object, *, where: str) -> "RedditCredentials":
        """Return credentials from a mapping or a JSON text.

        Raises SettingsInvalid with a message that names the missing fields and `where` they belong.
        """
        try:
            return (
                cls.model_validate_json(value)
                if isinstance(value, str)
                else cls.model_validate(value)
            )
        except ValidationError as error:
            names = (
                ", ".join(str(e["loc"][0]) for e in error.errors() if e["loc"])
                or "the text, which is not a JSON object"
            )
            message = (
                f"no usable Reddit credentials in {where}: check {names}. Source reddit needs an"
                " approved app (https://www.reddit.com/prefs/apps): set REDDIT_CLIENT_ID,"
                " REDDIT_CLIENT_SECRET and REDDIT_USER_AGENT, or REDDIT_SECRET_BLOCK or"
                " REDDIT_SECRET_ARN to the place of a JSON object with these three"
            )
            raise SettingsInvalid(message) from None


def read_credentials(settings: Settings) -> RedditCredentials:
    """Return the credentials of the first configured place.

    The places are the environment, a Prefect block, and Secrets Manager.
    """
    own = settings.group(RedditSettings)
    has_elsewhere = own.secret_block or own.secret_arn
    if own.client_id or not has_elsewhere:
        secrets = {
            "REDDIT_CLIENT_ID": own.client_id,
            "REDDIT_CLIENT_SECRET": own.client_secret,
        }
        texts = {name: value.get_secret_value() for name, value in secrets.items() if value}
        return RedditCredentials.parse(
            {**texts, "REDDIT_USER_AGENT": own.user_agent}, where="the environment"
        )
    if own.secret_block:
        try:
            content = read_block(own.secret_block)
        except ValueError:
            message = "REDDIT_SECRET_BLOCK names no Secret block that the Prefect server has"
            raise SettingsInvalid(message) from None
        return RedditCredentials.parse(content, where=f"Prefect block {own.secret_block}")
    answer = aws.call("secretsmanager", "get_secret_value", SecretId=own.secret_arn)
    return RedditCredentials.parse(answer.get("SecretString", ""), where=f"secret {own.secret_arn}")
