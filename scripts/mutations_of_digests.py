"""What an attacker can do without a key: change what is signed and put its digest right again."""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from scripts.handmade_letter import INCLUSIVE, QCVN
from scripts.mutations import Mutation, Original, Span

_URI: Final = re.compile(rb'URI="([^"]*)"')
_BITS: Final = re.compile(rb"#sha(256|384|512)")
_VALUE: Final = re.compile(rb"(<(?:ds:)?DigestValue>)[^<]*")
_TEXT: Final = re.compile(rb">([^<>]*[0-9A-Za-z][^<>]*)<")
_DECLARED: Final = f' xmlns:edXML="{QCVN}"'.encode()
_BOTH: Final = f' xmlns="{QCVN}"'.encode() + _DECLARED
_PARTS: Final = {b"#MessageHeader": "MessageHeader", b"#Bussiness": "Bussiness", b"#Manifest": "edXMLManifest"}


def digest_again(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    """One value of a signed part, or one octet of a file, changed; and the digest of that part made anew."""
    uri = dice.choice([found[1] for one in _references(original) for found in _URI.finditer(original.text(one))])
    span = _file(original, uri) if uri.startswith(b"cid:") else _part(original, uri)
    octets = original.octets
    if uri.startswith(b"cid:"):
        file = bytearray(b64decode(octets[span.inner : span.close]))
        file[dice.randrange(len(file))] ^= 1 << dice.randrange(8)
        changed = octets[: span.inner] + b64encode(bytes(file)) + octets[span.close :]
    else:
        word = dice.choice(list(_TEXT.finditer(octets, span.start, span.end)))
        changed = octets[: word.start(1)] + dice.choice((b"1", b"2", b"H99", b"x")) + octets[word.end(1) :]
    return _with_digest(Original.of("", changed), uri)


def _references(original: Original) -> list[Span]:
    """Of the signature, not of the manifest, which calls its own the same."""
    return [one for one in original.named("Reference") if b"DigestValue" in original.text(one)]


def _file(original: Original, uri: bytes) -> Span:
    holder = [one for one in original.named("Attachment") if b"%b<" % uri in original.text(one)][0]  # noqa: RUF015
    return [s for s in original.named("ContentTransferEncoded") if holder.start < s.start < holder.end][0]  # noqa: RUF015


def _part(original: Original, uri: bytes) -> Span:
    """Of the whole document the header stands for all. Raises IndexError where there is no such part."""
    return original.named(_PARTS.get(uri, "MessageHeader" if not uri else "nothing"))[0]


def _with_digest(changed: Original, uri: bytes) -> bytes:
    reference = [one for one in _references(changed) if b'URI="%b"' % uri in changed.text(one)][0]  # noqa: RUF015
    text = changed.text(reference)
    bits = _BITS.findall(text)[0].decode()
    digest = hashlib.new(f"sha{bits}", _canonical(changed, uri, text)).digest()
    new = _VALUE.sub(lambda found: found[1] + b64encode(digest), text)
    return changed.octets[: reference.start] + new + changed.octets[reference.end :]


def _canonical(changed: Original, uri: bytes, reference: bytes) -> bytes:
    """What is digested, of letters that are canonical by construction (``scripts.handmade_letter``)."""
    if uri.startswith(b"cid:"):
        file = _file(changed, uri)
        return b64decode(changed.octets[file.inner : file.close])
    if not uri:
        signature = changed.named("Signature")[0]
        return (changed.octets[: signature.start] + changed.octets[signature.end :]).partition(b"\n")[2]
    name, _, rest = changed.text(_part(changed, uri)).partition(b" ")
    return name + (_BOTH if INCLUSIVE.encode() in reference else _DECLARED) + b" " + rest


DIGESTS: Final[Mapping[str, Mutation]] = {"digest made right": digest_again}
