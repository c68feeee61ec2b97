"""Writes the test vectors of the signature family: ``tests/vectors/signed`` and ``tests/vectors/rejected/SIG-…``.

Run as ``python -m scripts.make_vectors_signed``. Keys are fresh at each run and thrown away at its end, so these
vectors are made as one set together with ``tests/vectors/trust``, the public certificates that they are judged
by, and they are committed: no private key is. All are judged as of ``AT``, so they do not age.
"""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from scripts import handmade_letter as hand
from scripts.handmade_letter import Letter, Ref
from scripts.make_test_pki import Identity, Pki, Wish, ec_key, issue, make_pki, pem

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
FOLDER = Path("tests/vectors")

_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
_PLACEHOLDER = (
    "<Signature><SignedInfo/><KeyInfo><X509Data><X509Certificate>MIIFqTCCBJG</X509Certificate></X509Data></KeyInfo>"
    "</Signature>"
)
_OTHER_PLACE = "<edXML:OtherInfo><edXML:ReplyFors>{hidden}</edXML:ReplyFors></edXML:OtherInfo></edXML:MessageHeader>"


class Vectors:
    """All vectors, by family; made with one PKI."""

    def __init__(self, pki: Pki) -> None:
        self._pki = pki
        self._signer = _alone(pki["person-p256"])

    def accepted(self) -> dict[str, bytes]:
        letter, signer = hand.document(), self._signer
        tail, ref = hand.properties(signer, time="2026-11-22T09:00:00+07:00")
        dated = hand.styled(letter, tail=tail)
        large = hand.document(attachments=(("tep-1", b"%PDF-" + b"0123456789" * 600), ("tep-2", b"%PDF-2")))
        return {
            "ecdsa-p256": hand.sign(letter, signer),
            "ecdsa-p384": hand.sign(letter, _alone(self._pki["person-p384"])),
            "ecdsa-p521": hand.sign(letter, _alone(self._pki["person-p521"])),
            "rsa-pkcs1": hand.sign(letter, self._pki["person"]),
            "rsa-pss": hand.sign(hand.styled(letter, method="rsa-pss-sha256"), self._pki["person"]),
            "unprefixed": hand.sign(hand.styled(letter, prefix=""), signer),
            "inclusive": hand.sign(hand.styled(letter, c14n=hand.INCLUSIVE), signer),
            "unprefixed-inclusive": hand.sign(hand.styled(letter, prefix="", c14n=hand.INCLUSIVE), signer),
            "xades": hand.sign(dated, signer, refs=[*dated.refs(), ref]),
            "two-attachments": hand.sign(large, signer),
            "revoke": hand.sign(hand.document(kind="1"), signer),
            "status": hand.sign(hand.status(), signer),
            "certificate-as-real-authorities-issue-it": hand.sign(letter, _alone(self._pki["organisation-plain"])),
        }

    def rejected(self) -> dict[str, dict[str, bytes]]:
        bare, trace = hand.document().write, "<edXML:TraceHeaderList"
        return {
            "SIG-001": {"unsigned": bare(""), "empty": bare("<edXML:DigitalSignature/>")},
            "SIG-002": {"library": bare(_PLACEHOLDER)},
            "SIG-003": self._several(),
            "SIG-004": self._misplaced(),
            "SIG-005": self._uncovered(),
            "SIG-006": self._shapes(),
            "SIG-007": {"id-spelled-otherwise": self._changed(f"{trace}>", f'{trace} id="Manifest">')},
            "SIG-101": self._tampered(),
            "SIG-102": self._forged(),
            "SIG-103": self._weak(),
            "SIG-201": self._without_certificate(),
            **self._certificates(),
            "SIG-207": {"from-the-future": self._dated("2026-11-22T10:06:00+07:00")},
        }

    def _changed(self, before: str, after: str, *, letter: Letter | None = None) -> bytes:
        octets = hand.sign(letter or hand.document(), self._signer)
        if octets.count(before.encode()) != 1:
            raise ValueError(before)
        return octets.replace(before.encode(), after.encode())

    def _with_refs(self, change: Callable[[list[Ref]], list[Ref]], letter: Letter | None = None) -> bytes:
        letter = letter or hand.document()
        return hand.sign(letter, self._signer, refs=change(letter.refs()))

    def _dated(self, time: str, *, named: Identity | None = None, target: str = "Signature") -> bytes:
        tail, ref = hand.properties(named or self._signer, time=time, target=target)
        letter = hand.styled(hand.document(), tail=tail)
        return hand.sign(letter, self._signer, refs=[*letter.refs(), ref])

    def _several(self) -> dict[str, bytes]:
        letter = hand.document()
        one = hand.signature(letter.style, self._signer, letter.refs())
        return {
            "twice": letter.write(one + one),
            "library-beside": replace(letter, after_header=_PLACEHOLDER).write(one),
        }

    def _misplaced(self) -> dict[str, bytes]:
        letter = hand.document()
        one = hand.signature(letter.style, self._signer, letter.refs())
        inside = _OTHER_PLACE.replace("{hidden}", one)
        return {
            "first": replace(letter, before_header=one).write(),
            "not-last": letter.write(one + "<edXML:DigitalSignature/>"),
            "inside-the-header": letter.write().replace(b"</edXML:MessageHeader>", inside.encode()),
        }

    def _uncovered(self) -> dict[str, bytes]:
        two = hand.document(attachments=(("tep-1", b"%PDF-1"), ("tep-2", b"%PDF-2")))
        plain = self._with_refs(lambda refs: [ref for ref in refs if ref.uri != "#Bussiness"])
        return {
            "header": self._with_refs(lambda refs: refs[1:]),
            "manifest": self._with_refs(lambda refs: [ref for ref in refs if ref.uri != "#Manifest"]),
            "attachment": self._with_refs(lambda refs: refs[:-1], two),
            "unsigned-order-to-revoke": plain.replace(b"DocType>0<", b"DocType>1<"),
            "wrapped-header": self._wrapped(),
            "added-attachment": self._changed(
                "</AttachmentEncoded>",
                "<Attachment><ContentId>them</ContentId><ContentTransferEncoded>JVBERi0=</ContentTransferEncoded>"
                "</Attachment></AttachmentEncoded>",
            ),
        }

    def _wrapped(self) -> bytes:
        """The signed header, hidden in one that reads otherwise."""
        octets = hand.sign(hand.document(), self._signer).decode()
        end = "</edXML:MessageHeader>"
        signed = octets[octets.index("<edXML:MessageHeader") : octets.index(end)] + end
        other = signed.replace("H41.01", "H99").replace(' Id="MessageHeader"', "")
        return octets.replace(signed, other.replace(end, _OTHER_PLACE.replace("{hidden}", signed))).encode()

    def _shapes(self) -> dict[str, bytes]:
        def transforms(*uris: str) -> bytes:
            return self._with_refs(lambda refs: [replace(refs[0], transforms=uris), *refs[1:]])

        def extra(uri: str) -> bytes:
            return self._with_refs(lambda refs: [*refs, Ref(uri=uri, octets=b"")])

        whole = Ref(uri="", octets=b"", transforms=(_ENVELOPED, hand.EXCLUSIVE))
        flood = "".join(f' xmlns:n{number}="urn:n{number}"' for number in range(10))
        return {
            "transform-xpath": transforms(_XPATH),
            "transform-xslt": transforms("http://www.w3.org/TR/1999/REC-xslt-19991116"),
            "transform-none": transforms(),
            "transform-c14n-with-comments": transforms(hand.EXCLUSIVE + "WithComments"),
            "transform-c14n-11": transforms("http://www.w3.org/2006/12/xml-c14n11"),
            "whole-document": self._with_refs(lambda _: [whole]),
            "reference-file": extra("file:///etc/passwd"),
            "reference-http": extra("http://127.0.0.1:9/"),
            "reference-xpointer": extra("#xpointer(/)"),
            "references-200": self._with_refs(
                lambda refs: refs + [Ref(uri=f"#x{number}", octets=b"") for number in range(200)]
            ),
            "key-value": self._changed("<ds:X509Data>", "<ds:KeyValue></ds:KeyValue><ds:X509Data>"),
            "retrieval-method": self._changed("<ds:X509Data>", '<ds:RetrievalMethod URI="#x"/><ds:X509Data>'),
            "covert-object": self._changed("</ds:Signature>", "<ds:Object>x</ds:Object></ds:Signature>"),
            "covert-text": self._changed("<ds:KeyInfo>", "x<ds:KeyInfo>"),
            "lax-base64": self._changed("<ds:SignatureValue>", "<ds:SignatureValue>*"),
            "namespace-flood": self._changed("<ds:SignedInfo>", f"<ds:SignedInfo{flood}>"),
            "properties-of-another": self._dated("2026-11-22T09:00:00+07:00", target="Other"),
            "six-certificates": hand.sign(
                hand.document(), replace(self._signer, issuers=(self._pki["ca"].certificate,) * 5)
            ),
        }

    def _tampered(self) -> dict[str, bytes]:
        return {
            "addressee": self._changed("H41.01</edXML:OrganId></edXML:To>", "H41.02</edXML:OrganId></edXML:To>"),
            "file-name": self._changed("tep-1.pdf</edXML:AttachmentName>", "tep-2.pdf</edXML:AttachmentName>"),
            "order": self._changed("DocType>1<", "DocType>3<", letter=hand.document(kind="1")),
            "attachment": self._changed("JVBERi0xLjcg", "JVBERi0xLjYg"),
            "signing-time": self._dated("2026-11-22T09:00:00+07:00").replace(b"T09:00:00+07", b"T09:00:01+07"),
        }

    def _forged(self) -> dict[str, bytes]:
        stranger = ec_key()
        zero = b64encode(bytes(64)).decode()
        octets = hand.sign(hand.document(), self._signer).decode()
        start, end = octets.index("<ds:SignatureValue>") + 19, octets.index("</ds:SignatureValue>")
        time = "2026-11-22T09:00:00+07:00"
        return {
            "bit-flipped": hand.sign(hand.styled(hand.document(), corrupt=True), self._signer),
            "another-key": hand.sign(hand.document(), replace(self._signer, key=stranger)),
            "zero": (octets[:start] + zero + octets[end:]).encode(),
            "another-certificate-named": self._dated(time, named=_alone(self._pki["seal"])),
        }

    def _weak(self) -> dict[str, bytes]:
        used, letter = hand.method_uri("ecdsa-sha256"), hand.document()
        return {
            "digest-sha1": self._with_refs(lambda refs: [replace(ref, digest="sha1") for ref in refs]),
            "rsa-sha1": self._changed(used, hand.method_uri("rsa-sha1")),
            "hmac": self._changed(used, hand.method_uri("hmac-sha256")),
            "rsa-1024": hand.sign(letter, _alone(self._pki["rsa-1024"])),
        }

    def _without_certificate(self) -> dict[str, bytes]:
        named = "{<}KeyInfo>{<}X509Data>{<}X509SubjectName>CN=x{/}X509SubjectName>{/}X509Data>{/}KeyInfo>"
        letter = hand.document()
        return {
            "no-key-info": hand.sign(hand.styled(letter, key_info=""), self._signer),
            "only-a-name": hand.sign(hand.styled(letter, key_info=named), self._signer),
            "broken": self._changed("<ds:X509Certificate>", "<ds:X509Certificate>AAAA"),
        }

    def _certificates(self) -> dict[str, dict[str, bytes]]:
        own_root = issue(None, Wish(name="Tự ký", key=ec_key()), at=AT)
        families = {
            "SIG-202": ("another-root-person",),
            "SIG-203": ("expired",),
            "SIG-204": ("not-yet-valid",),
            "SIG-205": ("authority-signs", "server", "wrong-usage", "no-usage"),
        }
        found = {
            code: {who: hand.sign(hand.document(), _alone(self._pki[who])) for who in whose}
            for code, whose in families.items()
        }
        found["SIG-202"]["self-signed"] = hand.sign(hand.document(), own_root)
        return found


def write(folder: Path) -> int:
    """Writes every vector and the trust folder below ``folder``; the number of vectors written."""
    pki = _small_pki()
    vectors = Vectors(pki)
    files = {folder / "signed" / f"{name}.edxml": octets for name, octets in vectors.accepted().items()}
    for code, family in vectors.rejected().items():
        files |= {folder / "rejected" / code / f"{name}.edxml": octets for name, octets in family.items()}
    trust = {"roots/root.pem": pki["root"], "intermediates/ca.pem": pki["ca"]}
    written = files | {folder / "trust" / name: pem([identity.certificate]) for name, identity in trust.items()}
    for file, octets in written.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(octets)
    return len(files)


def _small_pki() -> Pki:
    """With authorities on P-384, so that certificates are small."""
    return make_pki(at=AT, authority_key=lambda: ec_key(ec.SECP384R1()))


def _alone(identity: Identity) -> Identity:
    """Without the authorities: they come from the trust folder."""
    return replace(identity, issuers=())


if __name__ == "__main__":
    sys.stdout.write(f"{write(FOLDER)} vectors written to {FOLDER}\n")
