"""Changes to signed messages by whole elements: moved, copied, wrapped, exchanged with those of other messages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from scripts.mutations import OCTETS, TEXTS, Mutation, Original, Span

_PARTS: Final = ("MessageHeader", "Bussiness", "edXMLManifest", "AttachmentEncoded", "Attachment", "TraceHeaderList")
_ORGANS: Final = (
    *("SignedInfo", "SignatureValue", "KeyInfo", "Object", "Reference", "Transforms", "DigestMethod", "DigestValue"),
    *("SignedProperties", "SigningTime", "SigningCertificateV2", "UnsignedProperties", "SignatureTimeStamp"),
    *("X509Certificate", "CanonicalizationMethod", "SignatureMethod", "Transform", "QualifyingProperties"),
)
_HIDING_PLACES: Final = (
    *("edXML", "edXMLEnvelope", "edXMLHeader", "edXMLBody", "MessageHeader", "TraceHeaderList", "TraceHeader"),
    *("Signature", "KeyInfo", "X509Data", "Object", "QualifyingProperties", "AttachmentEncoded", "Attachment"),
)
_ID: Final = re.compile(rb'\s[Ii][Dd]="[^"]*"')
_WORD: Final = re.compile(rb">([^<>]*[A-Za-z0-9][^<>]*)<")


def _without(original: Original, span: Span) -> bytes:
    return original.octets[: span.start] + original.octets[span.end :]


def _inserted(octets: bytes, at: int, new: bytes) -> bytes:
    return octets[:at] + new + octets[at:]


def _somewhere(dice: Random, original: Original) -> int:
    """Between two elements."""
    span = dice.choice(original.spans)
    return dice.choice((span.start, span.end, span.inner, span.close))


def delete_element(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    return _without(original, dice.choice(original.spans))


def copy_element(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    span = dice.choice(original.spans if dice.random() < 0.5 else original.named(*_PARTS, *_ORGANS))
    return _inserted(original.octets, _somewhere(dice, original), original.text(span))


def move_element(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    span = dice.choice(original.spans if dice.random() < 0.5 else original.named(*_PARTS, *_ORGANS))
    at, text = _somewhere(dice, original), original.text(span)
    if at <= span.start:
        return _inserted(_without(original, span), at, text)
    if at >= span.end:
        return _inserted(original.octets, at, text)[: span.start] + _inserted(original.octets, at, text)[span.end :]
    return _without(original, span)


def swap_elements(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    first = dice.choice(original.spans)
    alike = [one for one in original.spans if one.start >= first.end]
    if not alike:
        return original.octets
    same = [one for one in alike if one.name == first.name]
    second = dice.choice(same if same and dice.random() < 0.7 else alike)
    octets = original.octets
    between = octets[first.end : second.start]
    return octets[: first.start] + original.text(second) + between + original.text(first) + octets[second.end :]


def wrap(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    """Signature wrapping: the signed part hidden elsewhere, an altered one in its place."""
    part = dice.choice(original.named("MessageHeader", "Bussiness", "edXMLManifest", "Attachment", "edXMLEnvelope"))
    signed = original.text(part)
    altered = _altered(dice, signed)
    how = dice.randrange(4)
    if how == 0:
        altered = _ID.sub(b"", altered, count=1)
    elif how == 1:
        altered = _ID.sub(lambda found: found[0].replace(b"Id=", b"ID="), altered, count=1)
    elif how == 2:
        signed = _ID.sub(b"", signed, count=1)
    if part.name == "MessageHeader" and dice.random() < 0.3:
        hidden = b"<edXML:OtherInfo><edXML:ReplyFors>%b</edXML:ReplyFors></edXML:OtherInfo>" % signed
        altered = altered.replace(b"</edXML:MessageHeader>", hidden + b"</edXML:MessageHeader>")
        return original.octets[: part.start] + altered + original.octets[part.end :]
    holders = [one for one in original.named(*_HIDING_PLACES) if one.end <= part.start or one.start >= part.end]
    around = [one for one in original.named(*_HIDING_PLACES) if one.start < part.start and one.close >= part.end]
    if holders and (dice.random() < 0.6 or not around):
        holder = dice.choice(holders)
        at = dice.choice((holder.inner, holder.close))
    else:
        at = dice.choice((dice.choice(around).close, part.start, part.end))
    if at <= part.start:
        return original.octets[:at] + signed + original.octets[at : part.start] + altered + original.octets[part.end :]
    return original.octets[: part.start] + altered + original.octets[part.end : at] + signed + original.octets[at:]


def _altered(dice: Random, text: bytes) -> bytes:
    words = list(_WORD.finditer(text))
    if not words:
        return text
    word = dice.choice(words)
    return text[: word.start(1)] + dice.choice((b"H99", b"1", b"3", word[1] + b"0")) + text[word.end(1) :]


def nest(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    """The whole message inside another, or its signature inside something new."""
    span = dice.choice((original.spans[0], *original.named("edXMLEnvelope", "Signature", "MessageHeader")))
    name = dice.choice((b"x", b"edXML:x", b"edXML:OtherInfo", b"edXML:ReplyFors", b"edXML"))
    text = b"<%b>%b</%b>" % (name, original.text(span), name)
    return original.octets[: span.start] + text + original.octets[span.end :]


def rename(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    span = dice.choice(original.spans)
    text = original.text(span)
    name = re.match(rb"<([\w:.-]+)", text)
    if name is None:
        return original.octets
    other = dice.choice((name[1].swapcase(), name[1].rpartition(b":")[2], b"edXML:" + name[1], b"ds:" + name[1]))
    new = b"<" + other + text[len(name[1]) + 1 :]
    if new.endswith(b"</" + name[1] + b">"):
        new = new[: -len(name[1]) - 1] + other + b">"
    return original.octets[: span.start] + new + original.octets[span.end :]


def _exchange(
    dice: Random, original: Original, others: Sequence[Original], names: Sequence[str], *, within: bool = False
) -> bytes:
    """One of our elements for one of the same name, of another message or (``within``) of this one."""
    mine = original.named(*names)
    if not mine:
        return original.octets
    span = dice.choice(mine)
    pool = [(one, other) for one in ((original,) if within else others) for other in one.named(span.name)]
    if not pool:
        return original.octets
    whose, other = dice.choice(pool)
    return original.octets[: span.start] + whose.text(other) + original.octets[span.end :]


def exchange_part(dice: Random, original: Original, others: Sequence[Original]) -> bytes:
    return _exchange(dice, original, others, (*_PARTS, "ContentTransferEncoded", "Reference", "Subject", "DocumentId"))


def exchange_organ(dice: Random, original: Original, others: Sequence[Original]) -> bytes:
    return _exchange(dice, original, others, _ORGANS, within=dice.random() < 0.3)


def exchange_signature(dice: Random, original: Original, others: Sequence[Original]) -> bytes:
    return _exchange(dice, original, others, ("Signature",))


def change_certificates(dice: Random, original: Original, others: Sequence[Original]) -> bytes:
    """Another signer's certificate instead of, before or behind the right one; none; the same twice."""
    mine = original.named("X509Certificate")
    pool = [one.text(span) for one in (original, *others) for span in one.named("X509Certificate")]
    if not mine:
        return original.octets
    span, new = dice.choice(mine), dice.choice(pool)
    how = dice.randrange(4)
    if how == 0:
        return original.octets[: span.start] + new + original.octets[span.end :]
    if how == 1:
        return _without(original, span)
    return _inserted(original.octets, span.start if how == 2 else span.end, new)


def operate(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    """Surgery inside the signature: an organ out, twice, elsewhere, or emptied."""
    organs = original.named(*_ORGANS)
    if not organs:
        return original.octets
    span, octets = dice.choice(organs), original.octets
    how = dice.randrange(4)
    if how == 0:
        return _without(original, span)
    if how == 1:
        return _inserted(octets, span.end, original.text(span))
    if how == 2:
        return octets[: span.inner] + octets[span.close :]
    target = dice.choice(organs)
    return _inserted(octets, dice.choice((target.start, target.inner, target.close)), original.text(span))


def twice(dice: Random, original: Original, others: Sequence[Original]) -> bytes:
    """An element-wise change, then one of octets or text on top of it."""
    changed = dice.choice(tuple(ELEMENTS.values()))(dice, original, others)
    place = dice.randrange(max(len(changed) - 1, 1))
    return changed[:place] + bytes([dice.choice(b"01AZaz <>/=")]) + changed[place + 1 :]


ELEMENTS: Final[Mapping[str, Mutation]] = {
    "element deleted": delete_element,
    "element copied": copy_element,
    "element moved": move_element,
    "elements swapped": swap_elements,
    "signed part wrapped": wrap,
    "nested": nest,
    "element renamed": rename,
    "part of another message": exchange_part,
    "organ of another signature": exchange_organ,
    "signature of another message": exchange_signature,
    "certificates changed": change_certificates,
    "signature operated on": operate,
}
ALL: Final[Mapping[str, Mutation]] = {**OCTETS, **TEXTS, **ELEMENTS, "two changes": twice}
