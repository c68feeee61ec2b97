"""Signed test vectors that must pass: every profile, key, canonicalization and kind of signer."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives.serialization import Encoding

from scripts import handmade_letter as hand
from scripts.handmade_letter import Letter
from scripts.signed_workshop import AT, CLAIMED, TWO_FILES, Workshop


def accepted(shop: Workshop) -> dict[str, bytes]:
    return {**_methods(shop), **_forms(shop), **_whole(shop), **_xades(shop), **_signers(shop)}


def _methods(shop: Workshop) -> dict[str, bytes]:
    letter, signer, rsa = hand.document(), shop.signer, shop.pki["person"]
    return {
        "ecdsa-p256": hand.sign(letter, signer),
        "ecdsa-p384": hand.sign(letter, shop.alone("person-p384")),
        "ecdsa-p521": hand.sign(letter, shop.alone("person-p521")),
        "rsa-pkcs1": hand.sign(letter, rsa),
        "rsa-sha512": hand.sign(hand.styled(letter, method="rsa-sha512"), rsa),
        "rsa-pss": hand.sign(hand.styled(letter, method="rsa-pss-sha256"), rsa),
        "digest-sha512": shop.with_refs(lambda refs: [replace(ref, digest="sha512") for ref in refs]),
    }


def _forms(shop: Workshop) -> dict[str, bytes]:
    letter, signer = hand.document(), shop.signer
    large = hand.document(attachments=(("tep-1", b"%PDF-" + b"0123456789" * 600), ("tep-2", b"%PDF-2")))
    return {
        "unprefixed": hand.sign(hand.styled(letter, prefix=""), signer),
        "inclusive": hand.sign(hand.styled(letter, c14n=hand.INCLUSIVE), signer),
        "unprefixed-inclusive": hand.sign(hand.styled(letter, prefix="", c14n=hand.INCLUSIVE), signer),
        "two-attachments": hand.sign(large, signer),
        # the manifest says which is the first, and the manifest is signed
        "attachments-in-another-order": _turned(hand.sign(hand.document(attachments=TWO_FILES), signer)),
        "revoke": hand.sign(hand.document(kind="1"), signer),
        "status": hand.sign(hand.status(), signer),
        "carriage-returns": hand.sign(_with_subject("dòng một&#xD;\nvà hai"), signer),
        "unicode": hand.sign(_with_subject("V/v\u00a0chữ 𠀋 và dấu e\u0323\u0302 &lt;b&gt;"), signer),
    }


def _turned(octets: bytes) -> bytes:
    """The second Attachment before the first."""
    start, end = octets.index(b"<Attachment>"), octets.rindex(b"</Attachment>")
    first, second = octets[start:end].split(b"</Attachment>")
    return octets[:start] + second + b"</Attachment>" + first + octets[end:]


def _with_subject(subject: str) -> Letter:
    letter = hand.document()
    return replace(letter, message_header=letter.message_header.replace("Báo cáo &amp; kế hoạch năm", subject))


def _whole(shop: Workshop) -> dict[str, bytes]:
    letter = hand.document()
    unprefixed = hand.styled(letter, prefix="", c14n=hand.INCLUSIVE)
    tail, ref = hand.properties(shop.signer, time=CLAIMED)
    dated = hand.styled(letter, tail=tail)
    return {
        "whole-document": hand.sign(letter, shop.signer, refs=[letter.whole()]),
        "whole-document-unprefixed-inclusive": hand.sign(unprefixed, shop.signer, refs=[unprefixed.whole()]),
        "whole-document-xades": hand.sign(dated, shop.signer, refs=[dated.whole(), ref]),
        "whole-document-xades-t": shop.stamped(shop.token(), whole=True),
    }


def _xades(shop: Workshop) -> dict[str, bytes]:
    before = AT - timedelta(days=2)
    then = "2026-11-20T09:59:00+07:00"
    return {
        "xades": shop.dated(),
        "xades-t": shop.stamped(shop.token()),
        "xades-t-by-a-domain-for-stamps": shop.stamped(shop.token(by="stamp-tsa")),
        "xades-t-twice": shop.stamped(shop.token(), shop.token(by="stamp-tsa")),
        # revoked since, and a trusted authority saw the signature before
        "xades-t-revoked-since": shop.stamped(shop.token(at=before), signer=shop.alone("revoked-lately"), time=then),
    }


def _signers(shop: Workshop) -> dict[str, bytes]:
    pki, signer = shop.pki, shop.signer
    crossed = [pki[name].certificate for name in ("cross-ca", "stray-cross-ca")]
    return {
        "certificate-as-real-authorities-issue-it": shop.by("organisation-plain"),
        "non-repudiation-only": shop.by("commitment-only"),
        "government-person": shop.by("government-person"),
        "government-person-with-uid": shop.by("government-person-uid"),
        "government-organisation": shop.by("government-organisation"),
        "authority-sent-along": shop.by("person-of-distant-ca"),
        "name-constraints-inside": shop.by("constrained-inside"),
        "cross-certificates-sent-along": hand.sign(hand.document(), replace(signer, issuers=tuple(crossed))),
        "authority-before-the-signer": hand.sign(
            hand.styled(hand.document(), key_info=_key_info(shop, "ca", "person-p256")), signer
        ),
    }


def _key_info(shop: Workshop, *names: str) -> str:
    texts = (b64encode(shop.pki[name].certificate.public_bytes(Encoding.DER)).decode() for name in names)
    listed = "".join(f"{{<}}X509Certificate>{text}{{/}}X509Certificate>" for text in texts)
    return f"{{<}}KeyInfo>{{<}}X509Data>{listed}{{/}}X509Data>{{/}}KeyInfo>"
