"""The rate of an account that all callers of its model share, kept in the state."""

import asyncio
import random
import time

from market_opinion.storage.state import StateStore

_MINUTE = 60.0
# So much of a rate may be used at once; servers count over seconds.
_AHEAD_SECONDS = 1.0
_POLL_SECONDS_MAX = 5.0


class SharedPace:
    """Buckets of requests and tokens a minute, one of each for a server and its model."""

    def __init__(
        self,
        state: StateStore,
        server: str,
        *,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
    ) -> None:
        """Without a rate there is no limit of that kind."""
        self._state = state
        self._rates = {
            f"model requests {server}": requests_per_minute,
            f"model tokens {server}": tokens_per_minute,
        }
        # One request of this process at a time asks the state, and the others stand in line here.
        self._line = asyncio.Lock()

    async def turn(self, tokens: float) -> None:
        """Return when the account has room for a request of so many tokens."""
        async with self._line:
            for (bucket, rate), units in zip(self._rates.items(), (1.0, tokens), strict=True):
                while rate and (wait := await asyncio.to_thread(self._take, bucket, units / rate)):
                    # Callers of many processes do not come back at the same moment.
                    spread = random.uniform(1, 1.2)  # noqa: S311, no secret
                    await asyncio.sleep(min(wait * spread, _POLL_SECONDS_MAX))

    def _take(self, bucket: str, minutes: float) -> float:
        return self._state.reserve_request(
            bucket,
            now=time.time(),
            interval_seconds=minutes * _MINUTE,
            ahead_seconds=_AHEAD_SECONDS,
        )
