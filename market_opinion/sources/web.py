"""Client of a platform's HTTP API with JSON answers: paced, retried, and with our errors."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from market_opinion.core.errors import (
    CommunityClosed,
    CredentialsRefused,
    MarketOpinionError,
    NotThere,
    SourceUnavailable,
)
from market_opinion.sources import Pace

_ATTEMPTS = 4
_TOO_MANY = 429
# Headers by which platforms tell what is left of their quota: X, and the common spelling.
_LEFT_HEADERS = ("x-rate-limit-remaining", "x-ratelimit-remaining")
# A longer wait means that something other than the rate is wrong; the next run tries again.
_WAIT_MAX_SECONDS = 600
_TRANSIENT = frozenset({_TOO_MANY, 500, 502, 503, 504})
# Returns the error for a failed answer and the thing asked for, if the platform's answer says more
# than its status; None to go by the status. `meta._explained` is an example.
Explain = Callable[[requests.Response, str], MarketOpinionError | None]


def retrying() -> Retry:
    """Return the retries of a request, after Retry-After or else 1, 2 and 4 seconds with jitter."""
    return Retry(
        total=_ATTEMPTS - 1,
        status_forcelist=_TRANSIENT,
        backoff_factor=1,
        backoff_jitter=0.5,
        retry_after_max=_WAIT_MAX_SECONDS,
        raise_on_status=False,
    )


class Web:
    """API of one platform; `began_at` is the platform's time at the first answer of a reading."""

    def __init__(
        self,
        address: str,
        pace: Pace,
        *,
        headers: Mapping[str, str] | None = None,
        explain: Explain | None = None,
        timeout_seconds: int = 30,
    ) -> None:
        """Create the client of the API at the address, which sends nothing yet."""
        self.address = address.rstrip("/")
        self._pace = pace
        self._explain = explain
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        self._session.headers.update(
            {"Accept": "application/json", "User-Agent": "market-opinion", **(headers or {})}
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retrying()))
        self.began_at: datetime | None = None

    def begin(self) -> None:
        """Let a new reading begin with the next answer."""
        self.began_at = None

    def get(self, path: str, params: Mapping[str, Any] | None = None, *, what: str) -> Any:  # noqa: ANN401, JSON
        """Return the decoded answer; `what` names the thing asked for in messages.

        Raises CredentialsRefused, SourceUnavailable, CommunityClosed for a thing that we may not
        read, and NotThere for a thing that does not exist.
        """
        self._pace.wait()
        try:
            response = self._session.get(
                f"{self.address}/{path}", params=params, timeout=self._timeout_seconds
            )
        except requests.RequestException as error:
            message = f"no answer for {what}: {type(error).__name__}"
            raise SourceUnavailable(message) from error
        self.note(response)
        if not response.ok:
            raise self._refusal(response, what)
        try:
            return response.json()
        except requests.JSONDecodeError as error:
            message = f"the answer for {what} is not JSON"
            raise SourceUnavailable(message) from error

    def find(self, path: str, params: Mapping[str, Any] | None = None, *, what: str) -> Any:  # noqa: ANN401, JSON
        """Return the decoded answer as `get` does; None for a thing that does not exist."""
        try:
            return self.get(path, params, what=what)
        except NotThere:
            return None

    def note(self, response: requests.Response) -> None:
        """Take from an answer the platform's time, what is left, and refusals that were retried."""
        self.began_at = self.began_at or clock_of(response)
        for header in _LEFT_HEADERS:
            if (left := response.headers.get(header, "").partition(".")[0]).isdecimal():
                self._pace.note_left(int(left))
        retries = response.raw.retries
        for _ in [
            attempt
            for attempt in (retries.history if retries else ())
            if attempt.status == _TOO_MANY
        ]:
            self._pace.note_refusal()

    def _refusal(self, response: requests.Response, what: str) -> MarketOpinionError:
        error = self._explain(response, what) if self._explain else None
        return error or refusal(response.status_code, what)


def clock_of(response: requests.Response) -> datetime:
    """Return the time of an answer by the server's clock, or by ours if the answer has none."""
    try:
        return parsedate_to_datetime(response.headers["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return datetime.now(UTC)


def refusal(status: int, what: str) -> MarketOpinionError:
    """Return the error for the status of a failed answer about `what`."""
    if status == requests.codes.unauthorized:
        return CredentialsRefused(
            f"the key is refused for {what} ({status}): check the key, and whether it has expired"
        )
    if status in {requests.codes.not_found, requests.codes.gone}:
        return NotThere(f"{what} does not exist ({status})")
    if status == requests.codes.forbidden:
        return CommunityClosed(f"this key may not read {what} ({status})")
    return SourceUnavailable(f"{what} was not answered ({status})")
