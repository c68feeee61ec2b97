"""xmldsig: the interoperability files of xmlsec and of signxml."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from scripts.vectors_check import core_xml
from scripts.vectors_check.core_xml import Keys
from scripts.vectors_check.frame import Case, Stated, VectorSet
from scripts.vectors_check.trunk_answer import trunk_set
from scripts.vectors_check.xml_features import unsupported

#: What upstream maps addresses to (testDSig.sh.txt), in two editions.
_EDITIONS: Final = tuple(
    {
        "http://www.w3.org/TR/xml-stylesheet": f"xml-stylesheet-{year}",
        "http://www.w3.org/Signature/2002/04/xml-stylesheet.b64": "xml-stylesheet-2005.b64",
        "http://www.ietf.org/rfc/rfc3161.txt": "rfc3161.txt",
    }
    for year in (2005, 2018)
)
#: Refused upstream for what stands in KeyInfo, which the core does not look at; their cryptography is right.
_NOT_FOR_THEIR_CRYPTOGRAPHY: Final = frozenset(
    {"signature-x509-crt-crl.xml", "signature-rsa-detached-xslt-transform-bad-retrieval-method.xml"}
)
_SUFFIXES: Final = frozenset({".pem", ".der", ".crt"})

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | dsa.DSAPublicKey


def sets(folder: Path) -> Iterator[VectorSet]:
    xmlsec = list(_xmlsec(folder))
    signxml = list(_signxml(folder / "signxml"))
    for name, cases in (("xmldsig/xmlsec", xmlsec), ("xmldsig/signxml", signxml)):
        yield VectorSet(name=name, kind="core", cases=cases, warm=[case.run for case in cases[:3]])
        yield trunk_set(name, sorted((folder / name.partition("/")[2]).rglob("*.xml")), below=folder)


def _xmlsec(folder: Path) -> Iterator[Case]:
    everything = folder / "xmlsec"
    public = tuple(_public_keys(everything.rglob("*")))
    shared = (b"secret", b"test", *(file.read_bytes() for file in everything.rglob("hmackey.bin")))
    for entry in json.loads((folder / "verdicts.json").read_text(encoding="utf-8")):
        file = folder / entry["set"] / entry["file"]
        octets, editions = file.read_bytes(), _external(everything / "external-data", file.parent)
        stated, reason = _stated(entry["upstream"]), unsupported(octets) or _foreign_dtd(octets, editions)
        if file.name in _NOT_FOR_THEIR_CRYPTOGRAPHY:
            stated, reason = Stated.POLICY, "refused upstream for its KeyInfo alone"
        given = [Keys(public=public, shared=shared, external=edition) for edition in editions]
        name = f"{entry['set']}/{entry['file']}"
        yield Case(name=name, stated=stated, run=partial(core_xml.judge_any, octets, given), unsupported=reason)


def _stated(upstream: list[str] | None) -> Stated:
    """Several verdicts belong to several sets of options (keys withheld, times); one success tells of sound octets."""
    if upstream is None:
        return Stated.POLICY
    return Stated.ACCEPT if "ok" in upstream else Stated.REFUSE


@cache
def _external(external: Path, beside: Path) -> tuple[dict[str, bytes], ...]:
    """What references may name, for both editions: read now, since the cases may open nothing."""
    near = {str(file.relative_to(beside)): file.read_bytes() for file in beside.rglob("*") if file.is_file()}
    return tuple(
        near | {address: (external / name).read_bytes() for address, name in mapped.items()} for mapped in _EDITIONS
    )


def _foreign_dtd(octets: bytes, editions: tuple[dict[str, bytes], ...]) -> str:
    """signxml parses what it has verified, and refuses a DTD in it."""
    named = [one for edition in editions for uri, one in edition.items() if f'URI="{uri}"'.encode() in octets]
    return "a DTD in an external file" if any(b"<!DOCTYPE" in one for one in named) else ""


def _signxml(folder: Path) -> Iterator[Case]:
    """Its files tell by their names which are bad; keys lie beside them."""
    public = tuple(_public_keys(folder.rglob("*")))
    for file in sorted(folder.rglob("*.xml")):
        octets = file.read_bytes()
        yield Case(
            name=str(file.relative_to(folder)),
            stated=Stated.REFUSE if file.name.startswith("invalid") else Stated.ACCEPT,
            run=partial(core_xml.judge, octets, Keys(public=public)),
            unsupported=unsupported(octets),
        )


def _public_keys(files: Iterable[Path]) -> Iterator[PublicKey]:
    """Every key of a kind that XML signatures use, once; from certificates too."""
    found: dict[bytes, PublicKey] = {}
    for file in sorted(files):
        key = _public_key(file.read_bytes()) if file.suffix in _SUFFIXES else None
        if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | dsa.DSAPublicKey):
            found[key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)] = key
    yield from found.values()


def _public_key(octets: bytes) -> object:
    text = b"-----BEGIN" in octets
    certificate = x509.load_pem_x509_certificate if text else x509.load_der_x509_certificate
    bare = load_pem_public_key if text else load_der_public_key
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of keys that nobody uses any more
        with suppress(ValueError, UnsupportedAlgorithm):
            return certificate(octets).public_key()
        with suppress(ValueError, UnsupportedAlgorithm):
            return bare(octets)
    return None
