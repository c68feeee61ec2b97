"""One reference to the whole document: what it accepts, what it covers, and that it streams the canonical form."""

from __future__ import annotations

import io
from base64 import b64encode, encodebytes
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from envelopes import skeleton
from envelopes.limits import Limits
from envelopes.skeleton import ParsedXml
from scripts import handmade_letter as hand
from scripts.make_test_pki import Pki
from signing.names import ds
from signing.policy import EXCLUSIVE, INCLUSIVE
from signing.whole import Whole, canonical_text
from tests.unit.signing.conftest import Judge, codes, opened

LARGE = b"%PDF-" + bytes(range(256)) * 100
TWO = (("tep-1", LARGE), ("tep-2", b"%PDF-2"))
EVERYTHING = ("MessageHeader", "edXMLManifest", "Bussiness", "cid:tep-1", "cid:tep-2")


def signed(pki: Pki, letter: hand.Letter | None = None, **style: object) -> bytes:
    letter = hand.styled(letter or hand.document(attachments=TWO), **style)
    return hand.sign(letter, pki["person-p256"], refs=[letter.whole()])


def changed(octets: bytes, before: bytes, after: bytes) -> bytes:
    assert before in octets, before
    return octets.replace(before, after, 1)


@pytest.mark.parametrize("prefix", ["ds", "", "dsig"])
@pytest.mark.parametrize("c14n", [hand.EXCLUSIVE, hand.INCLUSIVE])
def test_one_reference_covers_every_part(judge: Judge, pki: Pki, prefix: str, c14n: str) -> None:
    verdict = judge(signed(pki, prefix=prefix, c14n=c14n))
    assert verdict.passed, verdict.findings
    assert verdict.profile == "XMLDSig"
    assert verdict.covered == EVERYTHING
    assert verdict.document is not None
    assert verdict.document.covered == frozenset(EVERYTHING)


def test_parts_need_no_ids(judge: Judge, pki: Pki) -> None:
    letter = hand.document(attachments=TWO)
    bare = replace(
        letter,
        message_header=letter.message_header.replace(' Id="MessageHeader"', ""),
        business=letter.business.replace(' Id="Bussiness"', ""),
        manifest=letter.manifest.replace(' Id="Manifest"', ""),
    )
    assert judge(signed(pki, bare)).covered == EVERYTHING


def test_a_status_message_is_one_part(judge: Judge, pki: Pki) -> None:
    assert judge(signed(pki, hand.status())).covered == ("MessageHeader",)


def test_with_properties_it_is_xades(judge: Judge, pki: Pki) -> None:
    tail, ref = hand.properties(pki["person-p256"], time="2026-11-22T09:00:00+07:00")
    letter = hand.styled(hand.document(attachments=TWO), tail=tail)
    verdict = judge(hand.sign(letter, pki["person-p256"], refs=[letter.whole(), ref]))
    assert verdict.passed, verdict.findings
    assert (verdict.profile, verdict.covered) == ("XAdES-B", EVERYTHING)
    alone = judge(hand.sign(letter, pki["person-p256"], refs=[letter.whole()]))
    assert codes(alone) == {"SIG-005", "SIG-006"}, "properties that nobody signed"


@pytest.mark.parametrize("digest", ["sha384", "sha512"])
def test_every_accepted_digest(judge: Judge, pki: Pki, digest: str) -> None:
    letter = hand.document(attachments=TWO)
    octets = hand.sign(letter, pki["person-p256"], refs=[replace(letter.whole(), digest=digest)])
    assert judge(octets).digest_algorithm == digest


def test_a_prefix_list_is_honoured(judge: Judge, pki: Pki) -> None:
    listed = (
        f'<ec:InclusiveNamespaces xmlns:ec="{hand.EXCLUSIVE}" PrefixList="edXML #default"></ec:InclusiveNamespaces>'
    )
    letter = hand.document(attachments=TWO)
    octets = hand.sign(letter, pki["person-p256"], refs=[replace(letter.whole(), extra=listed)])
    assert codes(judge(octets)) == {"SIG-006"}, "on the enveloped transform it has no place"
    plain = f'Algorithm="{hand.EXCLUSIVE}"></ds:Transform>'
    octets = signed(pki).replace(plain.encode(), plain.replace("></", f">{listed}</").encode())
    assert codes(judge(octets)) == {"SIG-102"}, "read, and not what was signed"


@pytest.mark.parametrize(
    "transforms",
    [
        (),
        (hand.EXCLUSIVE,),
        (hand.ENVELOPED,),
        (hand.ENVELOPED, hand.ENVELOPED),
        (hand.EXCLUSIVE, hand.ENVELOPED),
        (hand.ENVELOPED, hand.EXCLUSIVE, hand.EXCLUSIVE),
        (hand.ENVELOPED, "http://www.w3.org/2006/12/xml-c14n11"),
        (hand.ENVELOPED, hand.EXCLUSIVE + "WithComments"),
        (hand.ENVELOPED, "http://www.w3.org/TR/1999/REC-xpath-19991116"),
        ("http://www.w3.org/TR/1999/REC-xpath-19991116", hand.EXCLUSIVE),
    ],
)
def test_any_other_transforms_are_refused(judge: Judge, pki: Pki, transforms: tuple[str, ...]) -> None:
    letter = hand.document(attachments=TWO)
    octets = hand.sign(letter, pki["person-p256"], refs=[replace(letter.whole(), transforms=transforms)])
    assert codes(judge(octets)) == {"SIG-006"}


def test_it_stands_alone(judge: Judge, pki: Pki) -> None:
    letter, signer = hand.document(attachments=TWO), pki["person-p256"]
    for ref in letter.refs():
        assert codes(judge(hand.sign(letter, signer, refs=[letter.whole(), ref]))) == {"SIG-006"}
    assert codes(judge(hand.sign(letter, signer, refs=[letter.whole(), *letter.refs()]))) == {"SIG-006"}
    assert codes(judge(hand.sign(letter, signer, refs=[letter.whole(), letter.whole()]))) == {"SIG-006"}


def test_a_signed_key_info_has_no_place_beside_it(judge: Judge, pki: Pki) -> None:
    """The enveloped transform left the signature out; nothing but the signer's properties is put back."""
    letter, signer = hand.document(), pki["person-p256"]
    plain = hand.sign(letter, signer).decode()
    inner = plain[plain.index("<ds:X509Data>") : plain.index("</ds:KeyInfo>")]
    key_info = f'<ds:KeyInfo Id="Key">{inner}</ds:KeyInfo>'
    canonical = key_info.replace("<ds:KeyInfo", f'<ds:KeyInfo xmlns:ds="{hand.DS}"').encode()
    letter = hand.styled(letter, key_info=key_info)
    octets = hand.sign(letter, signer, refs=[letter.whole(), hand.Ref(uri="#Key", octets=canonical)])
    assert codes(judge(octets)) == {"SIG-006"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"H41.01</edXML:OrganId></edXML:To>", b"H41.02</edXML:OrganId></edXML:To>"),
        (b"<edXML:TraceHeader>", b"<edXML:TraceHeader></edXML:TraceHeader><edXML:TraceHeader>"),
        (b"08:00:00", b"08:00:01"),
        (b"tep-2.pdf</AttachmentName>", b"tep-3.pdf</AttachmentName>"),
        (b"JVBERi0y", b"JVBERi0z"),
        (b"</edXML:edXMLHeader>", b" </edXML:edXMLHeader>"),
        (b"</edXML>", b" </edXML>"),
        (b"</Attachment></AttachmentEncoded>", b"</Attachment><Attachment></Attachment></AttachmentEncoded>"),
        (b64encode(LARGE)[:60], b64encode(LARGE)[:60] + b"\n"),
        (b64encode(LARGE)[:6000], b64encode(LARGE)[:6000] + b"&#13;"),
        (b64encode(LARGE)[4000:5000], b64encode(LARGE)[4000:5000].swapcase()),
    ],
)
def test_a_change_anywhere_is_found(judge: Judge, pki: Pki, before: bytes, after: bytes) -> None:
    assert codes(judge(changed(signed(pki), before, after))) == {"SIG-101"}


def test_inside_the_tag_nothing_of_the_form_matters(judge: Judge, pki: Pki) -> None:
    octets = changed(signed(pki), b"<edXML:TraceHeaderList>", b"<edXML:TraceHeaderList  >")
    assert judge(octets.replace(b'encoding="UTF-8"', b'encoding="utf-8" ')).passed


def test_unsigned_words_beside_an_attachment_are_signed_here(judge: Judge, pki: Pki) -> None:
    letter = hand.document()
    manifest = letter.manifest.replace("tep-1.pdf", "cong-van.pdf")
    assert codes(judge(hand.sign(replace(letter, manifest=manifest), pki["person-p256"]))) == {"SIG-005"}
    assert judge(signed(pki, replace(letter, manifest=manifest))).passed


@pytest.mark.parametrize("c14n", [hand.INCLUSIVE, hand.EXCLUSIVE])
def test_inherited_xml_attributes_are_refused_with_inclusive_canonicalization(
    judge: Judge, pki: Pki, c14n: str
) -> None:
    octets = changed(signed(pki, c14n=c14n), b"<edXML:edXMLHeader>", b'<edXML:edXMLHeader xml:lang="vi">')
    assert codes(judge(octets)) == ({"SIG-006"} if c14n == hand.INCLUSIVE else {"SIG-101"})


# The canonical form


def whole_of(octets: bytes, *, chunk_octets: int = 64) -> Whole:
    parsed = skeleton.parse(octets, limits=Limits(chunk_octets=chunk_octets))
    assert isinstance(parsed, ParsedXml), parsed
    return Whole(parsed=parsed, signature=next(parsed.root.iter(ds("Signature"))))


def plainly(octets: bytes, *, canonicalization: str) -> bytes:
    """As lxml does it alone: everything parsed, the signature taken out, the tree canonicalized."""
    root = etree.parse(io.BytesIO(octets), etree.XMLParser(huge_tree=True)).getroot()  # noqa: TID251
    signature = next(root.iter(ds("Signature")))
    parent = signature.getparent()
    assert parent is not None
    before = signature.getprevious()
    if before is None:
        parent.text = (parent.text or "") + (signature.tail or "")
    else:
        before.tail = (before.tail or "") + (signature.tail or "")
    parent.remove(signature)
    canonical: bytes = etree.tostring(root, method="c14n", exclusive=canonicalization == EXCLUSIVE)
    return canonical


SPACES = st.sampled_from(
    [
        *(b"", b"", b"\n", b"\n\n", b"\r\n", b"\r", b"\r\r\n", b" ", b"\t", b"&#13;", b"&#13;\n", b"&#xD;"),
        *(b"&#xd;\r\n", b"&#10;", b"&#9;", b"&#32;", b"&#x0A;", b"&#x9;", b"&#x20;", b"&#x000D;"),
    ]
)


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """The base64 of a file, as somebody may have broken it into lines."""
    encoded = b64encode(draw(st.binary(min_size=3300, max_size=3500)))
    cuts = sorted(draw(st.lists(st.integers(0, len(encoded)), max_size=12)))
    ends = [0, *cuts, len(encoded)]
    pieces = [encoded[start:end] + draw(SPACES) for start, end in pairwise(ends)]
    return draw(SPACES) + b"".join(pieces)


ODD = st.text(st.sampled_from("ab ă&<>\"'\t\n\r]\U0001f4dc"), max_size=12)


def escaped(text: str, *, attribute: bool = False) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return text.replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;") if attribute else text


@given(
    large=st.lists(texts(), min_size=1, max_size=3),
    words=st.tuples(ODD, ODD, ODD, ODD),
    chunk=st.integers(9, 5000),
    c14n=st.sampled_from([EXCLUSIVE, INCLUSIVE]),
)
def test_the_stream_is_the_canonical_form_of_the_whole_parsed_document(
    large: list[bytes], words: tuple[str, str, str, str], chunk: int, c14n: str
) -> None:
    before, tail, attribute, subject = words
    marks = [f"@{number}@" for number in range(len(large))]
    files = "\r\n".join(
        f"<Attachment><ContentId>{n}</ContentId><q:ContentTransferEncoded xmlns:q='{hand.QCVN}' xml:lang='vi'>{mark}"
        f"</q:ContentTransferEncoded>{escaped(tail)}</Attachment>"
        for n, mark in enumerate(marks)
    )
    octets = (
        f"<?xml version='1.0'?>\r\n<edXML xmlns='{hand.QCVN}' xmlns:unused='urn:u'>"
        f"<e:edXMLEnvelope xmlns:e='{hand.QCVN}'>"
        f'<e:edXMLHeader b="2" a="{escaped(attribute, attribute=True)}"><e:Subject>{escaped(subject)}</e:Subject>'
        f"{escaped(before)}<Signature xmlns='{hand.DS}'><x>payload</x></Signature>{escaped(tail)}\r\n</e:edXMLHeader>"
        f"</e:edXMLEnvelope><AttachmentEncoded>{files}</AttachmentEncoded></edXML>\n"
    ).encode()
    for mark, text in zip(marks, large, strict=True):
        octets = octets.replace(mark.encode(), text)
    whole = whole_of(octets, chunk_octets=chunk)
    source = etree.tostring(whole.parsed.root)
    assert b"".join(whole.canonical(canonicalization=c14n)) == plainly(octets, canonicalization=c14n)
    assert etree.tostring(whole.parsed.root) == source, "the tree that is read stays as it is"


@pytest.mark.parametrize("end", [b"\r\n", b"&#13;\n", b"&#xD;&#10;"])
def test_lines_cut_anywhere_by_chunks_make_the_same_text(end: bytes) -> None:
    text = encodebytes(LARGE).replace(b"\n", end)[:500]
    once = b"".join(canonical_text([text]))
    for size in range(1, 60):
        chunks = [text[at : at + size] for at in range(0, len(text), size)]
        assert b"".join(canonical_text(chunks)) == once
    assert once.count(b"\n") == text.count(end)
    assert once.count(b"&#xD;") == (0 if end == b"\r\n" else text.count(end))


@given(
    st.integers(1, 5), st.lists(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\r", b"\n", b"\rA", b"A\n"]), max_size=9)
)
def test_lines_of_one_length_or_not_end_in_line_feeds(length: int, ends: list[bytes]) -> None:
    text = b"".join(b"A" * length + end for end in ends)
    root = etree.fromstring(b"<a>" + text + b"</a>")  # noqa: TID251
    assert b"".join(canonical_text([text])) == (root.text or "").encode()


@pytest.mark.parametrize("text", [b"AA&amp;AA", b"AA&lt;", b"AA&#65;AA", b"AA&#x;AA", b"AA&"])
def test_what_is_no_base64_has_no_canonical_form_here(text: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        list(canonical_text([text]))


def test_a_payload_that_does_not_decode_is_not_guessed_at(judge: Judge, pki: Pki) -> None:
    octets = changed(signed(pki), b64encode(LARGE)[:6000], b64encode(LARGE)[:6000] + b"&amp;")
    assert codes(judge(octets)) == {"SIG-006"}


def test_a_signature_of_another_document_is_not_left_out(pki: Pki) -> None:
    one, other = opened(signed(pki)), opened(signed(pki))
    stranger = next(other.parsed.root.iter(ds("Signature")))
    with pytest.raises(ValueError, match="another document"):
        list(Whole(parsed=one.parsed, signature=stranger).canonical(canonicalization=EXCLUSIVE))


def test_it_is_streamed(pki: Pki) -> None:
    whole = whole_of(signed(pki, hand.document(attachments=(("tep-1", LARGE * 40),))), chunk_octets=4096)
    assert max(map(len, whole.canonical(canonicalization=EXCLUSIVE))) <= 8192
