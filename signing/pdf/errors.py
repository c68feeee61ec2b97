"""What reading a PDF may end in, and how it is said."""

from __future__ import annotations

from signing.errors import SigningCode
from signing.verdict import Finding


class NoPdfError(Exception):
    """The octets are not a PDF's: enough seen. Never leaves the package."""


def fault_of_file(error: Exception) -> str:
    """Of which kind it is. Libraries raise whatever they like for a file; raised again is what the machine lacks."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and not isinstance(error, ValueError)):
        raise error
    return type(error).__name__


def unreadable(expected: str, got: str = "", *, path: str = "") -> Finding:
    return Finding(code=SigningCode.PDF_UNREADABLE, path=path, expected=expected, got=got)
