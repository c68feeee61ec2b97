"""rfc3161: answers of real time-stamping authorities, good and bad, through ``signing.timestamp``.

The authorities' roots are given and the token is judged as of its own time. Which are bad, their names say, and for
one that its authority is not in the set; what was stamped is the word *hello*, or told in no file (then the imprint
is taken from the token, and only the rest counts).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from asn1crypto import cms, tsp
from cryptography import x509

from scripts.vectors_check.frame import ACCEPTED, Answer, Case, Stated, VectorSet, refused
from signing.certificate import fingerprint
from signing.judge import Judge
from signing.timestamp import Stamped, check
from signing.trust import TrustStore

_BAD: Final = frozenset({"response-invalid-signature", "response-expired", "other_response"})
_MESSAGE: Final = b"hello"
_FOLDERS_OF_OTHER_MESSAGES: Final = frozenset({"identrust", "sigstore.mock"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """A token and by whom it may have been made."""

    token: bytes
    judge: Judge
    at: datetime
    authorities: frozenset[str]  #: fingerprints; one alone is a root's


def sets(folder: Path) -> Iterator[VectorSet]:
    cases = [case for file in sorted(folder.rglob("*.tsr")) for case in _cases(file)]
    yield VectorSet(name="rfc3161", kind="core", cases=cases, warm=[case.run for case in cases])


def _cases(file: Path) -> Iterator[Case]:
    token, at, imprint = _token(file.read_bytes())
    chain = _chain(file.parent / "ts_chain.pem")
    judge = Judge(TrustStore([chain[-1]], chain[:-1]))
    told = imprint if file.parent.name in _FOLDERS_OF_OTHER_MESSAGES else b""
    name = f"{file.parent.name}/{file.stem}"
    stated = Stated.REFUSE if file.stem in _BAD else Stated.ACCEPT
    unsupported = "" if _brings_its_certificate(token) else "no certificate in the token"
    given = _Given(token=token, judge=judge, at=at, authorities=frozenset(map(fingerprint, chain)))
    yield Case(name=name, stated=stated, run=partial(_run, given, told), unsupported=unsupported)
    if stated is Stated.ACCEPT:
        yield Case(name=f"{name} over something else", stated=Stated.REFUSE, run=partial(_run, given, b"\0"))


def _run(given: _Given, imprint: bytes) -> Answer:
    def over(name: str) -> bytes:
        return imprint or hashlib.new(name, _MESSAGE).digest()

    found = check(given.token, over=over, judge=given.judge, now=given.at, path="token")
    if not isinstance(found, Stamped):
        return refused(found.code)
    if len(given.authorities) > 1 and found.stamp.authority not in given.authorities:
        return refused("stamped by another authority than is named")
    return ACCEPTED


def _token(answer: bytes) -> tuple[bytes, datetime, bytes]:
    """The token out of an answer, when it says it was made, and the digest it stamps."""
    response: Any = tsp.TimeStampResp.load(answer)
    token = response["time_stamp_token"]
    info = token["content"]["encap_content_info"]["content"].parsed
    return token.dump(), info["gen_time"].native, info["message_imprint"]["hashed_message"].native


def _brings_its_certificate(token: bytes) -> bool:
    content: Any = cms.ContentInfo.load(token)["content"]
    return len(content["certificates"]) > 0


def _chain(file: Path) -> list[x509.Certificate]:
    octets = file.read_bytes()
    if b"-----BEGIN" in octets:
        return x509.load_pem_x509_certificates(octets)
    return [x509.load_der_x509_certificate(octets)]
