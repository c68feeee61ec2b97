"""What a mutated message may never do, and the tally of what it did.

Law: a message that is accepted says exactly what the original said (every field, every file, by the same signer). A
change that touches nothing signed may pass: it is *equivalent*. Everything else that passes is forged. Nothing raises.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from envelopes.model import Document, Message
from scripts.judging import codes, examiner
from scripts.mutations import Mutation, Original
from scripts.mutations_of_digests import DIGESTS
from scripts.mutations_of_elements import ALL
from scripts.mutations_of_pdfs import PDFS, revisions
from scripts.signed_workshop import AT
from scripts.stamping import told
from signing.evidence import EvidenceKind
from signing.examination import Examination
from signing.examiner import Examiner

VECTORS: Final = Path("tests/vectors")
_PDF_SHARE: Final = 0.1
_HUNG_SECONDS: Final = 120
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
#: Small enough to be tried often: every profile, every key, timestamps, a revoked signer, a PDF inside.
ENVELOPES: Final = (
    *("ecdsa-p256", "rsa-pss", "digest-sha512", "unprefixed-inclusive", "two-attachments", "revoke", "status"),
    *("whole-document", "whole-document-unprefixed-inclusive", "whole-document-xades-t", "xades", "xades-t"),
    *("xades-t-twice", "xades-t-revoked-since", "authority-sent-along", "cross-certificates-sent-along"),
    *("carriage-returns", "pdf-one-person"),
)
#: The PDFs of these are changed while the letter around them is unsigned.
LETTERS: Final = ("pdf-one-person", "pdf-pades-t", "pdf-document-timestamp", "pdf-person-person-organisation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an accepted message says, and on whose word."""

    message: Message | None
    signers: tuple[str, ...]
    covered: tuple[tuple[str, ...], ...]
    claimed: tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An original and what it is held to."""

    original: Original
    said: Said
    stamps: frozenset[bytes]  #: what authorities say in it; a mutated one may have lost that, never gained any
    pdf: bool = False


@dataclass(slots=True)
class Tally:
    """What happened to a run of mutations."""

    made: Counter[str] = field(default_factory=Counter)  # by kind
    refused: Counter[str] = field(default_factory=Counter)  # by kind
    equivalent: Counter[str] = field(default_factory=Counter)  # by kind
    codes: Counter[str] = field(default_factory=Counter)
    forged: list[str] = field(default_factory=list)  # how to make them again
    crashes: list[str] = field(default_factory=list)
    not_understood: Counter[str] = field(default_factory=Counter)  # refused by a net, not by a rule
    slowest: tuple[float, str] = (0.0, "")  # milliseconds of processor time
    memory: list[tuple[int, int]] = field(default_factory=list)  # process, octets resident after the run

    def add(self, other: Tally) -> None:
        for name in ("made", "refused", "equivalent", "codes", "not_understood"):
            getattr(self, name).update(getattr(other, name))
        self.forged += other.forged
        self.crashes += other.crashes
        self.slowest = max(self.slowest, other.slowest)
        self.memory += other.memory


class Bench:
    """Examiner and originals: made once in each process."""

    def __init__(self, vectors: Path, *, judge: Examiner | None = None) -> None:
        self.judge = judge or examiner(vectors / "trust")
        self.cases = [*self._envelopes(vectors), *self._letters(vectors)]
        self._signed = [case.original for case in self.cases if not case.pdf]
        for case in self.cases:  # what words a refusal is loaded at the first one
            self.judge.examine(case.original.octets.replace(b":OrganId>", b":x>"), at=AT)

    def _envelopes(self, vectors: Path) -> Iterator[Case]:
        for name in ENVELOPES:
            yield self._case(name, (vectors / "signed" / f"{name}.edxml").read_bytes())

    def _letters(self, vectors: Path) -> Iterator[Case]:
        for name in LETTERS:
            octets = (vectors / "signed" / f"{name}.edxml").read_bytes()
            start, end = octets.index(b"<ds:Signature "), octets.index(b"</ds:Signature>") + len(b"</ds:Signature>")
            yield self._case(f"{name} in an unsigned letter", octets[:start] + octets[end:], pdf=True)

    def _case(self, name: str, octets: bytes, *, pdf: bool = False) -> Case:
        known = self.judge.examine(octets, at=AT)
        said = accepted(known, pdf=pdf)
        if said is None:
            raise ValueError(f"{name} is not accepted to begin with: {codes(known)}")
        return Case(original=Original.of(name, octets), said=said, stamps=_stamps(known), pdf=pdf)

    def mutated(self, seed: int, number: int) -> tuple[Case, str, bytes]:
        """The mutation of that number: the same for the same seed and vectors."""
        dice = Random(f"{seed}-{number}")  # noqa: S311 - to be repeated, not to be secret
        wants_pdf = dice.random() < _PDF_SHARE
        case = dice.choice([case for case in self.cases if case.pdf is wants_pdf])
        kinds: Mapping[str, Mutation] = PDFS if wants_pdf else {**ALL, **DIGESTS}
        while True:
            kind = dice.choice(tuple(kinds))
            try:
                octets = kinds[kind](dice, case.original, self._signed)
            except IndexError:  # nothing of that sort in this message
                continue
            if octets != case.original.octets:
                return case, kind, octets

    def run(self, seed: int, numbers: Iterable[int]) -> Tally:
        tally = Tally()
        with _listening(tally):
            for number in numbers:
                self._try(seed, number, tally)
        tally.memory.append((os.getpid(), resident()))
        return tally

    def _try(self, seed: int, number: int, tally: Tally) -> None:
        case, kind, octets = self.mutated(seed, number)
        tally.made[kind] += 1
        label = f"{number}: {kind}, {case.original.name}"
        started = time.thread_time()
        try:
            known = self.judge.examine(octets, at=AT)
        except Exception as error:  # noqa: BLE001 - any exception is the finding
            tally.crashes.append(f"{label}: {type(error).__name__}")
            return
        tally.slowest = max(tally.slowest, ((time.thread_time() - started) * 1000, label))
        said = accepted(known, pdf=case.pdf)
        if said is None:
            tally.refused[kind] += 1
            tally.codes[next(iter(_why(known, pdf=case.pdf)), "no signature left")] += 1
        elif self.honest(case, said, known, octets):
            tally.equivalent[kind] += 1
        else:
            tally.forged.append(label)

    def honest(self, case: Case, said: Said, known: Examination, octets: bytes) -> bool:
        """Whether it says what one of the originals said: two may say the same, and then exchange signatures."""
        if case.pdf:
            return _same_pdf(case, octets)
        stamps = _stamps(known)
        return any(stamps <= one.stamps and _says(said, one) for one in self.cases if not one.pdf)


def accepted(known: Examination, *, pdf: bool) -> Said | None:
    """What it says, if a trunk would take it on the word of its signatures: none of them may be in doubt."""
    if known.report is None or known.faults or known.message is None:
        return None
    verdicts = [v for v in known.report.verdicts if not pdf or v is not known.report.envelope]
    if not verdicts or not all(verdict.passed for verdict in verdicts):
        return None
    return Said(
        message=known.message,
        signers=tuple(verdict.signer.fingerprint if verdict.signer else "" for verdict in verdicts),
        covered=tuple(verdict.covered for verdict in verdicts),
        claimed=tuple(verdict.claimed_time for verdict in verdicts),
    )


def _says(said: Said, case: Case) -> bool:
    """Hops are signed only where the whole document is: every trunk on the way adds one."""
    whole = b'URI=""' in case.original.octets
    return said == case.said if whole else _without_hops(said) == _without_hops(case.said)


def _without_hops(said: Said) -> Said:
    if isinstance(said.message, Document):
        return replace(said, message=replace(said.message, trace=()))
    return said


def _same_pdf(case: Case, octets: bytes) -> bool:
    """The file as one of its signers left it, but for the hole that the last signature leaves for itself."""
    before, after = _file(case.original), _file(Original.of("", octets))
    return any(
        len(after) == end and after[:hole] == before[:hole] and after[behind:] == before[behind:end]
        for end, hole, behind in revisions(before)
    )


def _file(original: Original) -> bytes:
    (span,) = original.named("ContentTransferEncoded")
    return b64decode(original.octets[span.inner : span.close])


def _stamps(known: Examination) -> frozenset[bytes]:
    evidence = () if known.report is None else known.report.evidence
    return frozenset(told(one.octets) for one in evidence if one.octets and one.kind is EvidenceKind.TIMESTAMP)


def _why(known: Examination, *, pdf: bool) -> Sequence[str]:
    """The first is what the sender would read first; of a letter that is unsigned anyhow, what its file lacks."""
    found = codes(known)
    return [code for code in found if code != "SIG-001"] if pdf else found


def resident() -> int:
    """Octets of this process in memory now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE


class _listening(logging.Handler):  # noqa: N801 - reads as a word in ``with``
    """Counts what was refused by the last net: an exception that no rule foresaw."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(level=logging.WARNING)
        self._tally = tally
        self._logger = logging.getLogger("signing")

    def emit(self, record: logging.LogRecord) -> None:
        self._tally.not_understood[record.getMessage()] += 1

    def __enter__(self) -> None:
        self._logger.addHandler(self)
        self._was, self._logger.propagate = self._logger.propagate, False

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._was


@cache
def _bench(vectors: Path) -> Bench:
    return Bench(vectors)


def run_in_process(vectors: Path, seed: int, first: int, count: int) -> Tally:
    """A slice, in a process of a pool; one that hangs ends with its stack on standard error."""
    faulthandler.dump_traceback_later(_HUNG_SECONDS, exit=True, file=sys.stderr)
    try:
        return _bench(vectors).run(seed, range(first, first + count))
    finally:
        faulthandler.cancel_dump_traceback_later()
