"""The trunk's own signature over the status messages that it writes: ECDSA P-256, XAdES-BES.

Law: a seal that does not verify is never found out by a recipient. The key is tried out at construction, against
its own certificate, and each seal is read back from its finished octets and verified before it is handed out.

The first seal is made the long way, and is the mould of those that follow: twelve times quicker, for the same octets.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import Certificate

from envelopes import skeleton
from envelopes.schema import MessageKind
from envelopes.skeleton import ParsedXml
from signing.maker import Credential, Maker
from signing.mould import Mould
from signing.signer import SigningFailedError, confirm, parts, write

_METHOD = "ecdsa-sha256"


class Seal:
    """Seals status messages with one key. Safe to share between threads."""

    def __init__(
        self, key: ec.EllipticCurvePrivateKey, certificate: Certificate, *, issuers: Sequence[Certificate] = ()
    ) -> None:
        """Raises :class:`SigningFailedError` if the key does not belong to the certificate."""
        if not isinstance(key.curve, ec.SECP256R1):
            raise SigningFailedError("a seal's key is on the curve P-256")
        self._certificate = certificate
        self._credential = Credential(key, (certificate, *issuers))
        at = certificate.not_valid_before_utc
        self._mould = Mould(self.engrave(_SPECIMEN, at=at), key=key, at=at)

    def seal(self, xml: bytes, *, at: datetime) -> bytes:
        """The status message, as ``envelopes.writer`` made it, with the trunk's signature.

        Raises :class:`SigningFailedError` if there is no header to sign, or if what came of it does not verify.
        """
        return self._mould.press(xml, at=at) or self.engrave(xml, at=at)

    def engrave(self, xml: bytes, *, at: datetime) -> bytes:
        """The long way: made by signxml, verified by the verifier. For any status message; raises as ``seal``."""
        parsed = skeleton.parse(xml)
        if not isinstance(parsed, ParsedXml):
            raise SigningFailedError("what is to be sealed is no message")
        header, covered = parts(parsed, kind=MessageKind.STATUS)
        Maker(self._credential, covered=covered, method=_METHOD, at=at).make(header)
        octets = write(parsed)
        confirm(octets, certificate=self._certificate, at=at)
        return octets


_SPECIMEN = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016">'
    b'<edXML:edXMLEnvelope xmlns:edXML="http://www.mic.gov.vn/TBT/QCVN_102_2016"><edXML:edXMLHeader>'
    b"<edXML:MessageHeader><edXML:From><edXML:OrganId>G12</edXML:OrganId></edXML:From>"
    b"<edXML:ResponseFor><edXML:OrganId>H41</edXML:OrganId><edXML:Code>1/SP</edXML:Code>"
    b"<edXML:DocumentId>H41,2026/01/01,1/SP</edXML:DocumentId></edXML:ResponseFor>"
    b"<edXML:StatusCode>01</edXML:StatusCode></edXML:MessageHeader>"
    b"</edXML:edXMLHeader></edXML:edXMLEnvelope></edXML>"
)
