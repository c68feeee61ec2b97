"""RFC 3161 timestamps: somebody we trust saw these octets at this time.

A token is a CMS signature over a TSTInfo by an authority whose certificate is for timestamps alone. Law: any doubt
about a token makes it none (``SIG-104``); only revocation that cannot be told yet leaves it standing, undecided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from asn1crypto import tsp

from signing import cms
from signing.certificate import Purpose
from signing.cms import Asn1, Signed
from signing.errors import SigningCode
from signing.evidence import Evidence, EvidenceKind, RevocationState
from signing.judge import Judge, Standing
from signing.names import short
from signing.trust import Chain, Incomplete
from signing.verdict import Finding, Indication, Stamp, TimeSource
from signing.when import When

MAX_TOKEN_OCTETS: Final = 64 * 1024
_CONTENT: Final = "tst_info"
#: Reasons of RFC 5280 after which tokens made earlier stay good; without a reason none does (RFC 3161 4).
_HARMLESS: Final = frozenset({"unspecified", "affiliationChanged", "superseded", "cessationOfOperation"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A timestamp over what was asked about, and how sure that is: PASSED, or INDETERMINATE for want of revocation."""

    stamp: Stamp
    standing: Standing  #: its evidence holds the token and the authority's path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What the TSTInfo says."""

    at: datetime
    imprint_algorithm: str
    imprint: bytes


def check(token: bytes, *, over: Callable[[str], bytes], judge: Judge, now: datetime, path: str) -> Stamped | Finding:
    """Whether ``token`` stamps what ``over`` gives the digest of (by hashlib's name). Never raises for a bad token."""
    if len(token) > MAX_TOKEN_OCTETS:
        return _bad(path, f"at most {MAX_TOKEN_OCTETS} octets", str(len(token)))
    signed = cms.read(token, content_type=_CONTENT, policy=judge.policy, path=path)
    if isinstance(signed, Finding):
        return _because(signed, path)
    told = _read(signed, path)
    if isinstance(told, Finding):
        return told
    fault = _imprint_fault(told, over, judge, path) or _time_fault(told, judge, now, path) or _value_fault(signed, path)
    return fault or _judged(signed, told, token, judge, now, path)


def _read(signed: Signed, path: str) -> _Told | Finding:
    if not signed.names_certificate:
        return _bad(path, "the signing certificate named in the signed attributes")
    try:
        info: Asn1 = tsp.TSTInfo.load(bytes(signed.content["content"]), strict=True)
        imprint: Asn1 = info["message_imprint"]
        critical = any(extension["critical"].native for extension in info["extensions"])
        told = _Told(
            at=info["gen_time"].native,
            imprint_algorithm=str(imprint["hash_algorithm"]["algorithm"].native),
            imprint=bytes(imprint["hashed_message"].native),
        )
        version = info["version"].native
    except cms.CMS_ERRORS:
        return _bad(path, "TSTInfo of RFC 3161")
    if version != "v1" or critical or told.at.tzinfo is None:
        return _bad(path, "TSTInfo of version 1, without critical extensions")
    return told


def _imprint_fault(told: _Told, over: Callable[[str], bytes], judge: Judge, path: str) -> Finding | None:
    if told.imprint_algorithm not in judge.policy.digest_algorithms:
        return _bad(path, "an imprint of SHA-256 and up", short(told.imprint_algorithm))
    if over(told.imprint_algorithm) != told.imprint:
        return _bad(path, "a timestamp over this signature", "one over something else")
    return None


def _time_fault(told: _Told, judge: Judge, now: datetime, path: str) -> Finding | None:
    latest = now + judge.policy.claim_max_lead
    return _bad(path, f"not after {latest.isoformat()}", told.at.isoformat()) if told.at > latest else None


def _value_fault(signed: Signed, path: str) -> Finding | None:
    digest = hashlib.new(signed.digest_algorithm, bytes(signed.content["content"])).digest()
    fault = cms.verify(signed, content_type=_CONTENT, digest=digest, path=path)
    return None if fault is None else _because(fault, path)


def _judged(signed: Signed, told: _Told, token: bytes, judge: Judge, now: datetime, path: str) -> Stamped | Finding:
    steps = cms.issuing(signed, most=judge.policy.max_certificates - 1)
    chain = judge.chain(steps, leaf=signed.certificate, purpose=Purpose.TIMESTAMPS, at=told.at)
    if isinstance(chain, Incomplete):
        unknown = Finding(code=chain.code, path=path, expected=chain.expected, got=chain.got)
        standing = Standing(indication=Indication.INDETERMINATE, findings=(unknown,), wanted=chain.wanted)
        return _stamped(signed, told, token, standing)
    if isinstance(chain, Finding):
        return _because(chain, path)
    if not signed.method.startswith(chain.key.family):
        return _bad(path, signed.method, f"a key for {chain.key.family}")
    standing = _standing(chain, told.at, judge, now, path)
    if standing.indication is Indication.TOTAL_FAILED:
        return _because(standing.findings[0], path)
    return _stamped(signed, told, token, standing, domain=chain.signer.domain)


def _stamped(signed: Signed, told: _Told, token: bytes, standing: Standing, *, domain: str = "") -> Stamped:
    evidence = Evidence.of(EvidenceKind.TIMESTAMP, token)
    authority = hashlib.sha256(signed.certificate).hexdigest()
    stamp = Stamp(at=told.at.astimezone(UTC), authority=authority, domain=domain, evidence=evidence.sha256)
    return Stamped(stamp=stamp, standing=replace(standing, evidence=(evidence, *standing.evidence)))


def _standing(chain: Chain, at: datetime, judge: Judge, now: datetime, path: str) -> Standing:
    """Revoked for a harmless reason, an authority vouches still for what it stamped before; else for nothing."""
    standing = judge.standing(chain, when=When(at=at, source=TimeSource.CLAIMED), now=now, path=path)
    revoked = [note for note in standing.revocation if note.state is RevocationState.REVOKED]
    if revoked and all(note.reason in _HARMLESS for note in revoked):
        return judge.standing(chain, when=When(at=at, source=TimeSource.TIMESTAMP), now=now, path=path)
    return standing


def _because(finding: Finding, path: str) -> Finding:
    return _bad(path, finding.expected, f"{finding.code.value} {finding.got}".strip())


def _bad(path: str, expected: str = "", got: str = "") -> Finding:
    return Finding(code=SigningCode.TIMESTAMP, path=path, expected=expected, got=got)
