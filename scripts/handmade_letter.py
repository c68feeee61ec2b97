"""Signed letters written by hand, canonical by construction: a second implementation of the profile.

No XML library, nothing of ``signing``: texts are put together in the very form that canonicalization would give
them, so that tests can sign whatever they like, right or wrong, and the verifier meets signatures that its own
signer did not make.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding

from scripts.make_test_pki import Identity, PrivateKey

QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
DS = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
ENVELOPED = f"{DS}enveloped-signature"
PROPERTIES_TYPE = "http://uri.etsi.org/01903#SignedProperties"

_DIGESTS = {
    "sha1": "http://www.w3.org/2000/09/xmldsig#sha1",
    "sha256": "http://www.w3.org/2001/04/xmlenc#sha256",
    "sha384": "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "sha512": "http://www.w3.org/2001/04/xmlenc#sha512",
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - to see it refused
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A reference: what it says, and the octets that are digested for it."""

    uri: str
    octets: bytes
    transforms: tuple[str, ...] = (EXCLUSIVE,)
    digest: str = "sha256"
    type: str = ""
    extra: str = ""  #: put inside each Transform


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a signature is made and written."""

    method: str = ""  #: ``rsa-sha256``, ``rsa-pss-sha256``, ``ecdsa-sha256``, …; by default what the key needs
    c14n: str = EXCLUSIVE
    prefix: str = "ds"
    key_info: str | None = None  #: instead of the chain
    tail: str = ""  #: behind KeyInfo
    signature_id: str = "Signature"
    corrupt: bool = False  #: one bit of the signature value turned
    stamps: tuple[Callable[[bytes], str], ...] = ()  #: canonical SignatureValue -> what stands in ``{stamps}``


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A letter in parts. ``{ns}`` marks where canonicalization puts the declaration of ``edXML``."""

    message_header: str
    business: str = ""
    manifest: str = ""
    attachments: tuple[tuple[str, bytes], ...] = ()
    trace_attributes: str = ""
    before_header: str = ""
    after_header: str = ""
    style: Style = field(default_factory=Style)

    def refs(self) -> list[Ref]:
        """What an honest signer references."""
        parts = [("MessageHeader", self.message_header), ("Bussiness", self.business), ("Manifest", self.manifest)]
        found = [Ref(uri=f"#{name}", octets=self.canonical(text)) for name, text in parts if text]
        return found + [Ref(uri=f"cid:{name}", octets=file, transforms=()) for name, file in self.attachments]

    def whole(self) -> Ref:
        """One reference to everything; written as here, a letter is its own canonical form."""
        octets = self.write().partition(b"\n")[2]
        return Ref(uri="", octets=octets, transforms=(ENVELOPED, self.style.c14n))

    def canonical(self, text: str) -> bytes:
        """The part as its digest sees it: exclusive, or inclusive with everything in scope."""
        if self.style.c14n == EXCLUSIVE:
            return text.replace("{ns}", f' xmlns:edXML="{QCVN}"', 1).replace("{ns}", "").encode()
        return text.replace("{ns}", f' xmlns="{QCVN}" xmlns:edXML="{QCVN}"', 1).replace("{ns}", "").encode()

    def write(self, signature: str = "") -> bytes:
        trace = (
            f"<edXML:TraceHeaderList{self.trace_attributes}><edXML:TraceHeader>"
            "<edXML:OrganId>G12</edXML:OrganId><edXML:Timestamp>2026/11/22 08:00:00</edXML:Timestamp>"
            f"</edXML:TraceHeader>{self.business}</edXML:TraceHeaderList>"
        )
        body = f"<edXML:edXMLBody>{self.manifest}</edXML:edXMLBody>" if self.manifest else ""
        files = "".join(
            f"<Attachment><ContentId>cid:{name}</ContentId><AttachmentName>{name}.pdf</AttachmentName>"
            f'<edXML:ContentTransferEncoded xmlns:edXML="{QCVN}">{b64encode(file).decode()}'
            "</edXML:ContentTransferEncoded></Attachment>"
            for name, file in self.attachments
        )
        files = f"<AttachmentEncoded>{files}</AttachmentEncoded>" if files else ""
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<edXML xmlns="{QCVN}">'
            f'<edXML:edXMLEnvelope xmlns:edXML="{QCVN}"><edXML:edXMLHeader>{self.before_header}'
            f"{self.message_header}{trace if self.manifest else ''}{self.after_header}{signature}"
            f"</edXML:edXMLHeader>{body}</edXML:edXMLEnvelope>{files}</edXML>"
        )
        return text.replace("{ns}", "").encode()


def document(
    *, attachments: tuple[tuple[str, bytes], ...] = (("tep-1", b"%PDF-1.7 noi dung\n"),), kind: str = "0"
) -> Letter:
    """A small, valid, new document; ``kind`` is its BussinessDocType."""
    references = "".join(
        f"<edXML:Reference><edXML:ContentId>cid:{name}</edXML:ContentId>"
        f"<edXML:ContentType>application/pdf</edXML:ContentType>"
        f"<edXML:AttachmentName>{name}.pdf</edXML:AttachmentName></edXML:Reference>"
        for name, _ in attachments
    )
    reason = "<edXML:BussinessDocReason>Ban hành nhầm</edXML:BussinessDocReason>" if kind != "0" else ""
    return Letter(
        message_header=(
            '<edXML:MessageHeader{ns} Id="MessageHeader">'
            "<edXML:From><edXML:OrganId>G12</edXML:OrganId></edXML:From>"
            "<edXML:To><edXML:OrganId>H41.01</edXML:OrganId></edXML:To>"
            "<edXML:Code><edXML:CodeNumber>15</edXML:CodeNumber><edXML:CodeNotation>BC-VP</edXML:CodeNotation>"
            "</edXML:Code><edXML:PromulgationInfo><edXML:Place>Hà Nội</edXML:Place>"
            "<edXML:PromulgationDate>2026/11/22</edXML:PromulgationDate></edXML:PromulgationInfo>"
            "<edXML:Subject>Báo cáo &amp; kế hoạch năm</edXML:Subject>"
            "<edXML:ResponseFor><edXML:OrganId>G12</edXML:OrganId><edXML:Code>14/BC-VP</edXML:Code>"
            "<edXML:DocumentId>G12,2026/11/20,14/BC-VP</edXML:DocumentId></edXML:ResponseFor>"
            "<edXML:DocumentId>G12,2026/11/22,15/BC-VP</edXML:DocumentId></edXML:MessageHeader>"
        ),
        business=(
            '<edXML:Bussiness{ns} Id="Bussiness"><edXML:DocumentId>G12,2026/11/20,14/BC-VP</edXML:DocumentId>'
            f"<edXML:BussinessDocType>{kind}</edXML:BussinessDocType>{reason}</edXML:Bussiness>"
        ),
        manifest=f'<edXML:edXMLManifest{{ns}} Id="Manifest" version="1.0">{references}</edXML:edXMLManifest>',
        attachments=attachments,
    )


def status() -> Letter:
    """A small, valid status message."""
    return Letter(
        message_header=(
            '<edXML:MessageHeader{ns} Id="MessageHeader">'
            "<edXML:From><edXML:OrganId>H41.01</edXML:OrganId></edXML:From>"
            "<edXML:ResponseFor><edXML:OrganId>G12</edXML:OrganId><edXML:Code>15/BC-VP</edXML:Code>"
            "<edXML:DocumentId>G12,2026/11/22,15/BC-VP</edXML:DocumentId></edXML:ResponseFor>"
            "<edXML:StatusCode>03</edXML:StatusCode></edXML:MessageHeader>"
        )
    )


def styled(letter: Letter, **changes: Any) -> Letter:
    """The same letter, signed another way (fields of :class:`Style`)."""
    return replace(letter, style=replace(letter.style, **changes))


def sign(letter: Letter, signer: Identity, *, refs: Sequence[Ref] | None = None) -> bytes:
    """The letter, signed by ``signer`` over ``refs`` (by default: all that should be)."""
    c14n = letter.style.c14n
    chosen = letter.refs() if refs is None else list(refs)
    if refs is None and c14n != EXCLUSIVE:
        chosen = [replace(ref, transforms=(c14n,)) if ref.transforms else ref for ref in chosen]
    return letter.write(signature(letter.style, signer, chosen))


def signature(style: Style, signer: Identity, refs: Sequence[Ref]) -> str:
    """The Signature element over ``refs``."""
    method = style.method or _usual_method(signer.key)
    info = _signed_info(style, method, refs)
    value = bytearray(_value(signer.key, method, _canonical(style, info)))
    value[20] ^= int(style.corrupt)
    sealed = f"{{<}}SignatureValue{{scope}}>{b64encode(bytes(value)).decode()}{{/}}SignatureValue>"
    stamps = "".join(stamp(_canonical(style, sealed)) for stamp in style.stamps)
    certificates = "".join(
        f"{{<}}X509Certificate>{b64encode(c.public_bytes(Encoding.DER)).decode()}{{/}}X509Certificate>"
        for c in signer.chain
    )
    key_info = f"{{<}}KeyInfo>{{<}}X509Data>{certificates}{{/}}X509Data>{{/}}KeyInfo>"
    written = (
        f"{{<}}Signature{{xmlns}}{_attribute('Id', style.signature_id)}>{info.replace('{scope}', '')}"
        f"{sealed.replace('{scope}', '')}"
        f"{key_info if style.key_info is None else style.key_info}{style.tail}{{/}}Signature>"
    ).replace("{stamps}", stamps)
    return _tagged(style, written).replace("{xmlns}", f' xmlns{_colon(style)}="{DS}"')


def _signed_info(style: Style, method: str, refs: Sequence[Ref]) -> str:
    listed = "".join(_reference(ref) for ref in refs)
    return (
        f'{{<}}SignedInfo{{scope}}>{{<}}CanonicalizationMethod Algorithm="{style.c14n}">'
        f'{{/}}CanonicalizationMethod>{{<}}SignatureMethod Algorithm="{method_uri(method)}">'
        f"{{/}}SignatureMethod>{listed}{{/}}SignedInfo>"
    )


def _reference(ref: Ref) -> str:
    steps = "".join(f'{{<}}Transform Algorithm="{uri}">{ref.extra}{{/}}Transform>' for uri in ref.transforms)
    transforms = f"{{<}}Transforms>{steps}{{/}}Transforms>" if ref.transforms else ""
    digest = b64encode(hashlib.new(ref.digest, ref.octets).digest()).decode()
    attributes = f'{_attribute("Type", ref.type)} URI="{ref.uri}"'
    return (
        f"{{<}}Reference{attributes}>{transforms}"
        f'{{<}}DigestMethod Algorithm="{_DIGESTS[ref.digest]}">{{/}}DigestMethod>'
        f"{{<}}DigestValue>{digest}{{/}}DigestValue>{{/}}Reference>"
    )


def _canonical(style: Style, text: str) -> bytes:
    """A child of Signature, canonicalized as ``style`` says; ``{scope}`` marks the place of declarations."""
    own = f' xmlns{_colon(style)}="{DS}"'
    if style.c14n == EXCLUSIVE:
        scope = own
    elif style.prefix:
        scope = f' xmlns="{QCVN}"{own} xmlns:edXML="{QCVN}"'
    else:
        scope = f'{own} xmlns:edXML="{QCVN}"'
    return _tagged(style, text.replace("{scope}", scope)).encode()


def _tagged(style: Style, text: str) -> str:
    prefix = f"{style.prefix}:" if style.prefix else ""
    return text.replace("{<}", f"<{prefix}").replace("{/}", f"</{prefix}")


def _colon(style: Style) -> str:
    return f":{style.prefix}" if style.prefix else ""


def _attribute(name: str, value: str) -> str:
    return f' {name}="{value}"' if value else ""


def method_uri(method: str) -> str:
    bits = method.rpartition("sha")[2]
    if method in {"rsa-sha1", "hmac-sha1"}:
        return f"http://www.w3.org/2000/09/xmldsig#{method}"
    if method.startswith("rsa-pss"):
        return f"http://www.w3.org/2007/05/xmldsig-more#sha{bits}-rsa-MGF1"
    return f"http://www.w3.org/2001/04/xmldsig-more#{method}"


def _usual_method(key: PrivateKey) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return "rsa-sha256"
    return {"secp256r1": "ecdsa-sha256", "secp384r1": "ecdsa-sha384", "secp521r1": "ecdsa-sha512"}[key.curve.name]


def _value(key: PrivateKey, method: str, octets: bytes) -> bytes:
    algorithm = _HASHES[f"sha{method.rpartition('sha')[2]}"]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = utils.decode_dss_signature(key.sign(octets, ec.ECDSA(algorithm)))
        size = (key.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if method.startswith("rsa-pss"):
        pss = padding.PSS(mgf=padding.MGF1(algorithm), salt_length=algorithm.digest_size)
        return key.sign(octets, pss, algorithm)
    return key.sign(octets, padding.PKCS1v15(), algorithm)


def properties(
    signer: Identity, *, time: str, target: str = "Signature", identifier: str = "SignedProperties"
) -> tuple[str, Ref]:
    """XAdES signed properties as an Object, and the reference to them (prefix ``ds``, exclusive)."""
    digest = b64encode(signer.certificate.fingerprint(hashes.SHA256())).decode()
    body = (
        "<xades:SignedSignatureProperties>"
        f"<xades:SigningTime>{time}</xades:SigningTime><xades:SigningCertificateV2><xades:Cert>"
        f'<xades:CertDigest>{{a}}DigestMethod{{d}} Algorithm="{_DIGESTS["sha256"]}"></ds:DigestMethod>'
        f"{{a}}DigestValue{{d}}>{digest}</ds:DigestValue></xades:CertDigest></xades:Cert>"
        "</xades:SigningCertificateV2></xades:SignedSignatureProperties></xades:SignedProperties>"
    ).replace("{a}", "<ds:")
    start = f'<xades:SignedProperties{{x}} Id="{identifier}">'
    canonical = start.replace("{x}", f' xmlns:xades="{XADES}"') + body.replace("{d}", f' xmlns:ds="{DS}"')
    written = start.replace("{x}", "") + body.replace("{d}", "")
    tail = (
        f'{{<}}Object><xades:QualifyingProperties xmlns:xades="{XADES}" Target="#{target}">'
        f"{written}{{stamps}}</xades:QualifyingProperties>{{/}}Object>"
    )
    return tail, Ref(uri=f"#{identifier}", octets=canonical.encode(), type=PROPERTIES_TYPE)


def unsigned(*properties: str) -> str:
    """Unsigned properties, to stand behind the signed ones."""
    inner = "".join(properties)
    return (
        "<xades:UnsignedProperties><xades:UnsignedSignatureProperties>"
        f"{inner}</xades:UnsignedSignatureProperties></xades:UnsignedProperties>"
    )


def timestamp(token: bytes, *, c14n: str = "") -> str:
    """A SignatureTimeStamp that holds ``token``; where ``c14n`` is empty it says none."""
    method = f'{{<}}CanonicalizationMethod Algorithm="{c14n}">{{/}}CanonicalizationMethod>' if c14n else ""
    return (
        f"<xades:SignatureTimeStamp>{method}<xades:EncapsulatedTimeStamp>{b64encode(token).decode()}"
        "</xades:EncapsulatedTimeStamp></xades:SignatureTimeStamp>"
    )
