"""A report on signatures as people read it and as programs do, drawn from its data (``signing.report``).

One renderer for a file on disk (``trunk verify``) and for what the ledger keeps (``trunk signatures``).
Law: what is not known is shown as not known; green is for what passed and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from signing.errors import SigningCode
from signing.evidence import RevocationState
from signing.verdict import Indication, Role, TimeSource
from trunk.cli.output import age, cell, clean, clock
from trunk.cli.words import Language, covered, later, reason
from trunk.domain.rejection import CATALOGUE, Code, Refusal
from trunk.domain.rejection import Text as Words

Data = Mapping[str, Any]
Catalogue = Mapping[Code, Refusal]
Row = tuple[str, str, str]  #: label, value, style

_NO_SIGNATURE: Final = frozenset({SigningCode.UNSIGNED.value, SigningCode.PLACEHOLDER.value})
_JUST_NOW: Final = timedelta(minutes=1)
_SHORT: Final = 16  #: letters of a fingerprint that people compare

STYLE: Final[Mapping[Indication, str]] = MappingProxyType(
    {Indication.TOTAL_PASSED: "green", Indication.INDETERMINATE: "yellow", Indication.TOTAL_FAILED: "red"}
)
_MARK: Final[Mapping[Indication, str]] = MappingProxyType(
    {Indication.TOTAL_PASSED: "✓", Indication.INDETERMINATE: "?", Indication.TOTAL_FAILED: "✗"}
)
INDICATION: Final[Mapping[Indication, Words]] = MappingProxyType(
    {
        Indication.TOTAL_PASSED: Words(vi="hợp lệ", en="valid"),
        Indication.INDETERMINATE: Words(vi="CHƯA kết luận được", en="cannot be told"),
        Indication.TOTAL_FAILED: Words(vi="KHÔNG hợp lệ", en="NOT valid"),
    }
)
ROLE: Final[Mapping[Role, Words]] = MappingProxyType(
    {
        Role.PERSON: Words(vi="cá nhân", en="person"),
        Role.ORGANISATION: Words(vi="cơ quan, tổ chức", en="organisation"),
        Role.UNKNOWN: Words(vi="chưa rõ cá nhân hay tổ chức", en="person or organisation: not known"),
    }
)
TIME_SOURCE: Final[Mapping[TimeSource, Words]] = MappingProxyType(
    {
        TimeSource.TIMESTAMP: Words(vi="dấu thời gian tin cậy", en="trusted timestamp"),
        TimeSource.CLAIMED: Words(vi="do người ký khai", en="claimed by the signer"),
        TimeSource.ACCEPTANCE: Words(vi="không có thời điểm ký tin được", en="no signing time that can be believed"),
    }
)
REVOCATION: Final[Mapping[RevocationState, Words]] = MappingProxyType(
    {
        RevocationState.GOOD: Words(vi="chưa bị thu hồi", en="not revoked"),
        RevocationState.REVOKED: Words(vi="ĐÃ BỊ THU HỒI", en="REVOKED"),
        RevocationState.UNKNOWN: Words(vi="CHƯA RÕ có bị thu hồi không", en="revocation NOT KNOWN"),
        RevocationState.NOT_CHECKED: Words(vi="KHÔNG kiểm tra thu hồi", en="revocation NOT CHECKED"),
    }
)
_REVOCATION_STYLE: Final[Mapping[RevocationState, str]] = MappingProxyType(
    {RevocationState.GOOD: "green", RevocationState.REVOKED: "red"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Eyes:
    """Who reads it, and as of when."""

    language: Language
    at: datetime
    catalogue: Catalogue


def report_view(data: Data, language: Language, *, catalogue: Catalogue = CATALOGUE) -> Group:
    """``data`` (``Report.as_data``) for people: every signature with whatever is wrong with it, and what to do."""
    eyes = _Eyes(language=language, at=datetime.fromisoformat(data["at"]), catalogue=catalogue)
    parts: list[RenderableType] = []
    if data["envelope"] is not None:
        where = language.say("Chữ ký của gói tin", "Signature of the message")
        parts.append(_signature(where, data["envelope"], eyes))
    for attachment in data["attachments"]:
        parts += _attachment(attachment, eyes)
    return Group(*parts)


def headline(data: Data, language: Language) -> Text:
    """The whole report in one line."""
    found = _signatures(data)
    if not found:
        return Text(f"? {language.say('không có chữ ký số', 'no digital signature')}", style="bold yellow")
    worst = Indication(data["indication"])
    count = language.say(f"{len(found)} chữ ký", f"{len(found)} signature{'s' * (len(found) > 1)}")
    text = f"{_MARK[worst]} {worst.value}: {language.of(INDICATION[worst])} ({count})"
    return Text(text, style=f"bold {STYLE[worst]}")


def with_words(data: Data, *, catalogue: Catalogue = CATALOGUE) -> dict[str, Any]:
    """``data`` for programs: each finding with its title and remedy in both languages."""
    return {
        **data,
        "envelope": None if data["envelope"] is None else _worded(data["envelope"], catalogue),
        "attachments": [
            {**attachment, "signatures": [_worded(signature, catalogue) for signature in attachment["signatures"]]}
            for attachment in data["attachments"]
        ],
    }


def is_signature(signature: Data) -> bool:
    """Whether there is a real signature at all, good or bad."""
    return not any(finding["code"] in _NO_SIGNATURE for finding in signature["findings"])


def _signatures(data: Data) -> list[Data]:
    inside = [signature for attachment in data["attachments"] for signature in attachment["signatures"]]
    envelope = [] if data["envelope"] is None else [data["envelope"]]
    return [signature for signature in (*envelope, *inside) if is_signature(signature)]


def _attachment(attachment: Data, eyes: _Eyes) -> Iterator[RenderableType]:
    language, name = eyes.language, clean(attachment["content_id"], limit=60)
    where = language.say(f"Tệp {name}", f"Attachment {name}") if name else language.say("Tệp PDF", "File")
    if attachment["main"]:
        where += language.say(" (văn bản chính)", " (main document)")
    if not attachment["signatures"]:
        kind = attachment["file"].upper()
        said = language.say("không có chữ ký bên trong", "no signature inside")
        if not kind:
            said = language.say("loại tệp không được xem bên trong", "a kind of file that is not looked into")
        yield Text(f"· {where}: {said}", style="dim")
    for signature in attachment["signatures"]:
        order = signature["order"]
        of = f"{where[0].lower()}{where[1:]}"
        yield _signature(language.say(f"Chữ ký thứ {order} của {of}", f"{where}, signature {order}"), signature, eyes)


def _signature(where: str, signature: Data, eyes: _Eyes) -> Group:
    """One signature: what it is, then what is wrong with it."""
    language = eyes.language
    if not is_signature(signature):
        head = Text(f"· {where}: {language.say('không có', 'none')}", style="yellow")
        return Group(head, *_findings(signature["findings"], "yellow", eyes))
    indication = Indication(signature["indication"])
    style = STYLE[indication]
    head = Text(f"{_MARK[indication]} {where}: {language.of(INDICATION[indication])}", style=f"bold {style}")
    if signature["sub_indication"]:
        head.append(f" ({signature['sub_indication']})", style=style)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value, tone in _rows(signature, eyes):
        grid.add_row(label, cell(value, tone))
    return Group(head, Padding(grid, (0, 0, 0, 2), expand=False), *_findings(signature["findings"], style, eyes))


def _rows(signature: Data, eyes: _Eyes) -> Iterator[Row]:
    language = eyes.language
    if signature["signer"] is not None:
        yield from _signer(signature["signer"], language)
    if signature["profile"] or signature["algorithm"]:
        form = " · ".join(filter(None, (signature["profile"], signature["algorithm"], signature["digest_algorithm"])))
        yield language.say("Dạng", "Form"), form, ""
    yield from _times(signature, language)
    if signature["covered"]:
        yield language.say("Phần được ký", "Covers"), _listed(signature["covered"], covered, language), ""
    if signature["later_changes"]:
        changes = _listed(signature["later_changes"], later, language)
        yield language.say("Thêm sau khi ký", "Added later"), changes, ""
    yield from _chain(signature["chain"], language)
    label = language.say("Thu hồi", "Revocation")
    for whose, note in _whose(signature, language):
        yield _revocation(label, whose, note, eyes)
        label = ""
    if signature["signer"] is not None and not signature["revocation"]:
        nobody = language.say("Chưa kiểm tra thu hồi", "nobody was asked")
        yield language.say("Thu hồi", "Revocation"), nobody, "yellow"


def _signer(signer: Data, language: Language) -> Iterator[Row]:
    domain = language.say(f"miền tin cậy {signer['domain']}", f"trust domain {signer['domain']}")
    who = (language.of(ROLE[Role(signer["role"])]), signer["subject_uid"], domain if signer["domain"] else "")
    yield language.say("Người ký", "Signer"), " · ".join(filter(None, who)), ""
    span = f"{_clock(signer['not_before'])} – {_clock(signer['not_after'])}"
    yield language.say("Chứng thư", "Certificate"), f"{signer['fingerprint'][:_SHORT]}… · {span}", ""


def _times(signature: Data, language: Language) -> Iterator[Row]:
    source = TimeSource(signature["signing_time_source"])
    said = f"{_clock(signature['signing_time'])} ({language.of(TIME_SOURCE[source])})"
    believed = source is not TimeSource.ACCEPTANCE
    label = (
        language.say("Thời điểm ký", "Signed at") if believed else language.say("Xét theo thời điểm", "Judged as of")
    )
    yield label, said, ""
    claimed = signature["claimed_time"]
    if claimed is not None and source is not TimeSource.CLAIMED:
        yield language.say("Người ký khai", "Claimed"), _clock(claimed), "dim"
    stamp = signature["timestamp"]
    if stamp is not None:
        made = " · ".join(filter(None, (f"{stamp['authority'][:_SHORT]}…", stamp["domain"])))
        yield language.say("Dấu thời gian", "Timestamp"), f"{_clock(stamp['at'])} ({made})", ""


def _chain(chain: Sequence[Data], language: Language) -> Iterator[Row]:
    """Upwards from the signer: each line names who vouches for the one above it."""
    for step, link in enumerate(chain[:-1]):
        label = language.say("Đơn vị cấp", "Issued by") if step == 0 else ""
        above = chain[step + 1]
        root = language.say(" · gốc tin cậy", " · trusted root") if step + 2 == len(chain) else ""
        yield label, f"{link['issuer']} ({above['fingerprint'][:_SHORT]}…){root}", ""


def _listed(told: Sequence[str], word: Callable[[str, Language], str], language: Language) -> str:
    return ", ".join(word(one, language) for one in told)


def _whose(signature: Data, language: Language) -> Iterator[tuple[str, Data]]:
    """Each note once: the signer's path comes first, then that of the timestamp."""
    places = {link["fingerprint"]: place for place, link in enumerate(signature["chain"])}
    shown: list[Data] = []
    signers, stamps = set[str](), dict[str, int]()
    for note in signature["revocation"]:
        certificate = note["certificate"]
        if not stamps and certificate in places and certificate not in signers:
            signers.add(certificate)
            place = places[certificate]
            said = (
                language.say(f"CA cấp trên {place}", f"issuer {place}") if place else language.say("người ký", "signer")
            )
        else:
            place = stamps.setdefault(certificate, len(stamps))
            said = language.say("bên cấp dấu thời gian", "timestamp authority")
            if place:
                said = language.say(f"CA cấp trên {place} của {said}", f"issuer {place} of the {said}")
        if note not in shown:
            yield said, note
        shown.append(note)


def _revocation(label: str, whose: str, note: Data, eyes: _Eyes) -> Row:
    """State, by whose word, and how old that word is."""
    language, state = eyes.language, RevocationState(note["state"])
    parts = [f"{whose}: {language.of(REVOCATION[state])}"]
    if note["revoked_at"] is not None:
        parts.append(" ".join(filter(None, (_clock(note["revoked_at"]), reason(note["reason"], language)))))
    if note["source"]:
        parts.append(f"{note['source'].upper()} {note['origin']}".rstrip())
    if note["produced_at"] is not None:
        parts.append(_made(datetime.fromisoformat(note["produced_at"]), eyes))
    return label, " · ".join(parts), _REVOCATION_STYLE.get(state, "yellow")


def _made(produced: datetime, eyes: _Eyes) -> str:
    """How old it was when the signature was judged, which may be long ago."""
    language, since, made = eyes.language, eyes.at - produced, clock(produced)
    old = age(since, language)
    before = "ngay trước" if since < _JUST_NOW else f"{old} trước"
    return language.say(f"lập lúc {made}, {before} thời điểm xét", f"made {made}, age {old}")


def _findings(findings: Sequence[Data], style: str, eyes: _Eyes) -> Iterator[RenderableType]:
    language = eyes.language
    for finding in findings:
        entry = eyes.catalogue[Code(finding["code"])]
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True, style=style)
        grid.add_column(overflow="fold")
        grid.add_row(entry.code.value, Text(language.of(entry.title), style="bold"))
        for label, text in (
            (language.say("tại", "at"), finding["path"]),
            (language.say("cần", "expected"), finding["expected"]),
            (language.say("gặp", "got"), finding["got"]),
        ):
            if text:
                grid.add_row("", Text(f"{label} ", style="dim").append_text(cell(text)))
        grid.add_row("", Text(f"→ {language.of(entry.remedy)}"))
        yield Padding(grid, (0, 0, 0, 2), expand=False)


def _worded(signature: Data, catalogue: Catalogue) -> dict[str, Any]:
    return {**signature, "findings": [_worded_finding(finding, catalogue) for finding in signature["findings"]]}


def _worded_finding(finding: Data, catalogue: Catalogue) -> dict[str, Any]:
    entry = catalogue[Code(finding["code"])]
    return {
        **finding,
        "title": {"vi": entry.title.vi, "en": entry.title.en},
        "remedy": {"vi": entry.remedy.vi, "en": entry.remedy.en},
    }


def _clock(at: str) -> str:
    return clock(datetime.fromisoformat(at))
