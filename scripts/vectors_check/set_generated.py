"""generated: attacks and controls that were made for this project's threat model, by their manifests.

Envelopes are driven as ``adapted_envelope`` says, PDFs and certificates as they are, documents through the parser
alone (core) and as messages (trunk). *accept-if-profile* is our decision; both answers are right.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from envelopes import safe_xml
from envelopes.limits import Limits
from envelopes.safe_xml import Tree
from scripts.vectors_check import adapted_envelope, set_http, set_pades, trunk_answer
from scripts.vectors_check.frame import ACCEPTED, Answer, Case, Stated, VectorSet, refused
from scripts.vectors_check.given_lists import revocation
from signing.judge import Judge
from signing.trust import Chain, TrustStore
from signing.verdict import Indication, TimeSource
from signing.when import When

_AT: Final = datetime(2026, 11, 23, tzinfo=UTC)  # the day after they were made
_BY_REGISTRY: Final = frozenset({"cert-valid-but-other-agency"})
#: What each certificate was made for, told by its name; the others are authorities and strangers.
_SIGNERS: Final = {
    "a": Stated.ACCEPT,
    "a_key_other_subject": Stated.ACCEPT,
    "a_p256": Stated.ACCEPT,
    "b": Stated.ACCEPT,
    "ku_nr": Stated.ACCEPT,
    "ku_none": Stated.POLICY,
}
_STEPS: Final = ("sub", "evil_sub", "nc_ca", "pathlen_ca", "a")
_AUTHORITIES: Final = frozenset({"root", "root2", "sub", "evil_root", "evil_sub", "nc_ca", "pathlen_ca"})
_STATED: Final = {
    "accept": Stated.ACCEPT,
    "refuse": Stated.REFUSE,
    "accept-if-profile": Stated.POLICY,
    "policy": Stated.POLICY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A line of a manifest, with its octets."""

    name: str
    stated: Stated
    octets: bytes
    trust: str


def sets(folder: Path) -> Iterator[VectorSet]:
    judges = {file.name: _judge(folder / "pki", file) for file in (folder / "pki").glob("trust*.pem")}
    envelopes, documents, files = (list(_entries(folder, kind)) for kind in ("envelope", "xml", "pdf"))
    told = " ".join(str(adapted_envelope.__doc__).partition("\n\n")[2].split())
    yield _core("envelope", envelopes, lambda one: adapted_envelope.answer(one.octets, judges[one.trust], _AT), told)
    yield _as_messages("envelope", envelopes)
    yield _core("xml", documents, lambda one: _parsed(one.octets))
    yield _as_messages("xml", documents)
    yield _core("pdf", files, lambda one: set_pades.answer(one.octets, judges[one.trust], _AT))
    yield _core("pki", list(_signers(folder / "pki")), lambda one: _signer(one.octets, judges[one.trust]))
    yield from set_http.sets(folder)


def _entries(folder: Path, kind: str) -> Iterator[_Entry]:
    for line in json.loads((folder / f"{kind}-manifest.json").read_text(encoding="utf-8")):
        octets = (folder / line["file"]).read_bytes()
        yield _Entry(
            name=line["name"],
            stated=Stated.POLICY if line["name"] in _BY_REGISTRY else _STATED[line["verdict"]],
            octets=gzip.decompress(octets) if line.get("gzip") else octets,
            trust=line.get("trust", ""),
        )


def _signers(folder: Path) -> Iterator[_Entry]:
    for file in sorted(folder.glob("*.crt.pem")):
        name = file.name.partition(".")[0]
        if name not in _AUTHORITIES:
            certificate = x509.load_pem_x509_certificate(file.read_bytes())
            stated = _SIGNERS.get(name, Stated.REFUSE)
            yield _Entry(name=name, stated=stated, octets=certificate.public_bytes(Encoding.DER), trust="trust.pem")


def _core(kind: str, entries: Sequence[_Entry], drive: Callable[[_Entry], Answer], note: str = "") -> VectorSet:
    cases = [Case(name=one.name, stated=one.stated, run=partial(drive, one), unsupported=_ours(one)) for one in entries]
    warm = [case.run for case in cases if case.stated is Stated.ACCEPT]
    return VectorSet(name=f"generated/{kind}", kind="core", cases=cases, note=note, warm=warm)


def _ours(one: _Entry) -> str:
    """Who decides, where the manifest leaves it open."""
    if one.stated is not Stated.POLICY:
        return ""
    return "decided by the registry of signers (ADR-105)" if one.name in _BY_REGISTRY else "left to the profile"


def _as_messages(kind: str, entries: Sequence[_Entry]) -> VectorSet:
    cases = [Case(name=one.name, stated=Stated.REFUSE, run=partial(trunk_answer.answer, one.octets)) for one in entries]
    return VectorSet(name=f"generated/{kind}", kind="trunk", cases=cases, warm=[trunk_answer.warm])


def _parsed(octets: bytes) -> Answer:
    tree = safe_xml.parse(octets, limits=Limits())
    return ACCEPTED if isinstance(tree, Tree) else refused(tree.code)


def _signer(der: bytes, judge: Judge) -> Answer:
    """Whether the trunk would believe a signature by this certificate."""
    chain = judge.chain([], at=_AT, leaf=der)
    if not isinstance(chain, Chain):
        return refused(chain.code)
    standing = judge.standing(chain, when=When(at=_AT, source=TimeSource.ACCEPTANCE), now=_AT, path="pki")
    return ACCEPTED if standing.indication is Indication.TOTAL_PASSED else refused(standing.findings[0].code)


def _judge(pki: Path, trusted: Path) -> Judge:
    """The authorities that attacks lean on are at hand too: an own store must not make them good."""
    known = x509.load_pem_x509_certificates(trusted.read_bytes())
    roots = [one for one in known if one.issuer == one.subject]
    steps = [x509.load_pem_x509_certificate((pki / f"{name}.crt.pem").read_bytes()) for name in _STEPS]
    lists = revocation((pki / name).read_bytes() for name in ("root.crl", "sub.crl"))
    return Judge(TrustStore(roots, [*known, *steps]), revocation=lists)
