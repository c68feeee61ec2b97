"""A file on disk through the stages of acceptance that need no server: form, signature, sense.

Law: what is found out is what a trunk would find out, by the same code. Whom to trust is judged only where trust
was given; without it a signature is checked for form and integrity, and the report says so.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from envelopes.errors import Fault
from envelopes.model import Document, StatusMessage
from envelopes.reader import Read, UnsignedXml, read
from envelopes.schema import ValidXml, validate
from envelopes.skeleton import ParsedXml, parse
from signing.certificate import Purpose
from signing.errors import SigningCode
from signing.trust import Chain, TrustStore
from signing.verdict import Finding, Indication, Verdict
from signing.verifier import Verifier
from trunk.cli.exits import MisconfiguredError
from trunk.domain.outcome import Flaw
from trunk.domain.rejection import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What there is to say of a file."""

    name: str
    size: int
    sha256: str
    valid: ValidXml | None = None
    verdict: Verdict | None = None
    trust_judged: bool = False
    message: Document | StatusMessage | None = None
    form: tuple[Flaw, ...] = ()  #: what is wrong with it as a message
    warnings: tuple[Flaw, ...] = ()

    @property
    def signature(self) -> tuple[Flaw, ...]:
        """What is wrong with a signature that is there; nothing where there is none."""
        if self.verdict is None or not self.verdict.signed:
            return ()
        return tuple(_from_finding(finding) for finding in self.verdict.findings)

    def refused(self, *, require_signature: bool = False) -> tuple[Flaw, ...]:
        """Why a trunk would refuse it; empty: it would not (unless sender or addressee are unknown there)."""
        unsigned: tuple[Flaw, ...] = ()
        if require_signature and isinstance(self.message, Document) and self.verdict and not self.verdict.signed:
            unsigned = tuple(_from_finding(finding) for finding in self.verdict.findings)
        failed = self.verdict is not None and self.verdict.indication is Indication.TOTAL_FAILED
        return (*self.form, *(self.signature if failed else ()), *unsigned)


@contextmanager
def opened(file: Path) -> Iterator[bytes | mmap.mmap]:
    """The octets of ``file``, mapped where there are any. Raises ``OSError``."""
    if file.stat().st_size == 0:
        yield b""
        return
    with file.open("rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        yield mapped


def look(octets: bytes | mmap.mmap, *, name: str, at: datetime, trust: TrustStore | None = None) -> Looked:
    """Everything there is to say of ``octets``; never raises for what is in them."""
    size, sha256 = len(octets), hashlib.sha256(octets).hexdigest()
    parsed = parse(octets)
    valid = validate(parsed) if isinstance(parsed, ParsedXml) else parsed
    if not isinstance(valid, ValidXml):
        return Looked(name=name, size=size, sha256=sha256, form=_from_faults(valid))
    verdict = Verifier(trust or AnybodyStore()).verify(valid, at=at)
    result = read(verdict.document or UnsignedXml(valid))
    told = result if isinstance(result, Read) else None
    return Looked(
        name=name,
        size=size,
        sha256=sha256,
        valid=valid,
        verdict=verdict,
        trust_judged=trust is not None,
        message=told.message if told else None,
        form=() if isinstance(result, Read) else _from_faults(result),
        warnings=_from_faults(told.warnings) if told else (),
    )


def trust_in(folder: Path) -> TrustStore:
    """A trust folder, or roots that lie in it side by side."""
    pems = sorted(folder.glob("*.pem"))
    try:
        if not pems:
            return TrustStore.from_folder(folder)
        return TrustStore(one for pem in pems for one in x509.load_pem_x509_certificates(pem.read_bytes()))
    except ValueError as error:
        raise MisconfiguredError(
            f"{folder}: {error}", remedy="put root certificates into it as *.pem (or into roots/ below it)"
        ) from error


class AnybodyStore(TrustStore):
    """Vouches for whoever signed: for judging integrity where nobody said whom to trust. Never in a service."""

    def __init__(self) -> None:  # no roots: each message brings its own
        self.roots, self.intermediates = (), ()

    def chain(
        self,
        certificates: Sequence[bytes],
        *,
        at: datetime,
        purpose: Purpose = Purpose.DOCUMENTS,
        leaf: bytes | None = None,
    ) -> Chain | Finding:
        try:
            loaded = [x509.load_der_x509_certificate(der) for der in certificates]
        except ValueError:
            return Finding(code=SigningCode.NO_CERTIFICATE, got="a certificate that cannot be read")
        if not loaded:
            return Finding(code=SigningCode.NO_CERTIFICATE, expected="the signer's certificate")
        return TrustStore(loaded).chain(certificates, at=at, purpose=purpose, leaf=leaf)


def _from_faults(faults: Sequence[Fault]) -> tuple[Flaw, ...]:
    return tuple(Flaw(code=Code(f.code), line=f.line, path=f.path, expected=f.expected, got=f.got) for f in faults)


def _from_finding(finding: Finding) -> Flaw:
    return Flaw(code=Code(finding.code.value), path=finding.path, expected=finding.expected, got=finding.got)
