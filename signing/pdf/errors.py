"""What reading a PDF may end in, and how it is said."""

from __future__ import annotations

from typing import Final

from pyhanko.pdf_utils.misc import PdfError

from signing.errors import SigningCode
from signing.verdict import Finding

#: pyHanko asserts, and asks objects for what they are not.
PDF_ERRORS: Final = (
    PdfError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    ArithmeticError,
    RecursionError,
)


class NoPdfError(Exception):
    """The octets are not a PDF's: enough seen. Never leaves the package."""


def unreadable(expected: str, got: str = "", *, path: str = "") -> Finding:
    return Finding(code=SigningCode.PDF_UNREADABLE, path=path, expected=expected, got=got)
