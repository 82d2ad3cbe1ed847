"""Elements of a JSON array, read as a stream: each becomes one line, in whatever layout it came."""

import re
from collections.abc import Iterator

import msgspec

from market_opinion.core.errors import SourceUnreadable
from market_opinion.sources.unpacking import Truncated
from market_opinion.storage.json_line import BOM, MAX_LINE_BYTES, refused_line

# A text, whole or up to the end of what was read, or a character that opens, closes or parts.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+("?)|[\[\]{},]', re.DOTALL)
_TEXT_END = re.compile(rb'(?:[^"\\]|\\.)*+"', re.DOTALL)
_OPENS, _CLOSES = b"[{", b"]}"


def elements(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield the elements of the one array that a file holds, each on one line.

    Raises Truncated where the array does not end, and SourceUnreadable where something follows it.
    """
    splitter = _Splitter()
    for chunk in chunks:
        yield from splitter.feed(chunk)
        if splitter.is_done and splitter.rest.strip():
            message = (
                f"{name} goes on after its JSON array: one array, or one object a line is read"
            )
            raise SourceUnreadable(message)
    if not splitter.is_done:
        message = "the JSON array does not end"
        raise Truncated(message)


class _Splitter:
    """Cuts what was read of an array into its elements."""

    def __init__(self) -> None:
        self.rest, self.is_done = b"", False
        self._at, self._depth, self._size = 0, 0, 0
        self._in_long_text = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the elements that end in the chunk."""
        self.rest += chunk
        if self._in_long_text and not self._leave_text():
            return
        if self._depth == 0 and not self.is_done:
            self.rest = self.rest.removeprefix(BOM)
        start, is_text_open = 0, False
        for token in _TOKEN.finditer(self.rest, self._at):
            is_text_open = token[1] == b""
            if is_text_open:  # It goes on in the next chunk.
                self._at = token.start()
                break
            self._at = token.end()
            sign = token[0][:1]
            if sign == b'"' or self.is_done:
                continue
            self._depth += (sign in _OPENS) - (sign in _CLOSES)
            if sign in _OPENS and self._depth == 1:
                start = token.end()
            elif self._depth == (sign == b","):
                yield from self._element(self.rest[start : token.start()])
                start = token.end()
                self.is_done = self._depth == 0
        self._cut(start, is_text_open=is_text_open)

    def _leave_text(self) -> bool:
        """Go past a text that is longer than any item; return whether it ends here."""
        end = _TEXT_END.match(self.rest)
        self._in_long_text = end is None
        kept = self.rest[end.end() :] if end else _begun_escape(self.rest)
        self._size += len(self.rest) - len(kept)
        self.rest, self._at = kept, 0
        return end is not None

    def _element(self, raw: bytes) -> Iterator[bytes]:
        size, self._size = self._size + len(raw), 0
        if size > MAX_LINE_BYTES:
            yield refused_line("too_large", f"{size:,} bytes, at most {MAX_LINE_BYTES:,} are read")
        elif raw.strip():
            try:
                yield msgspec.json.format(raw.strip(), indent=-1)
            except (msgspec.DecodeError, RecursionError):
                yield b" ".join(raw.split(b"\n")).strip()

    def _cut(self, start: int, *, is_text_open: bool) -> None:
        """Forget what is done, and all of an element that is longer than any item."""
        self.rest, self._at = self.rest[start:], self._at - start
        if self._at < 0 or self.is_done:
            self._at = 0
        if len(self.rest) <= MAX_LINE_BYTES or self.is_done:
            return
        self._in_long_text = is_text_open
        kept = _begun_escape(self.rest) if self._in_long_text else b""
        self._size += len(self.rest) - len(kept)
        self.rest, self._at = kept, 0


def _begun_escape(raw: bytes) -> bytes:
    """Return the backslash at the end whose character is still to come, if there is one."""
    count = len(raw) - len(raw.rstrip(b"\\"))
    return b"\\" if count % 2 else b""
