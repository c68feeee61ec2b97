"""Measures what verifying a signed envelope costs, beside SHA-256 and base64 over the same octets, and in memory.

By reference to each part and to the whole document, from 25 KB to 20 MB on the wire; the largest also with its base64
in lines of 76, as much of real mail has it. A verification is everything from octets to verdict: parsing, schema,
signature (RSA-2048), certificates (path remembered, as in a running trunk). Memory is the peak of a fresh process
above what it held before it opened the file, the file's own octets included.
"""

from __future__ import annotations

import hashlib
import mmap
import multiprocessing
import os
import re
import statistics
import sys
import tempfile
import time
from base64 import encodebytes
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pybase64
from rich.console import Console
from rich.table import Table

from envelopes.model import Attachment, Document, DocumentCode, Organization
from envelopes.schema import ValidXml, validate
from envelopes.skeleton import Octets, ParsedXml, parse
from envelopes.writer import write_document
from scripts import floor
from scripts.make_test_pki import Pki, make_pki
from signing.signer import Manner, sign
from signing.trust import TrustStore
from signing.verifier import Verifier

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SIZES = {"25 KB": 25_000, "200 KB": 200_000, "2 MB": 2_000_000, "20 MB": 20_000_000}
LARGEST = "20 MB"
ENDS = {"one line": b"", "76, LF": b"\n", "76, CRLF": b"\r\n", "76, &#13; LF": b"&#13;\n"}
_TEXT = re.compile(rb"ContentTransferEncoded[^>]*>([^<]{64,})")
_MARKUP_OCTETS = 7_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One size and way of signing."""

    size: str
    profile: str
    lines: str  #: how the base64 is broken
    octets: int
    times: list[float]  #: CPU milliseconds of each verification
    ratio: float  #: to SHA-256 plus base64
    to_floor: float  #: to the floor (``scripts.floor``)
    memory_bytes: float  #: peak growth over octets on the wire, read into memory
    memory_mapped: float  #: the same, as a mapped file

    @property
    def worst_memory(self) -> float:
        return max(self.memory_bytes, self.memory_mapped)


def main() -> int:
    """Measure and print."""
    show(measure())
    return 0


def measure(*, rounds: int = 7) -> list[Figure]:
    """All figures, each the median of at least five ``rounds``."""
    figures = []
    with tempfile.TemporaryDirectory(prefix="edoc-bench-") as name:
        folder = Path(name)
        pki = make_pki(at=AT)
        pki.write(folder)
        verifier = Verifier(TrustStore.from_folder(folder / "trust"))
        (folder / "small.edxml").write_bytes(_signed(_letter(SIZES["25 KB"], b""), pki, whole=False))
        for size, octets in SIZES.items():
            for lines, end in ENDS.items() if size == LARGEST else [("one line", b"")]:
                letter = _letter(octets, end)
                for profile, whole in (("parts", False), ("whole", True)):
                    envelope = _signed(letter, pki, whole=whole)
                    times, ratio, to_floor = _times(verifier, envelope, max(rounds, 5))
                    memory = [_peak_growth(envelope, folder, mapped=mapped) for mapped in (False, True)]
                    figures.append(
                        Figure(
                            size=size,
                            profile=profile,
                            lines=lines,
                            octets=len(envelope),
                            times=times,
                            ratio=ratio,
                            to_floor=to_floor,
                            memory_bytes=memory[0],
                            memory_mapped=memory[1],
                        )
                    )
    return figures


def as_data(figures: list[Figure]) -> Mapping[str, object]:
    """For ``BENCH_JSON``: what is promised of a size is the worst of its figures."""
    largest = [figure for figure in figures if figure.size == LARGEST]
    names = {size: size.replace(" ", "").removesuffix("B").lower() for size in SIZES}
    worst = {size: max(figure.to_floor for figure in figures if figure.size == size) for size in SIZES}
    return {
        **{f"signature_to_floor_{names[size]}": round(ratio, 2) for size, ratio in worst.items()},
        "signature_20m_to_sha256_base64": max(figure.ratio for figure in largest),
        "signature_20m_memory_ratio": max(figure.worst_memory for figure in largest),
        "all": [asdict(figure) for figure in figures],
    }


def _letter(octets: int, end: bytes) -> bytes:
    per_line = 57 * octets // (76 + len(end)) if end else octets * 3 // 4
    content = os.urandom(max(per_line - _MARKUP_OCTETS * 3 // 4, 1))
    document = Document(
        sender=Organization(organ_id="H41.01", name="Sở Thử nghiệm tỉnh Mẫu"),
        recipients=(Organization(organ_id="G12"),),
        document_id="H41.01,2026/11/22,1/STN-VP",
        code=DocumentCode(number="1", notation="STN-VP"),
        subject="V/v đo tốc độ",
        promulgation_date=date(2026, 11, 22),
        promulgation_place="Mẫu",
        attachments=(Attachment(content_id="1", name="cong-van.pdf", content_type="application/pdf"),),
    )
    letter = write_document(document, {"1": content})
    if not end:
        return letter
    return letter.replace(pybase64.b64encode(content), encodebytes(content).replace(b"\n", end))


def _signed(letter: bytes, pki: Pki, *, whole: bool) -> bytes:
    who = pki["person"]
    octets = sign(letter, key=who.key, certificates=who.chain, at=AT, manner=Manner(whole=whole))
    if not isinstance(octets, bytes):
        raise SystemExit(f"not signed: {octets}")
    return octets


def _verify(verifier: Verifier, octets: Octets) -> None:
    parsed = parse(octets)
    valid = validate(parsed) if isinstance(parsed, ParsedXml) else parsed
    if not isinstance(valid, ValidXml) or not verifier.verify(valid, at=AT).passed:
        raise SystemExit("the envelope does not pass")


def _times(verifier: Verifier, envelope: bytes, rounds: int) -> tuple[list[float], float, float]:
    """Of the verification in CPU milliseconds, and its median over those of digest and base64 alone, and of the floor;
    measured in turns."""
    found = _TEXT.search(envelope)
    if found is None:
        raise SystemExit("the envelope has no attachment")
    text = found.group(1).replace(b"&#13;", b"")

    def bare() -> None:
        hashlib.sha256(envelope).digest()
        pybase64.b64decode(text)

    rounds *= 1 if len(envelope) > 1_000_000 else 20
    _verify(verifier, envelope)
    works = (lambda: _verify(verifier, envelope), bare, floor.bare(envelope))
    turns = [[_milliseconds(work) for work in works] for _ in range(rounds)]
    times, digests, floors = zip(*turns, strict=True)
    middle = statistics.median(times)
    return list(times), middle / statistics.median(digests), middle / statistics.median(floors)


def _milliseconds(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


def _peak_growth(envelope: bytes, folder: Path, *, mapped: bool) -> float:
    """In a process of its own: its peak above what it held before, over the octets of the file."""
    file = folder / "envelope.edxml"
    file.write_bytes(envelope)
    small = folder / "small.edxml"
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as child:
        return child.submit(_grow, file, small, folder / "trust", mapped).result() / len(envelope)


def _grow(file: Path, small: Path, trust: Path, mapped: bool) -> int:  # noqa: FBT001 - travels between processes
    verifier = Verifier(TrustStore.from_folder(trust))
    _verify(verifier, small.read_bytes())  # what is made once is made
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew
    before = _resident("VmRSS")
    with _opened(file, mapped=mapped) as octets:
        _verify(verifier, octets)
        return _resident("VmHWM") - before


@contextmanager
def _opened(file: Path, *, mapped: bool) -> Iterator[Octets]:
    if not mapped:
        yield file.read_bytes()
        return
    with file.open("rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as octets:
        yield octets


def _resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def show(figures: list[Figure]) -> None:
    table = Table(title="verifying a signed envelope, from octets to verdict")
    for heading in (
        "size",
        "signed",
        "base64 in",
        "CPU ms (min - max)",
        "n",
        ": SHA-256 + base64",
        ": floor",
        "memory : octets, mapped",
    ):
        table.add_column(heading)
    for f in figures:
        spread = f"{statistics.median(f.times):.2f} ({min(f.times):.2f} - {max(f.times):.2f})"
        memory = f"{f.memory_bytes:.2f}, {f.memory_mapped:.2f}"
        table.add_row(
            f.size, f.profile, f.lines, spread, str(len(f.times)), f"{f.ratio:.2f}", f"{f.to_floor:.2f}", memory
        )
    Console(highlight=False, width=132).print(table)


if __name__ == "__main__":
    sys.exit(main())
