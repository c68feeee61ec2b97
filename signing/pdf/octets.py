"""The octets of a PDF: looked through while they stream past, and read without copying what is large."""

from __future__ import annotations

import mmap
import re
from io import SEEK_CUR, SEEK_END, BufferedReader, FileIO, RawIOBase
from typing import IO, Any, Final

from signing.pdf.errors import NoPdfError

SIGNATURE_MARK: Final = b"ByteRange"  #: no signature without it; it stands in the clear, or covers nothing
_OTHERS: Final = (b"Contents", b"SubFilter", b"AcroForm", b"Fields")  #: by which signatures are found as well
HEADER: Final = b"%PDF-"
HEAD_OCTETS: Final = 1024  #: in which viewers look for the header
_LARGE: Final = 256 * 1024


def _spelled(name: bytes) -> bytes:
    """Any character of a name may stand as ``#`` and its number (ISO 32000-2 7.3.5)."""
    return b"".join(b"(?:%c|#(?i:%02x))" % (character, character) for character in name)


_MARKS: Final = re.compile(
    b"/(?:(%b)|(?=[A-Za-z]*#)(?:%b))" % (_spelled(SIGNATURE_MARK), b"|".join(map(_spelled, _OTHERS)))
)
_LONGEST: Final = 1 + 3 * max(map(len, (SIGNATURE_MARK, *_OTHERS)))


class Search(RawIOBase):
    """A sink that keeps how the octets begin and how often the name ``SIGNATURE_MARK`` is in them, in any spelling.

    With ``only_pdf`` it raises :class:`NoPdfError` as soon as there is no header where a viewer would look for it.
    """

    def __init__(self, *, only_pdf: bool) -> None:
        super().__init__()
        self.head = b""
        self.marks = 0
        self.disguised = False  #: a name by which signatures are found is spelled with numbers, which no tool does
        self._only_pdf = only_pdf
        self._tail = b""

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        octets = bytes(piece)
        if len(self.head) < HEAD_OCTETS:
            self.head = (self.head + octets)[:HEAD_OCTETS]
            if self._only_pdf and len(self.head) == HEAD_OCTETS and HEADER not in self.head:
                raise NoPdfError
        joined = self._tail + octets
        seen = 0
        for found in _MARKS.finditer(joined):
            self.marks += found[1] is not None
            self.disguised |= b"#" in found[0]
            seen = found.end()
        self._tail = joined[max(seen, len(joined) - _LONGEST + 1) :]
        return len(octets)

    @property
    def is_pdf(self) -> bool:
        """Whether a viewer would open it as one."""
        return HEADER in self.head


class Lending(BufferedReader):
    """A file of which long stretches (images, fonts) are lent from a mapping instead of being copied."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(FileIO(file.fileno(), closefd=False))
        try:
            self._mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise MemoryError from error
        self._copied = super().read

    def read(self, size: int | None = -1, /) -> Any:
        if size is None or size < _LARGE:
            return self._copied(size)
        start = self.tell()
        end = min(start + size, len(self._mapping))
        self.seek(end)
        return memoryview(self._mapping)[start:end]

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """A place before the file is the file's fault (ValueError), not the disk's."""
        if offset < 0 and {SEEK_CUR: self.tell(), SEEK_END: self.size}.get(whence, 0) + offset < 0:
            raise ValueError("a place before the start")
        return super().seek(offset, whence)

    @property
    def size(self) -> int:
        return len(self._mapping)
