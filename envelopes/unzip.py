"""A ZIP archive with exactly one plain file, inflated as a stream within bounds.

Law: the octets come out at most one bound later than the rule they break, never after it was ignored: encrypted
entries, links, folders, second entries, nested ZIP64 lengths, wrong checksums and bombs are all refused. The
standard library's zipfile wants a seekable file and trusts its directory; a payload is a stream.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from envelopes.limits import Limits

_STORED: Final = 0
_DEFLATED: Final = 8
_LENGTH_FOLLOWS: Final = 0x0008
_ENCRYPTED_OR_PATCHED: Final = 0x0001 | 0x0020 | 0x0040 | 0x2000
_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")
_DESCRIPTORS: Final = (16, 12)  # with and without a signature
_UNIX: Final = 3
_FILE_TYPE: Final = 0o170000
_PLAIN_FILE: Final = (0, 0o100000)
_LEAST_JUDGED: Final = 64 * 1024  #: small files may inflate as they like
_PIECE: Final = 64 * 1024
_TAIL: Final = 1024 * 1024


class UnpackingError(ValueError):
    """Why an archive is not unpacked. Never leaves the package."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"{expected}; {got}")
        self.expected = expected
        self.got = got


@dataclass(slots=True)
class _Tally:
    """What came out so far, against what may."""

    limits: Limits
    unpacked: int = 0
    checksum: int = 0

    def add(self, octets: bytes, *, packed: int) -> bytes:
        self.unpacked += len(octets)
        self.checksum = zlib.crc32(octets, self.checksum)
        if self.unpacked > self.limits.max_unpacked_octets:
            raise UnpackingError(f"at most {self.limits.max_unpacked_octets} octets unpacked", "more")
        if self.unpacked > _LEAST_JUDGED and self.unpacked > self.limits.max_inflation * packed:
            raise UnpackingError(f"at most {self.limits.max_inflation} octets for each packed one", "more")
        return octets


def inflate(chunks: Iterable[bytes], *, limits: Limits) -> Iterator[bytes]:
    """The one file of the archive. Raises :class:`UnpackingError`; what came before it must be thrown away."""
    reader = _Reader(chunks)
    header = _LOCAL.unpack(reader.exactly(_LOCAL.size))
    signature, _, flags, method, *_, packed, _, name_length, extra_length = header
    if signature != b"PK\x03\x04":
        raise UnpackingError("a ZIP archive", "something else")
    if flags & _ENCRYPTED_OR_PATCHED:
        raise UnpackingError("a plain entry", "an encrypted one")
    reader.exactly(name_length + extra_length)
    tally = _Tally(limits)
    if method == _DEFLATED:
        yield from _deflated(reader, tally)
    elif method == _STORED and not flags & _LENGTH_FOLLOWS:
        yield from _stored(reader, tally, packed)
    else:
        raise UnpackingError("an entry that is deflated or stored", f"method {method}")
    _check(_directory(reader, follows=bool(flags & _LENGTH_FOLLOWS)), tally)


def _stored(reader: _Reader, tally: _Tally, packed: int) -> Iterator[bytes]:
    while packed:
        piece = reader.exactly(min(packed, _PIECE))
        packed -= len(piece)
        yield tally.add(piece, packed=tally.unpacked + len(piece))


def _deflated(reader: _Reader, tally: _Tally) -> Iterator[bytes]:
    inflater, begun = zlib.decompressobj(-zlib.MAX_WBITS), reader.count
    while not inflater.eof:
        piece = inflater.unconsumed_tail or reader.some()
        if not piece:
            raise UnpackingError("a whole ZIP archive", "the end of the attachment")
        try:
            octets = inflater.decompress(piece, _PIECE)
        except zlib.error as error:
            raise UnpackingError("deflated data", "damaged data") from error
        yield tally.add(octets, packed=reader.count - begun)
    reader.give_back(inflater.unused_data)


def _directory(reader: _Reader, *, follows: bool) -> tuple[int, ...]:
    """The one entry of the directory behind the file: checksum, unpacked length, system, attributes."""
    tail = reader.rest(_TAIL)
    starts = [length for length in _DESCRIPTORS if tail[length : length + 4] == b"PK\x01\x02"] if follows else [0]
    if not starts or len(tail) < starts[0] + _CENTRAL.size or not tail.startswith(b"PK\x01\x02", starts[0]):
        raise UnpackingError("one file in the archive", "several, or a damaged directory")
    fields = _CENTRAL.unpack_from(tail, starts[0])
    end = starts[0] + _CENTRAL.size + fields[10] + fields[11] + fields[12]
    if not tail.startswith(b"PK\x05\x06", end):
        raise UnpackingError("one file in the archive", "several, or a damaged directory")
    return fields[7], fields[9], fields[1] >> 8, fields[15]


def _check(entry: tuple[int, ...], tally: _Tally) -> None:
    checksum, unpacked, system, attributes = entry
    if (checksum, unpacked) != (tally.checksum, tally.unpacked):
        raise UnpackingError("the checksum and length of the directory", "others")
    if system == _UNIX and (attributes >> 16) & _FILE_TYPE not in _PLAIN_FILE:
        raise UnpackingError("a plain file", "a link or a folder")


class _Reader:
    """Draws exact counts of octets from chunks."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = b""
        self.count = 0  #: octets drawn

    def some(self) -> bytes:
        """At least one octet, unless there are none left."""
        piece = self._held or next(self._chunks, b"")
        self._held = b""
        self.count += len(piece)
        return piece

    def exactly(self, count: int) -> bytes:
        gathered = b""
        while len(gathered) < count:
            piece = self.some()
            if not piece:
                raise UnpackingError("a whole ZIP archive", "the end of the attachment")
            gathered += piece
        self.give_back(gathered[count:])
        return gathered[:count]

    def rest(self, most: int) -> bytes:
        """Everything that is left, which must not be much."""
        gathered = b""
        while len(gathered) <= most:
            piece = self.some()
            if not piece:
                return gathered
            gathered += piece
        raise UnpackingError("one file in the archive", "more behind it")

    def give_back(self, piece: bytes) -> None:
        self._held = piece + self._held
        self.count -= len(piece)
