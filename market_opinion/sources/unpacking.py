"""Compressed files, unpacked piece by piece, so that no file of few bytes fills the memory.

What follows the end of a frame is another frame, padding of zeros or blanks, or no part of it.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import zstandard

PACKINGS = (".gz", ".zst")
CHUNK_BYTES = 262_144
_BLANK = b"\x00 \t\r\n"
_SKIPPABLE = bytes(range(0x50, 0x60))
# The longest first bytes by which a frame is told.
_MAGIC_BYTES = 4
# Zstandard packs at most 128 KiB into 4 bytes, so that a piece becomes at most 32 MiB.
_PIECE_BYTES = 1_024
# Files of fewer bytes than this may be packed however well.
_COUNTED_BEYOND = 268_435_456


class Truncated(Exception):
    """The compressed data of a file has no end."""


class TrailingBytes(Exception):
    """Something stands after the compressed data of a file that belongs to no frame."""


class UnpacksTooMuch(Exception):
    """A file becomes so much larger than it is that it was made to fill a disk or memory."""


def _zstd_frame() -> Any:  # noqa: ANN401, of a C extension
    # Reddit's dumps have a window of 2 GiB (`zstd --long=31`), which is refused by default.
    return zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj()


def _gzip_member() -> Any:  # noqa: ANN401, of a C extension
    return zlib.decompressobj(wbits=31)


def _is_gzip(start: bytes) -> bool:
    return start.startswith(b"\x1f\x8b")


def _is_zstd(start: bytes) -> bool:
    is_skippable = start[1:4] == b"\x2a\x4d\x18" and start[:1] in _SKIPPABLE
    return start.startswith(b"\x28\xb5\x2f\xfd") or is_skippable


_FRAMES: dict[str, tuple[Callable[[], Any], Callable[[bytes], bool], str]] = {
    ".zst": (_zstd_frame, _is_zstd, "zstd"),
    ".gz": (_gzip_member, _is_gzip, "gzip"),
}


def unpacked(chunks: Iterator[bytes], packing: str, *, ratio_max: int) -> Iterator[bytes]:
    """Yield the chunks decompressed, or as they are for a packing that is none.

    Raises Truncated, TrailingBytes, UnpacksTooMuch, zlib.error or zstandard.ZstdError after what
    can be read.
    """
    if packing not in _FRAMES:
        yield from chunks
        return
    unpacker = _Unpacker(*_FRAMES[packing])
    waiting, packed_size, size = bytearray(), 0, 0
    pieces = _pieces(chunks)
    try:
        for piece in pieces:
            packed_size += len(piece)
            for content in unpacker.feed(piece):
                waiting += content
                size += len(content)
                yield from _whole_chunks(waiting)
                check_ratio(packed_size, size, ratio_max)
            if unpacker.is_over:
                break
    except (zlib.error, zstandard.ZstdError, UnpacksTooMuch):
        yield bytes(waiting)
        raise
    yield bytes(waiting)
    unpacker.finish(pieces)


def check_ratio(packed_size: int, size: int, ratio_max: int) -> None:
    """Raise UnpacksTooMuch for a large content of a file that is more than so many times as small.

    The message names the setting.
    """
    if size > max(_COUNTED_BEYOND, ratio_max * packed_size):
        message = (
            f"{packed_size:,} bytes become more than {size:,}, which is over {ratio_max:,} times as"
            " many: set FILES_UNPACKED_RATIO_MAX higher if you know who made the file"
        )
        raise UnpacksTooMuch(message)


def _pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for at in range(0, len(chunk), _PIECE_BYTES):
            yield chunk[at : at + _PIECE_BYTES]


def _whole_chunks(waiting: bytearray) -> Iterator[bytes]:
    """Take all whole chunks from what is waiting, and yield them."""
    end = len(waiting) - len(waiting) % CHUNK_BYTES
    for at in range(0, end, CHUNK_BYTES):
        yield bytes(waiting[at : at + CHUNK_BYTES])
    del waiting[:end]


class _Unpacker:
    """Frames one after the other, until something follows that is none."""

    def __init__(
        self, new_frame: Callable[[], Any], is_frame: Callable[[bytes], bool], name: str
    ) -> None:
        self._new_frame, self._is_frame, self._name = new_frame, is_frame, name
        self._frame: Any = None
        self._is_first, self._waiting = True, b""
        self.is_over = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what the chunk holds of frames."""
        self._waiting += chunk
        while self._waiting and (self._frame is not None or self._begin()):
            yield self._frame.decompress(self._waiting)
            self._waiting = b""
            if self._frame.eof:
                self._waiting, self._frame = self._frame.unused_data, None

    def _begin(self) -> bool:
        """Begin the next frame; return whether there is one."""
        if not self._is_first:
            self._waiting = self._waiting.lstrip(_BLANK)
        if len(self._waiting) < _MAGIC_BYTES:
            return False
        self.is_over = not self._is_first and not self._is_frame(self._waiting)
        if self.is_over:
            return False
        self._frame, self._is_first = self._new_frame(), False
        return True

    def finish(self, rest: Iterator[bytes]) -> None:
        """Raise TrailingBytes or Truncated where the file does not end with a frame."""
        if self._is_first:
            message = f"{len(self._waiting)} bytes are no {self._name}"
            raise Truncated(message)
        if self._frame is not None:
            message = "the last frame has no end"
            raise Truncated(message)
        if self._waiting.strip(_BLANK):
            count = len(self._waiting) + sum(map(len, rest))
            message = f"{count:,} bytes after the end that are no {self._name}"
            raise TrailingBytes(message)
