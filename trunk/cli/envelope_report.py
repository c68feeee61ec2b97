"""Faults and verdicts as people read them (one language) and as programs do (both)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from envelopes.model import Document
from signing.verdict import Indication, Place, Verdict
from trunk.cli.looking import Looked
from trunk.cli.output import cell, clean, clock
from trunk.cli.report_view import INDICATION, with_words
from trunk.cli.words import STATUS, Language
from trunk.domain.outcome import Flaw
from trunk.domain.rejection import CATALOGUE, Code


def report(looked: Looked, *, require_signature: bool, language: Language) -> Group:
    """One file: refused or not, every fault with its remedy, the signatures, and what is odd."""
    flaws = looked.refused(require_signature=require_signature)
    head = Text("✗ " if flaws else "✓ ", style="bold red" if flaws else "bold green").append_text(cell(looked.name))
    head.append(f": {_headline(flaws, looked, language)}")
    said = [_signature(looked, verdict, language) for verdict in _verdicts(looked)]
    shown: list[RenderableType] = [
        *said,
        *(flaw_view(flaw, "red", language) for flaw in flaws),
        *(flaw_view(flaw, "yellow", language, mark="⚠ ") for flaw in (*looked.doubts, *looked.warnings)),
    ]
    return Group(head, *(Padding(part, (0, 0, 0, 2), expand=False) for part in shown))


def describe_signature(looked: Looked, verdict: Verdict, language: Language) -> str:
    """A sentence on the signature."""
    if not verdict.signed:
        absent = CATALOGUE[Code(verdict.findings[0].code.value)]
        return language.of(absent.title)
    where = "" if verdict.place is Place.ENVELOPE else language.say("Trong tệp: ", "inside a file: ")
    if verdict.indication is not Indication.TOTAL_PASSED:
        return f"{where}{verdict.indication}: {language.of(INDICATION[verdict.indication])}"
    signer = verdict.signer
    uid = signer.shown_uid if signer else ""
    said = language.say("Chữ ký toàn vẹn", "the signature is intact")
    trusted = (
        language.say("chuỗi chứng thư tin cậy", "the chain is trusted")
        if looked.trust_judged
        else language.say("CHƯA xét độ tin cậy (thiếu --trust)", "trust NOT judged (no --trust)")
    )
    return f"{where}{said}; {trusted}; {verdict.algorithm}; {uid} {clock(verdict.signing_time)}"


def looked_json(looked: Looked, *, require_signature: bool) -> dict[str, Any]:
    """One file of ``trunk envelope check --json``: a stable interface."""
    flaws = looked.refused(require_signature=require_signature)
    return {
        "file": looked.name,
        "refused": bool(flaws),
        "size": looked.size,
        "sha256": looked.sha256,
        "kind": _kind(looked),
        "faults": [flaw_json(flaw) for flaw in flaws],
        "warnings": [flaw_json(flaw) for flaw in (*looked.doubts, *looked.warnings)],
        "trust_judged": looked.trust_judged,
        "signatures": with_words(report_data(looked)) if looked.report else None,
    }


def report_data(looked: Looked) -> dict[str, Any]:
    """The report's data; a file by itself has no envelope."""
    data = looked.report.as_data() if looked.report else {}
    return {**data, "envelope": None, "indication": looked.indication.value} if looked.alone else data


def flaw_json(flaw: Flaw) -> dict[str, Any]:
    entry = CATALOGUE[flaw.code]
    return {
        "code": flaw.code.value,
        "line": flaw.line,
        "path": flaw.path,
        "expected": flaw.expected,
        "got": flaw.got,
        "title": {"vi": entry.title.vi, "en": entry.title.en},
        "remedy": {"vi": entry.remedy.vi, "en": entry.remedy.en},
    }


def _kind(looked: Looked) -> str | None:
    if looked.alone:
        return "file"
    if looked.message is None:
        return None
    return "document" if isinstance(looked.message, Document) else "status"


def _verdicts(looked: Looked) -> Iterator[Verdict]:
    """The header's, also of a signature that is not there; and those inside files."""
    if looked.report is not None:
        if not looked.alone:
            yield looked.report.envelope
        for attachment in looked.report.attachments:
            yield from attachment.verdicts


def _headline(flaws: Sequence[Flaw], looked: Looked, language: Language) -> str:
    if flaws:
        return language.say(f"bị từ chối, {len(flaws)} lỗi", f"refused, {len(flaws)} fault{'s' * (len(flaws) > 1)}")
    message = looked.message
    if looked.doubts:
        return language.say("CHƯA kết luận được về chữ ký", "a signature cannot be told yet")
    if looked.alone:
        return language.say("đọc được", "readable")
    if isinstance(message, Document):
        what = language.say("văn bản", "document")
        return f"{language.say('hợp lệ', 'valid')}, {what} {clean(str(message.code))}"
    words = STATUS.get(message.code) if message else None
    code = f"{message.code if message else ''} {language.of(words) if words else ''}".strip()
    return f"{language.say('hợp lệ', 'valid')}, {language.say('trạng thái', 'status')} {clean(code)}"


def _signature(looked: Looked, verdict: Verdict, language: Language) -> Text:
    style = "green" if verdict.passed and looked.trust_judged else "yellow" if verdict.passed else "dim"
    return Text(describe_signature(looked, verdict, language), style=style)


def flaw_view(flaw: Flaw, style: str, language: Language, *, mark: str = "") -> Table:
    """One fault: title, where, what is there, what to do."""
    entry = CATALOGUE[flaw.code]
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style=style)
    grid.add_column(overflow="fold")
    where = language.say(f" (dòng {flaw.line})", f" (line {flaw.line})") if flaw.line else ""
    grid.add_row(f"{mark}{flaw.code.value}", Text(f"{language.of(entry.title)}{where}", style="bold"))
    for label, text in _details(flaw, language):
        grid.add_row("", Text(f"{label} ", style="dim").append_text(cell(text)))
    grid.add_row("", Text(f"→ {language.of(entry.remedy)}"))
    return grid


def _details(flaw: Flaw, language: Language) -> Iterator[tuple[str, str]]:
    if flaw.path:
        yield language.say("tại", "at"), flaw.path
    if flaw.expected:
        yield language.say("cần", "expected"), flaw.expected
    if flaw.got:
        yield language.say("gặp", "got"), flaw.got
