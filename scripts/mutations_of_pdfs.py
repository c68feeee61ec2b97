"""Changes to a signed PDF inside a message: its octets, its tokens, its ranges, and whole revisions put behind it."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

from scripts.mutations import Mutation, Original

_OBJECT: Final = re.compile(rb"(\d+) 0 obj\b.*?endobj", re.DOTALL)
_NAME: Final = re.compile(rb"/[A-Za-z0-9.]+")
_NUMBER: Final = re.compile(rb"\b\d+\b")
_RANGE: Final = re.compile(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]")
_HEX: Final = re.compile(rb"/Contents\s*<([0-9A-Fa-f]+)>")
_START: Final = re.compile(rb"startxref\s+(\d+)")
_ROOT: Final = re.compile(rb"/Root (\d+ 0 R)")
_SIZE: Final = re.compile(rb"/Size (\d+)")
_NAMES: Final = (
    *(b"/Sig", b"/Annots", b"/AcroForm", b"/Contents", b"/ByteRange", b"/V", b"/AP", b"/Catalog", b"/Page", b"/Tx"),
    *(b"/FT", b"/Kids", b"/Fields", b"/JavaScript", b"/OpenAction", b"/XObject", b"/Perms", b"/DocMDP", b"/Prev"),
)
_BEHIND: Final = (
    *(
        b"\n",
        b"\0",
        b"%%EOF\n",
        b"garbage",
        b"PK\x03\x04",
        b"trailer\n<< >>\n",
        b"startxref\n0\n%%EOF\n",
        b"%PDF-1.7\n",
    ),
)

Change = Callable[[Random, bytes], bytes]


def revisions(octets: bytes) -> list[tuple[int, int, int]]:
    """For each signature: where its revision ends, and where the hole is that it leaves for itself."""
    found = []
    for one in _RANGE.finditer(octets):
        first, length, second, rest = (int(number) for number in one.groups())
        found.append((second + rest, first + length, second))
    return sorted(found)


def _flipped(dice: Random, octets: bytes) -> bytes:
    changed = bytearray(octets)
    changed[dice.randrange(len(octets))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _replaced(dice: Random, octets: bytes) -> bytes:
    at = dice.randrange(len(octets))
    return octets[:at] + dice.choice((b"0", b"1", b" ", b"\n", b"/", b"<", b">", b"(", b"\xff")) + octets[at + 1 :]


def _inserted(dice: Random, octets: bytes) -> bytes:
    at = dice.randrange(len(octets))
    return octets[:at] + dice.choice((b" ", b"\n", b"0", b"%", b"<< >>", dice.randbytes(4))) + octets[at:]


def _deleted(dice: Random, octets: bytes) -> bytes:
    at, length = dice.randrange(len(octets)), dice.choice((1, 2, 16, 256))
    return octets[:at] + octets[at + length :]


def _cut(dice: Random, octets: bytes) -> bytes:
    ends = [found.end() for found in re.finditer(rb"%%EOF\r?\n?", octets)]
    return octets[: dice.choice(ends) if dice.random() < 0.3 else dice.randrange(len(octets))]


def _appended(dice: Random, octets: bytes) -> bytes:
    return octets + b"".join(dice.choice(_BEHIND) for _ in range(dice.choice((1, 1, 3))))


def _named(dice: Random, octets: bytes) -> bytes:
    found = dice.choice(list(_NAME.finditer(octets)))
    return octets[: found.start()] + dice.choice(_NAMES) + octets[found.end() :]


def _numbered(dice: Random, octets: bytes) -> bytes:
    found = dice.choice(list(_NUMBER.finditer(octets)))
    new = b"%0*d" % (len(found[0]), dice.randrange(10 ** min(len(found[0]), 9)))
    return octets[: found.start()] + new + octets[found.end() :]


def _ranged(dice: Random, octets: bytes) -> bytes:
    found = dice.choice(list(_RANGE.finditer(octets)))
    place = dice.randrange(1, 5)
    number = max(int(found[place]) + dice.choice((-1000, -6, -1, 1, 2, 100)), 0)
    new = b"%-*d" % (len(found[place]), number)
    return octets[: found.start(place)] + new + octets[found.end(place) :]


def _value(dice: Random, octets: bytes) -> bytes:
    """Inside the hole: the signature itself."""
    found = dice.choice(list(_HEX.finditer(octets)))
    used = len(found[1].rstrip(b"0")) or 1
    at = found.start(1) + dice.randrange(used if dice.random() < 0.8 else len(found[1]))
    return octets[:at] + dice.choice((b"0", b"7", b"a", b"F", b" ", b">")) + octets[at + 1 :]


def _updated(dice: Random, octets: bytes) -> bytes:
    """One more revision in which an object reads otherwise, well-formed and cross-referenced."""
    found = dice.choice(list(_OBJECT.finditer(octets)))
    body = dice.choice((_numbered, _named, _replaced, _flipped))(dice, found[0].partition(b"obj")[2])
    new = b"%b 0 obj%b" % (found[1], body)
    start, root, size = _START.findall(octets)[-1], _ROOT.findall(octets)[-1], _SIZE.findall(octets)[-1]
    at = len(octets) + 1
    table = b"xref\n%b 1\n%010d 00000 n \n" % (found[1], at)
    trailer = b"trailer\n<< /Size %b /Root %b /Prev %b >>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        root,
        start,
        at + len(new) + 1,
    )
    return octets + b"\n" + new + b"\n" + table + trailer


def _in_message(change: Change) -> Mutation:
    def mutate(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
        (span,) = original.named("ContentTransferEncoded")
        changed = change(dice, b64decode(original.octets[span.inner : span.close]))
        return original.octets[: span.inner] + b64encode(changed) + original.octets[span.close :]

    return mutate


PDFS: Final[Mapping[str, Mutation]] = {
    "PDF: bits flipped": _in_message(_flipped),
    "PDF: octet replaced": _in_message(_replaced),
    "PDF: octets inserted": _in_message(_inserted),
    "PDF: octets deleted": _in_message(_deleted),
    "PDF: cut off": _in_message(_cut),
    "PDF: octets behind": _in_message(_appended),
    "PDF: name changed": _in_message(_named),
    "PDF: number changed": _in_message(_numbered),
    "PDF: range changed": _in_message(_ranged),
    "PDF: signature changed": _in_message(_value),
    "PDF: revision added": _in_message(_updated),
}
