"""The quick road and the plain one say the same of every vector.

Plain is signxml as it is delivered: it parses the octets itself, serialises, copies and searches as it likes, and is
given nothing but the certificate and the attachments' octets. Ours works on one tree, with the payloads set aside.
"""

from __future__ import annotations

import random
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from cryptography.x509 import Certificate, load_der_x509_certificate
from lxml import etree
from signxml.exceptions import InvalidDigest, InvalidInput, InvalidSignature
from signxml.verifier import SignatureConfiguration, XMLVerifier

from scripts.make_vectors_signed import AT
from signing import sound
from signing.errors import SigningCode
from signing.names import ds, qcvn
from signing.policy import Policy
from signing.sound import Examined
from tests.unit.signing.conftest import opened

VECTORS = Path(__file__).parents[2] / "vectors"
HEADER = f"./{qcvn('edXMLEnvelope')}/{qcvn('edXMLHeader')}/"
EVERYTHING = Policy()

BY_CRYPTOGRAPHY: Final = {SigningCode.DIGEST_MISMATCH, SigningCode.FORGED}
#: lxml, canonicalizing inclusively in place, declares what un-prefixed names never had; libxmlsec1 does not.
PLAIN_CANNOT: Final = {"unprefixed-inclusive", "whole-document-unprefixed-inclusive"}
#: Which certificate signed is part of what was signed (XAdES 5.2.2); XML-DSig alone knows nothing of it.
OF_XADES: Final = {"another-certificate-named", "twin-certificate-shown"}
GOOD = [
    file
    for file in sorted((VECTORS / "signed").glob("*.edxml"))
    if "in-an-unsigned" not in file.stem and file.stem not in PLAIN_CANNOT
]
BROKEN = [
    file
    for code in sorted(BY_CRYPTOGRAPHY)
    for file in sorted((VECTORS / "rejected" / code).glob("*.edxml"))
    if not file.stem.startswith("pdf-") and file.stem not in OF_XADES
]
_FLIPS = 12


def carried(root: etree._Element) -> Iterator[Certificate]:
    for element in root.iter(ds("X509Certificate")):
        yield load_der_x509_certificate(b64decode(element.text or ""))


def plain(octets: bytes, certificate: Certificate) -> bool:
    parser = etree.XMLParser(huge_tree=True)  # noqa: TID251 - as the root below
    root = etree.fromstring(octets, parser)  # noqa: TID251 - the other one's own tree
    attachments = {}
    for one in root.iter(qcvn("Attachment")):
        name = (one.findtext(qcvn("ContentId")) or "").removeprefix("cid:")
        attachments[f"cid:{name}"] = b64decode(one.findtext(qcvn("ContentTransferEncoded")) or "")
    config = SignatureConfiguration(location=HEADER, expect_references=True, verification_time=AT)
    try:
        XMLVerifier().verify(
            octets, x509_cert=certificate, expect_config=config, uri_resolver=attachments.get, parser=parser
        )
    except (InvalidSignature, InvalidDigest, InvalidInput, etree.LxmlError, ValueError):
        return False
    return True


def ours(octets: bytes, certificate: Certificate) -> set[str]:
    """What we have against it; nothing: it is what the certificate's holder signed."""
    valid = opened(octets)
    [signature] = valid.parsed.root.iter(ds("Signature"))
    examined = sound.examine(valid, signature, policy=EVERYTHING)
    faults = (
        sound.compute(valid, examined, certificate, at=AT, policy=EVERYTHING)
        if isinstance(examined, Examined)
        else examined
    )
    return {fault.code for fault in faults}


def signers(octets: bytes) -> list[Certificate]:
    return list(carried(opened(octets).parsed.root))


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_both_accept_what_is_genuine_and_for_its_signer_alone(file: Path) -> None:
    octets = file.read_bytes()
    told = {certificate: (not ours(octets, certificate), plain(octets, certificate)) for certificate in signers(octets)}
    assert sorted(told.values()) == [(False, False)] * (len(told) - 1) + [(True, True)]


@pytest.mark.parametrize("file", BROKEN, ids=lambda file: file.stem)
def test_both_refuse_what_is_broken(file: Path) -> None:
    octets = file.read_bytes()
    for certificate in signers(octets):
        assert ours(octets, certificate)
        assert not plain(octets, certificate)


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_of_what_was_altered_anywhere_ours_accepts_nothing_that_plain_refuses(file: Path) -> None:
    chance, octets = random.Random(file.stem), file.read_bytes()  # noqa: S311 - the same each time
    certificates = signers(octets)
    texts = list(re.finditer(rb">([A-Za-z0-9][^<>&]*)<", octets))
    for text in chance.sample(texts, min(_FLIPS, len(texts))):
        place = chance.choice([at for at in range(*text.span(1)) if octets[at : at + 1].isalnum()])
        altered = octets[:place] + (b"A" if octets[place : place + 1] != b"A" else b"B") + octets[place + 1 :]
        for certificate in certificates:
            against = ours(altered, certificate)
            if not plain(altered, certificate):
                assert against
            else:
                assert not against & BY_CRYPTOGRAPHY
