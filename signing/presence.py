"""Is there a signature, and where does it stand? Placeholders count as none.

Law: exactly one real signature (``ds:Signature``, exact name), last child of edXMLHeader at its fixed path.
A placeholder never excuses a real signature beside it, and a real one is never overlooked wherever it hides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lxml.etree import _Element

from signing import names
from signing.errors import SigningCode
from signing.names import ds, qcvn
from signing.verdict import Finding

#: The eleven characters that the vendor's library writes for a certificate.
_CONSTANT: Final = "MIIFqTCCBJG"
_PLACES: Final = (qcvn("edXMLEnvelope"), qcvn("edXMLHeader"))


@dataclass(frozen=True, slots=True)
class Absent:
    """No signature: nothing at all, or a placeholder."""

    finding: Finding


def find(root: _Element) -> _Element | Absent | tuple[Finding, ...]:
    """The one real signature; or that there is none; or why what is there is refused."""
    real = list(root.iter(ds("Signature")))
    stand_ins = [element for element in root.iter(qcvn("Signature"), qcvn("DigitalSignature")) if not _empty(element)]
    genuine = [element for element in real if not _constant(element)]
    if not genuine:
        path = names.SIGNATURE_PATH
        code = SigningCode.PLACEHOLDER if real or stand_ins else SigningCode.UNSIGNED
        return Absent(Finding(code=code, path=path))
    count = len(real) + len(stand_ins)
    if count > 1:
        return (Finding(code=SigningCode.SEVERAL, path=names.SIGNATURE_PATH, expected="1", got=str(count)),)
    if not _last_in_header(root, genuine[0]):
        return (Finding(code=SigningCode.MISPLACED, expected=names.SIGNATURE_PATH),)
    return genuine[0]


def _empty(element: _Element) -> bool:
    """Serializers leave an empty element behind: neither a signature nor a claim of one."""
    return len(element) == 0 and not (element.text or "").strip()


def _constant(signature: _Element) -> bool:
    certificates = [(element.text or "").strip() for element in signature.iter(ds("X509Certificate"))]
    return bool(certificates) and all(text == _CONSTANT for text in certificates)


def _last_in_header(root: _Element, signature: _Element) -> bool:
    header = signature.getparent()
    envelope = None if header is None else header.getparent()
    if header is None or envelope is None or envelope.getparent() is not root:
        return False
    tags = (envelope.tag, header.tag)
    return tags == _PLACES and all(not isinstance(el.tag, str) for el in signature.itersiblings())
