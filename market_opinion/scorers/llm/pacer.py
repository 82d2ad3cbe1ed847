"""The pace of requests: rates that are reserved and settled, a common gate, a limit that learns."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable

_BURST_SECONDS = 0.5
_MINUTE = 60.0


class Bucket:
    """So many units a minute, handed out first come, first served.

    Each taker is told exactly how long to wait.
    """

    def __init__(self, per_minute: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start full."""
        self._per_second = per_minute / _MINUTE
        self._clock = clock
        self._free_at = clock() - _BURST_SECONDS

    def take(self, units: float) -> float:
        """Reserve them; the seconds until they may be used."""
        now = self._clock()
        self._free_at = max(self._free_at, now - _BURST_SECONDS) + units / self._per_second
        return max(0.0, self._free_at - units / self._per_second - now)

    def give_back(self, units: float) -> None:
        """Give back units that were reserved and not used; a negative number takes more."""
        self._free_at -= units / self._per_second


class Pacer:
    """Keeps to requests and tokens a minute, and to what the server says of waiting."""

    def __init__(
        self, *, requests_per_minute: float | None, tokens_per_minute: float | None
    ) -> None:
        """Without a rate there is no limit of that kind."""
        self._requests = Bucket(requests_per_minute) if requests_per_minute else None
        self._tokens = Bucket(tokens_per_minute) if tokens_per_minute else None
        self._closed_until = 0.0

    async def turn(self, tokens: float) -> None:
        """Return when a request of so many tokens may be sent."""
        waits = [
            bucket.take(units)
            for bucket, units in ((self._requests, 1.0), (self._tokens, tokens))
            if bucket
        ]
        if wait := max(waits, default=0.0):
            await asyncio.sleep(wait)
        # The moment may move while it is waited for.
        while (wait := self._closed_until - time.monotonic()) > 0:  # noqa: ASYNC110
            # All wait for the same moment: whoever comes a little later finds the server less busy.
            await asyncio.sleep(wait + random.uniform(0, 0.5))  # noqa: S311, spreads callers, no secret

    def settle(self, *, reserved: float, used: float) -> None:
        """Correct a reservation by what the request really took."""
        if self._tokens:
            self._tokens.give_back(reserved - used)

    def close_for(self, seconds: float) -> None:
        """Send nothing for so long."""
        self._closed_until = max(self._closed_until, time.monotonic() + seconds)


class Limit:
    """The number of requests that may be under way.

    It grows slowly while all goes well, and falls at once when the server is overloaded.
    """

    def __init__(self, *, start: int, most: int) -> None:
        """Begin with `start`, never above `most` and never below 2."""
        self._value = float(min(start, most))
        self._most = float(most)
        self._fell_at = 0.0

    @property
    def value(self) -> int:
        """Return the number now."""
        return int(self._value)

    def went_well(self) -> None:
        """Grow by two for every round of answers."""
        self._value = min(self._most, self._value + 2 / self._value)

    def overloaded(self) -> None:
        """Fall by a third, once a second at most: one overload is met by many."""
        if time.monotonic() - self._fell_at >= 1:
            self._value = max(2.0, self._value * 0.7)
            self._fell_at = time.monotonic()


class Breaker:
    """Opens when most of the last answers were of no use."""

    def __init__(self, *, window: int = 50, bad: int = 20, in_a_row: int = 16) -> None:
        """Open at more than `bad` of the last `window`, or after so many useless replies."""
        self._last: deque[bool] = deque(maxlen=window)
        self._bad = bad
        self._in_a_row = in_a_row
        self._useless_count = 0

    def saw(self, *, good: bool) -> None:
        """Count one answer, or one question that was given up."""
        self._last.append(good)
        if good:
            self._useless_count = 0

    def saw_useless(self) -> None:
        """Count a reply of which nothing could be kept, whose questions are asked again."""
        self._useless_count += 1

    @property
    def is_open(self) -> bool:
        """Whether going on would only cost."""
        return self._last.count(False) > self._bad or self._useless_count >= self._in_a_row


class TokenEstimate:
    """The tokens of a text before anyone has counted them.

    Bytes are multiplied by a factor that learns from what was charged.
    """

    def __init__(self) -> None:
        """Begin with 3.3 bytes a token, as measured over languages."""
        self._per_byte = 1 / 3.3

    def of_bytes(self, count: int) -> float:
        """Return about how many tokens a text of so many bytes has."""
        return count * self._per_byte

    def learn(self, byte_count: int, tokens: float) -> None:
        """Move a little towards what a text of so many bytes had."""
        if byte_count and tokens:
            self._per_byte += 0.05 * (tokens / byte_count - self._per_byte)
