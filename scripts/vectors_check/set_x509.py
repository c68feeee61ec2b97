"""x509: NIST's PKITS, path by path with its lists, through the trust store and the evaluation of revocation.

Longer paths than a trunk follows are allowed here; policies cannot be asked for. Zero wrongly accepted is a must.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning

from scripts.vectors_check.frame import ACCEPTED, NOT_DRIVEN, Answer, Case, Stated, VectorSet, refused
from scripts.vectors_check.given_lists import revocation
from signing.certificate import is_authority
from signing.judge import Judge
from signing.trust import TrustStore
from signing.verdict import Finding, Indication, TimeSource
from signing.when import When

_AT: Final = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
_ROOT: Final = "TrustAnchorRootC"
_LONGEST: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Path:
    """What one case is given."""

    leaf: bytes
    others: tuple[bytes, ...]
    root: x509.Certificate
    lists: tuple[bytes, ...]


def sets(folder: Path) -> Iterator[VectorSet]:
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # of serial numbers below one, on purpose
    entries = json.loads((folder / "pkits" / "pkits.json").read_text(encoding="utf-8"))
    cases = [_case(entry, folder / "pkits") for entry in entries]
    yield VectorSet(name="x509/pkits", kind="core", cases=cases, warm=[case.run for case in cases[:20]])


def _case(entry: dict[str, Any], folder: Path) -> Case:
    def read(kind: str, names: Sequence[str]) -> tuple[bytes, ...]:
        return tuple((folder / kind / name).read_bytes() for name in dict.fromkeys(names))

    root = x509.load_der_x509_certificate((folder / "certs" / f"{_ROOT}ertificate.crt").read_bytes())
    path = _Path(
        leaf=read("certs", [entry["cert"]])[0],
        others=read("certs", entry.get("other_certs", [])),
        root=root,
        lists=read("crls", [f"{_ROOT}RL.crl", *entry.get("crls", [])]),
    )
    return Case(
        name=f"{entry['id']} {entry['name']}",
        stated=Stated.REFUSE if "error" in entry else Stated.ACCEPT,
        run=_nothing if "params" in entry else partial(_run, path),
        unsupported="policy parameters" if "params" in entry else next(_reasons(path), ""),
    )


def _run(path: _Path) -> Answer:
    judge = Judge(TrustStore([path.root], most_authorities=_LONGEST), revocation=revocation(path.lists))
    chain = judge.chain(path.others, at=_AT, leaf=path.leaf)
    if isinstance(chain, Finding):
        return refused(chain.code)
    standing = judge.standing(chain, when=When(at=_AT, source=TimeSource.ACCEPTANCE), now=_AT, path="x509")
    return ACCEPTED if standing.indication is Indication.TOTAL_PASSED else refused(standing.findings[0].code)


def _nothing() -> Answer:
    """Nobody here asks for policies."""
    return NOT_DRIVEN


def _reasons(path: _Path) -> Iterator[str]:
    """What the case needs that we leave out on purpose, read off its certificates and lists."""
    try:
        loaded = [x509.load_der_x509_certificate(der) for der in (path.leaf, *path.others)]
    except ValueError:
        yield "a key with inherited parameters"
        return
    if any(isinstance(certificate.public_key(), dsa.DSAPublicKey) for certificate in loaded):
        yield "DSA"
    if is_authority(loaded[0]):
        yield "an authority's certificate as signer's"
    keys: dict[x509.Name, set[bytes]] = {}
    for one in loaded[1:]:
        keys.setdefault(one.subject, set()).add(
            one.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )
    if any(len(of_one_name) > 1 for of_one_name in keys.values()):
        yield "lists under another key than the certificate's"
    for der in path.lists[1:]:
        yield from _of_list(x509.load_der_x509_crl(der))


def _of_list(one: x509.CertificateRevocationList) -> Iterator[str]:
    for extension in one.extensions:
        if isinstance(extension.value, x509.DeltaCRLIndicator | x509.FreshestCRL):
            yield "delta lists"
        if not isinstance(extension.value, x509.IssuingDistributionPoint):
            continue
        if extension.value.indirect_crl:
            yield "indirect lists"
        if extension.value.only_some_reasons:
            yield "lists of some reasons only"
        names = extension.value.full_name or ()
        if extension.value.relative_name or any(isinstance(name, x509.DirectoryName) for name in names):
            yield "distribution points by directory name"
