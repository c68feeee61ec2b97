"""A report on signatures as people read it and as programs do, drawn from its data (``signing.report``).

One renderer for a file on disk (``trunk verify``) and for what the ledger keeps (``trunk signatures``).
Law: what is not known is shown as not known; green is for what passed and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
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
from trunk.cli.words import Language
from trunk.domain.rejection import CATALOGUE, Code
from trunk.domain.rejection import Text as Words

Data = Mapping[str, Any]
Row = tuple[str, str, str]  #: label, value, style

_NO_SIGNATURE: Final = frozenset({SigningCode.UNSIGNED.value, SigningCode.PLACEHOLDER.value})
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
        TimeSource.ACCEPTANCE: Words(vi="lúc kiểm tra, vì không có giờ ký tin được", en="time of the check"),
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


def report_view(data: Data, language: Language) -> Group:
    """``data`` (``Report.as_data``) for people: every signature with whatever is wrong with it, and what to do."""
    at = datetime.fromisoformat(data["at"])
    parts: list[RenderableType] = []
    if data["envelope"] is not None:
        parts.append(
            _signature(language.say("Chữ ký của gói tin", "Signature of the message"), data["envelope"], at, language)
        )
    for attachment in data["attachments"]:
        parts += _attachment(attachment, at, language)
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


def with_words(data: Data) -> dict[str, Any]:
    """``data`` for programs: each finding with its title and remedy in both languages."""
    return {
        **data,
        "envelope": None if data["envelope"] is None else _worded(data["envelope"]),
        "attachments": [
            {**attachment, "signatures": [_worded(signature) for signature in attachment["signatures"]]}
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


def _attachment(attachment: Data, at: datetime, language: Language) -> Iterator[RenderableType]:
    name = clean(attachment["content_id"], limit=60)
    where = f"{language.say('Tệp', 'Attachment')} {name}".rstrip()
    if attachment["main"]:
        where += language.say(" (văn bản chính)", " (main document)")
    if not attachment["signatures"]:
        kind = attachment["file"].upper()
        said = language.say("không có chữ ký bên trong", "no signature inside")
        if not kind:
            said = language.say("loại tệp không được xem bên trong", "a kind of file that is not looked into")
        yield Text(f"· {where}: {said}", style="dim")
    for signature in attachment["signatures"]:
        order = language.say(f"chữ ký thứ {signature['order']}", f"signature {signature['order']}")
        yield _signature(f"{where}, {order}", signature, at, language)


def _signature(where: str, signature: Data, at: datetime, language: Language) -> Group:
    """One signature: what it is, then what is wrong with it."""
    if not is_signature(signature):
        head = Text(f"· {where}: {language.say('không có', 'none')}", style="yellow")
        return Group(head, *_findings(signature["findings"], "yellow", language))
    indication = Indication(signature["indication"])
    style = STYLE[indication]
    head = Text(f"{_MARK[indication]} {where}: {language.of(INDICATION[indication])}", style=f"bold {style}")
    if signature["sub_indication"]:
        head.append(f" ({signature['sub_indication']})", style=style)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value, tone in _rows(signature, at, language):
        grid.add_row(label, cell(value, tone))
    return Group(head, Padding(grid, (0, 0, 0, 2), expand=False), *_findings(signature["findings"], style, language))


def _rows(signature: Data, at: datetime, language: Language) -> Iterator[Row]:
    if signature["signer"] is not None:
        yield from _signer(signature["signer"], language)
    if signature["profile"] or signature["algorithm"]:
        form = " · ".join(filter(None, (signature["profile"], signature["algorithm"], signature["digest_algorithm"])))
        yield language.say("Dạng", "Form"), form, ""
    yield from _times(signature, language)
    if signature["covered"]:
        yield language.say("Phần được ký", "Covers"), ", ".join(signature["covered"]), ""
    if signature["later_changes"]:
        yield language.say("Thêm sau khi ký", "Added later"), ", ".join(signature["later_changes"]), ""
    yield from _chain(signature["chain"], language)
    for note in signature["revocation"]:
        yield _revocation(note, signature["chain"], at, language)
    if signature["signer"] is not None and not signature["revocation"]:
        nobody = language.say("KHÔNG hỏi ai về việc thu hồi", "nobody was asked")
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
    yield language.say("Giờ ký", "Signed at"), said, ""
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
        label = language.say("Do ai cấp", "Issued by") if step == 0 else ""
        above = chain[step + 1]
        root = language.say(" · gốc tin cậy", " · trusted root") if step + 2 == len(chain) else ""
        yield label, f"{link['issuer']} ({above['fingerprint'][:_SHORT]}…){root}", ""


def _revocation(note: Data, chain: Sequence[Data], at: datetime, language: Language) -> Row:
    """State, by whose word, and how old that word is."""
    state = RevocationState(note["state"])
    place = next((n for n, link in enumerate(chain) if link["fingerprint"] == note["certificate"]), None)
    of = _whose(place, language)
    parts = [f"{of}: {language.of(REVOCATION[state])}"]
    if note["revoked_at"] is not None:
        parts.append(" ".join(filter(None, (_clock(note["revoked_at"]), note["reason"]))))
    if note["source"]:
        parts.append(f"{note['source'].upper()} {note['origin']}".rstrip())
    if note["produced_at"] is not None:
        old = age(at - datetime.fromisoformat(note["produced_at"]), language)
        parts.append(
            language.say(
                f"lập lúc {_clock(note['produced_at'])}, tuổi {old}", f"made {_clock(note['produced_at'])}, age {old}"
            )
        )
    label = language.say("Thu hồi", "Revocation") if place == 0 else ""
    return label, " · ".join(parts), _REVOCATION_STYLE.get(state, "yellow")


def _whose(place: int | None, language: Language) -> str:
    if place is None:  # of a timestamp's path, not of the signer's
        return language.say("bên cấp dấu thời gian", "timestamp authority")
    return language.say("người ký", "signer") if place == 0 else language.say(f"bậc {place}", f"issuer {place}")


def _findings(findings: Sequence[Data], style: str, language: Language) -> Iterator[RenderableType]:
    for finding in findings:
        entry = CATALOGUE[Code(finding["code"])]
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


def _worded(signature: Data) -> dict[str, Any]:
    return {**signature, "findings": [_worded_finding(finding) for finding in signature["findings"]]}


def _worded_finding(finding: Data) -> dict[str, Any]:
    entry = CATALOGUE[Code(finding["code"])]
    return {
        **finding,
        "title": {"vi": entry.title.vi, "en": entry.title.en},
        "remedy": {"vi": entry.remedy.vi, "en": entry.remedy.en},
    }


def _clock(at: str) -> str:
    return clock(datetime.fromisoformat(at))
