"""pades: pyHanko's own test files. Each is judged by its own authorities, in the middle of its signer's validity.

There is no list of verdicts; what pyHanko's tests expect of the signed ones is told here by name. The others carry
no signature, or none that can be read: nothing in them may pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from asn1crypto import cms
from cryptography import x509

from scripts.make_test_pki import make_pki
from scripts.vectors_check.frame import ACCEPTED, Answer, Case, Stated, VectorSet, refused
from signing.certificate import Purpose
from signing.judge import Judge
from signing.pdf import PdfVerifier
from signing.trust import Chain, TrustStore
from signing.verdict import Finding

_ED448: Final = "Ed448"
_NO_USAGE: Final = "a signer's certificate without keyUsage"
_LATER: Final = "a revision after the last signature"
#: What pyHanko accepts, with what we refuse it for on purpose.
_ACCEPTED: Final = {
    "certified-with-indirect-refs-in-dir": "",
    "ed448-shake256-nolen": _ED448,
    "extensions-direct": _ED448,
    "extensions-indirect": _ED448,
    "extensions-update-direct": _ED448,
    "extensions-update-indirect": _ED448,
    "form-update-no-override-appearance-stream-ap-indirect": "",
    "form-update-override-appearance-stream": "",
    "form-update-override-appearance-stream-ap-indirect": "",
    "minimal-signed-twice-both-created": _NO_USAGE,
    "minimal-signed-twice-no-sig-type": "",
    "minimal-signed-twice-second-created": _NO_USAGE,
    "minimal-two-fields-signed-twice": _NO_USAGE,
    "pades-lta-dss-indirect-arrs-test": _LATER,
    "pades-lta-dss-indirect-arrs-test-2": _LATER,
    "pades-with-old-style-signing-cert-attr": "",
    "pades-with-old-style-signing-cert-attr-issser": "",
    "separate-annots-kids-indir": "",
    "sig-no-signed-attrs": "CMS without signed attributes",
    "sig-with-ski-sid": "",
    "signed-encrypted-pubkey-with-catalog-ref": "an encrypted file",
}
_OPEN: Final = frozenset({"form-update-original-ap-type-wrong"})  #: odd before it was signed, not after
_CONTENTS: Final = re.compile(rb"/Contents\s*<([0-9A-Fa-f\s]+)>")
_UNREADABLE: Final = (ValueError, TypeError, KeyError, IndexError)
_NOW: Final = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
_LATE: Final = datetime(2099, 1, 1, tzinfo=UTC)  # so that no claim is in the future


def sets(folder: Path) -> Iterator[VectorSet]:
    own = folder / "pyhanko" / "certs" / "testing-ca"
    trusted = [*_pem(own / "root" / "root.cert.pem"), *_pem(own / "root" / "interm.cert.pem")]
    files = sorted((folder / "pyhanko").rglob("*.pdf"))
    cases = [_case(file, trusted) for file in files]
    yield VectorSet(
        name="pades/pyhanko",
        kind="core",
        cases=cases,
        note="revocation is not asked in the core: the set holds neither lists nor answers",
        warm=[case.run for case in cases],
    )
    strangers = _strangers()
    unknown = [
        Case(name=file.name, stated=Stated.REFUSE, run=partial(answer, file.read_bytes(), strangers, _NOW))
        for file in files
    ]
    yield VectorSet(name="pades/pyhanko", kind="trunk", cases=unknown, warm=[case.run for case in cases[:30]])


def _strangers() -> Judge:
    """One who knows nobody of the set, as a trunk does."""
    pki = make_pki(at=_NOW)
    return Judge(TrustStore([pki["root"].certificate], [pki["ca"].certificate]))


def _case(file: Path, trusted: list[x509.Certificate]) -> Case:
    octets = file.read_bytes()
    stated = Stated.ACCEPT if file.stem in _ACCEPTED else Stated.REFUSE
    return Case(
        name=file.name,
        stated=Stated.POLICY if file.stem in _OPEN else stated,
        run=partial(answer, octets, _judge(octets, trusted), _LATE),
        unsupported=_ACCEPTED.get(file.stem, ""),
    )


def answer(octets: bytes, judge: Judge, at: datetime) -> Answer:
    """Accepted if there are signatures and every one passes."""
    verdicts = PdfVerifier(judge).verdicts(octets, at=at)
    if not verdicts:
        return refused("no signature")
    bad = [verdict for verdict in verdicts if not verdict.passed]
    return refused(bad[0].findings[0].code) if bad else ACCEPTED


class _Pinned(Judge):
    """Every signer and authority is judged in the middle of the signer's validity."""

    def chain(
        self,
        certificates: Sequence[bytes],
        *,
        at: datetime,
        purpose: Purpose = Purpose.DOCUMENTS,
        leaf: bytes | None = None,
    ) -> Chain | Finding:
        if leaf is not None:
            signer = x509.load_der_x509_certificate(leaf)
            at = signer.not_valid_before_utc + (signer.not_valid_after_utc - signer.not_valid_before_utc) / 2
        return super().chain(certificates, at=at, purpose=purpose, leaf=leaf)


def _judge(octets: bytes, trusted: list[x509.Certificate]) -> Judge:
    """One that trusts what the set's authors trust, and the highest of those that the file carries."""
    known = [*trusted, *_certificates(octets)]
    subjects = {one.subject for one in known}
    roots = [one for one in known if one.issuer == one.subject or one.issuer not in subjects]
    return _Pinned(TrustStore(roots, [one for one in known if one not in roots]))


def _contents(octets: bytes) -> Iterator[Any]:
    """The SignedData of every signature value, and of the timestamps on it, as far as they can be read."""
    for text in _CONTENTS.findall(octets):
        try:
            content: Any = cms.ContentInfo.load(bytes.fromhex(text.decode()))["content"]
            yield content
            for attribute in content["signer_infos"][0]["unsigned_attrs"]:
                if attribute["type"].native == "signature_time_stamp_token":
                    yield attribute["values"][0]["content"]
        except _UNREADABLE:
            continue


def _certificates(octets: bytes) -> Iterator[x509.Certificate]:
    for content in _contents(octets):
        with suppress(*_UNREADABLE):
            for one in content["certificates"]:
                yield x509.load_der_x509_certificate(one.dump())


def _pem(file: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(file.read_bytes())
