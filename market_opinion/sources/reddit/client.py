"""PRAW's client: signed in as an application only, paced by one quota, with our errors."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import praw
import prawcore
from prawcore.exceptions import (
    Forbidden,
    InsufficientScope,
    InvalidToken,
    NotFound,
    OAuthException,
    PrawcoreException,
    Redirect,
    ResponseException,
    UnavailableForLegalReasons,
)
from requests import Response

from market_opinion.core.errors import CommunityClosed, CredentialsRefused, SourceUnavailable
from market_opinion.core.settings import Settings
from market_opinion.sources import PaceOf
from market_opinion.sources.reddit.credentials import RedditCredentials, read_credentials
from market_opinion.sources.reddit.settings import RedditSettings

Reddit = praw.Reddit

_UNAUTHORIZED = 401
_TOO_MANY = 429
_ATTEMPTS = 4
# Reddit counts requests in windows of ten minutes, so a longer wait has another cause.
_WAIT_MAX_SECONDS = 600.0


class PacedRequestor(prawcore.Requestor):
    """Requestor that waits for its turn, and notes Reddit's time and the remaining quota."""

    def __init__(
        self,
        *,
        wait_for_turn: Callable[[], None],
        on_refusal: Callable[[], None],
        on_left: Callable[[int], None],
        **options: Any,  # noqa: ANN401, PRAW's own
    ) -> None:
        """Call `wait_for_turn` before each request, and `on_refusal` after each 429.

        `on_left` gets what Reddit says is left of the quota.
        """
        super().__init__(**options)
        self._wait_for_turn = wait_for_turn
        self._on_refusal = on_refusal
        self._on_left = on_left
        self.request_count = 0
        self.server_time = datetime.now(UTC)

    def request(
        self,
        *args: Any,  # noqa: ANN401, PRAW's own
        timeout: float | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Response:
        """Send the request; after a 429, wait as long as the answer says and send it again."""
        for attempt in range(1, _ATTEMPTS + 1):
            self._wait_for_turn()
            self.request_count += 1
            response = super().request(*args, timeout=timeout, **kwargs)
            self._note(response)
            if response.status_code != _TOO_MANY:
                break
            self._on_refusal()
            if attempt == _ATTEMPTS:
                break
            wait = _seconds(
                response.headers.get("retry-after") or response.headers.get("x-ratelimit-reset"),
                default=2.0**attempt,
            )
            if wait > _WAIT_MAX_SECONDS:
                break
            time.sleep(wait)
        return response

    def _note(self, response: Response) -> None:
        remaining = response.headers.get("x-ratelimit-remaining")
        if remaining:
            self._on_left(int(_seconds(remaining, default=0.0)))
        try:
            self.server_time = parsedate_to_datetime(response.headers["date"]).astimezone(UTC)
        except (KeyError, ValueError):
            self.server_time = datetime.now(UTC)


class RedditClientFactory:
    """Factory of the one kind of client that this platform uses."""

    @staticmethod
    def create(
        credentials: RedditCredentials,
        *,
        reddit_url: str = "https://www.reddit.com",
        oauth_url: str = "https://oauth.reddit.com",
        wait_for_turn: Callable[[], None] = lambda: None,
        on_refusal: Callable[[], None] = lambda: None,
        on_left: Callable[[int], None] = lambda _: None,
        timeout_seconds: int = 16,
    ) -> Reddit:
        """Return a read-only client of the application, which has sent nothing yet."""
        return Reddit(
            client_id=credentials.client_id,
            client_secret=credentials.client_secret.get_secret_value(),
            user_agent=credentials.user_agent,
            reddit_url=reddit_url,
            oauth_url=oauth_url,
            timeout=timeout_seconds,
            check_for_updates=False,  # it would ask PyPI at every start
            check_for_async=False,
            requestor_class=PacedRequestor,
            requestor_kwargs={
                "wait_for_turn": wait_for_turn,
                "on_refusal": on_refusal,
                "on_left": on_left,
            },
        )


def open_client(settings: Settings, pace: PaceOf) -> Reddit:
    """Return a client with the credentials of the settings, which shares its allowance.

    Raises SettingsInvalid without credentials.
    """
    own, credentials = settings.group(RedditSettings), read_credentials(settings)
    allowance = pace(credentials.client_id, own.requests_per_minute)
    return RedditClientFactory.create(
        credentials,
        reddit_url=own.url,
        oauth_url=own.oauth_url,
        wait_for_turn=allowance.wait,
        on_refusal=allowance.note_refusal,
        on_left=allowance.note_left,
    )


def check_access(reddit: Reddit) -> None:
    """Send one small request; raises CredentialsRefused or SourceUnavailable if it fails."""
    with asking("the app"):
        list(reddit.info(fullnames=["t3_1"]))


def requestor_of(reddit: Reddit) -> PacedRequestor:
    """Return the requestor that sends the client's requests."""
    # PRAW has no public way to it.
    requestor: PacedRequestor = reddit._core.requestor  # type: ignore[attr-defined]  # noqa: SLF001
    return requestor


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn PRAW's errors into ours, whose class says whether another attempt can help."""
    try:
        yield
    except (Forbidden, NotFound, Redirect, UnavailableForLegalReasons) as error:
        reason = {
            Forbidden: "is private or quarantined",
            NotFound: "is banned or gone",
            Redirect: "does not exist: check its spelling",
        }
        message = f"{what} {reason.get(type(error), 'is not available here')} ({error})"
        raise CommunityClosed(message) from error
    except (OAuthException, InvalidToken, InsufficientScope) as error:
        raise _refused(error) from error
    except ResponseException as error:
        if error.response.status_code == _UNAUTHORIZED:
            raise _refused(error) from error
        message = f"Reddit did not answer for {what}: {error}"
        raise SourceUnavailable(message) from error
    except PrawcoreException as error:
        message = f"Reddit did not answer for {what}: {error}"
        raise SourceUnavailable(message) from error


def _refused(error: Exception) -> CredentialsRefused:
    return CredentialsRefused(
        f"Reddit refuses the app's credentials ({error}):"
        " check REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET"
    )


def _seconds(text: str | None, *, default: float) -> float:
    try:
        return float(text) if text else default
    except ValueError:
        return default
