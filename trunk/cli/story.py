"""A message's story as a clerk reads it: one table, a part for each recipient, newest state on top of each part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from trunk.cli.output import age, cell, clean, clock
from trunk.cli.shapes import is_overdue, since
from trunk.cli.words import (
    ACKNOWLEDGEMENT,
    ANSWERED,
    ASKED,
    BUSINESS,
    DIRECTION,
    EVENT,
    EXPECTED,
    KIND,
    LINK,
    MARKED,
    OVERDUE,
    PROGRESS,
    RELATION,
    STANDING,
    STATE,
    STATE_STYLE,
    STATUS,
    URGENCY,
    Language,
)
from trunk.domain.change_request import ChangeRequest, RequestState
from trunk.domain.delivery import DeliveryEvent, DeliveryState
from trunk.domain.entry import EnvelopeKind, EnvelopeRecord
from trunk.domain.hub_link import HubLink
from trunk.domain.relation import RelatedDocument
from trunk.domain.tracking import (
    AcknowledgementRecord,
    DeliveryTrack,
    EnvelopeTrack,
    JournalEvent,
    Noted,
    Progress,
    StatusReport,
)

if TYPE_CHECKING:
    from trunk.application.tracking import Tracking

_ALERT = "bold white on red"
_URGENT = "bold black on yellow"


#: Lines of the journal whose story the statuses and requests tell better.
_TOLD_OTHERWISE = frozenset({Noted.STATUS_REPORTED, Noted.RECALL_ASKED, Noted.UPDATE_ASKED})


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened."""

    at: datetime
    text: str
    style: str = ""


def tell(track: EnvelopeTrack, *, tracking: Tracking, language: Language) -> Group:
    """The whole story, ready to print."""
    parts: list[Table | Text] = [_head(track, language)]
    if track.deliveries:
        parts.append(_recipients(track, tracking, language))
    of_sender = language.say("Bên gửi yêu cầu:", "The sender asks:")
    of_none = language.say("Trạng thái không khớp nơi nhận nào:", "Statuses that match no recipient:")
    for title, reports in ((of_sender, track.statuses), (of_none, track.unmatched)):
        if reports:
            parts.append(Text(title))
            parts += [
                Text(f"  {clock(r.at)}  {_way(r, language)}  {_status(r, language).text}   {r.envelope_id}")
                for r in reports
            ]
    return Group(*parts)


def _way(report: StatusReport, language: Language) -> str:
    """Who tells whom; a recall that names its own sender is from everybody."""
    everybody = language.say("mọi nơi nhận", "all recipients")
    told = everybody if report.addressee == report.reporter else report.addressee
    return clean(f"{report.reporter} → {told}" if told else report.reporter)


def badges(envelope: EnvelopeRecord, *, overdue: bool, language: Language) -> Text:
    """Urgent, overdue, for reference only: what must be seen at once."""
    made = Text()
    if envelope.urgency:
        words = URGENCY.get(envelope.urgency)
        made.append(f" {language.of(words) if words else envelope.urgency} ", style=_URGENT).append(" ")
    if overdue:
        made.append(f" {language.of(OVERDUE)} ", style=_ALERT).append(" ")
    if envelope.marked:
        made.append(f" {language.of(MARKED)} ", style=_ALERT)
    made.rstrip()
    return made


def _head(track: EnvelopeTrack, language: Language) -> Table:
    envelope = track.envelope
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    what = envelope.document_code or envelope.document_id
    grid.add_row(_kind(envelope, language), cell(what, "bold"))
    grid.add_row(language.say("Trích yếu", "Subject"), cell(envelope.subject))
    grid.add_row(language.say("Mã định danh", "Document id"), cell(envelope.document_id))
    grid.add_row(language.say("Bên gửi", "Sender"), cell(envelope.sender))
    grid.add_row(language.say("Tiếp nhận", "Accepted"), f"{clock(envelope.accepted_at)}   {envelope.id}")
    if envelope.due_date:
        grid.add_row(language.say("Hạn trả lời", "Answer due"), cell(envelope.due_date))
    grid.add_row(language.say("Tình trạng", "Summary"), Text(_summary(track, language), style="bold"))
    acknowledged = [a for a in track.acknowledgements if not a.envelope.about_delivery]
    if acknowledged:
        grid.add_row(
            language.say("Báo nhận", "Acknowledged"),
            "; ".join(f"{clock(line.at)} {line.text}" for line in (_acknowledged(a, language) for a in acknowledged)),
        )
    marks = badges(envelope, overdue=False, language=language)
    if marks.plain:
        grid.add_row("", marks)
    for one in track.related:
        grid.add_row(language.of(RELATION[one.kind, one.forward]), _related(one, language))
    for link in track.links:
        grid.add_row(language.say("Trục khác", "Other hub"), _link(link, language))
    return grid


def _related(one: RelatedDocument, language: Language) -> Text:
    """The other document: what it is called, here and by the document that speaks of it, and where its own story is."""
    spoken, unknown = one.spoken, language.say("không có trên trục", "not known here")
    called = one.document_code or one.document_id or spoken.document_code or spoken.document_id
    told = cell(called, "bold").append(f"   {one.envelope_id or unknown}", style="")
    named = spoken.document_id or ", ".join(filter(None, (spoken.organ_id, spoken.promulgation_date)))
    for more in dict.fromkeys((one.document_id, named if one.forward else "")):
        if more and more != called:
            told.append("\n").append_text(cell(more, "dim"))
    return told


def _link(link: HubLink, language: Language) -> str:
    words = f"{language.of(DIRECTION[link.direction])} {clean(link.hub)}: {clean(link.remote_id)}"
    why = f": {clean(link.reason)}" if link.reason else ""
    return f"{words} ({language.of(LINK[link.state])}{why})"


def _kind(envelope: EnvelopeRecord, language: Language) -> str:
    words = language.of(KIND[envelope.kind])
    if envelope.kind is EnvelopeKind.DOCUMENT and envelope.business in BUSINESS and envelope.business:
        return f"{words} ({language.of(BUSINESS[envelope.business])})"
    return words


def _recipients(track: EnvelopeTrack, tracking: Tracking, language: Language) -> Table:
    table = Table(box=box.ROUNDED, header_style="bold", expand=False)
    table.add_column(language.say("Nơi nhận", "Recipient"), overflow="fold", max_width=28, min_width=14)
    table.add_column(language.say("Lúc", "When"), no_wrap=True, width=16)
    table.add_column(language.say("Diễn biến", "What happened"), overflow="fold")
    for part in track.deliveries:
        for row in _part(part, track, tracking, language):
            table.add_row(*row)
        table.add_section()
    return table


def _part(
    part: DeliveryTrack, track: EnvelopeTrack, tracking: Tracking, language: Language
) -> Iterator[tuple[Text, Text, Text]]:
    """Rows of one recipient: a row for each event, so that times stay beside what happened when texts wrap."""
    delivery, began = part.delivery, since(part, track.envelope)
    state = Text(f"● {language.of(STATE[delivery.state])}", style=STATE_STYLE[delivery.state])
    state.append(f" ({age(tracking.now() - began, language)})", style="dim")
    if is_overdue(delivery, track.envelope, tracking=tracking):
        state.append("  ").append(f" {language.of(OVERDUE)} ", style=_ALERT)
    happened = [
        (Text(clock(began), style="bold"), state),
        *((Text(clock(line.at)), Text(line.text, style=line.style)) for line in _lines(part, track, language)),
        *((Text(), Text(line, style="dim")) for line in _small_print(part, language)),
    ]
    who = [cell(delivery.addressee, "bold"), cell(part.name)]
    who += [Text()] * (len(happened) - len(who))
    for name, (at, what) in zip(who, happened, strict=True):
        yield name, at, what


def _small_print(part: DeliveryTrack, language: Language) -> Iterator[str]:
    """When it was fetched, taken whole and settled; its ids, here and with other hubs."""
    times = (
        (language.say("tải", "fetched"), part.fetched_at),
        (language.say("lấy đủ", "taken whole"), part.taken_at),
        (language.say("tiếp nhận hoặc từ chối", "settled"), part.settled_at),
    )
    told = "; ".join(f"{what} {clock(at)}" for what, at in times if at is not None)
    if told:
        yield told
    if part.delivery.restored_at is not None and part.fetched_at is None:
        at = clock(part.delivery.restored_at)
        yield language.say(
            f"khôi phục {at} từ bản sao lưu: có thể đã được tải trước đó",
            f"restored {at} from a backup: it may have been fetched before",
        )
    yield f"id {part.delivery.id}"
    for link in part.links:
        yield _link(link, language)


def _summary(track: EnvelopeTrack, language: Language) -> str:
    """The least advanced of its deliveries, and what that leaves unsaid: recalled ones, requests without an answer."""
    said = [language.of(PROGRESS[track.progress])]
    recalled = sum(part.delivery.state is DeliveryState.RECALLED for part in track.deliveries)
    if recalled and track.progress is not Progress.RECALLED:
        said.append(language.say(f"không kể {recalled} nơi đã thu hồi", f"apart from {recalled} recalled"))
    waits = sum(request.state is RequestState.OPEN for part in track.deliveries for request in part.requests)
    if waits:
        said.append(language.say(f"{waits} yêu cầu chưa được trả lời", f"{waits} unanswered requests"))
    return "; ".join(said)


def _lines(part: DeliveryTrack, track: EnvelopeTrack, language: Language) -> list[Line]:
    """Journal, statuses, requests and acknowledgements of one recipient in the order of time."""
    own = [a for a in track.acknowledgements if a.envelope.about_delivery == part.delivery.id]
    lines = [
        *(_event(e, language) for e in part.timeline if e.event not in _TOLD_OTHERWISE),
        *(_status(s, language) for s in part.statuses),
        *(line for request in part.requests for line in _request(request, language)),
        *(_acknowledged(a, language) for a in own),
    ]
    return sorted(lines, key=lambda line: line.at)


def _event(event: JournalEvent, language: Language) -> Line:
    words = EVENT.get(event.event)
    text = language.of(words) if words else clean(event.event)
    if event.event == DeliveryEvent.REPLAY_ORDERED:
        text += f" ({clean(event.actor)})"
    return Line(event.at, text + (f": {clean(event.reason)}" if event.reason else ""))


def _status(status: StatusReport, language: Language) -> Line:
    words = STATUS.get(status.code)
    text = f"{status.code} {language.of(words) if words else ''}".strip()
    said = f": {clean(status.description)}" if status.description else ""
    standing = "" if status.standing in EXPECTED else f" ({language.of(STANDING[status.standing])})"
    return Line(status.at, f"◆ {language.say('Trạng thái', 'Status')} {text}{standing}{said}", "magenta")


def _request(request: ChangeRequest, language: Language) -> Iterator[Line]:
    """What was asked of the recipient, and its answer."""
    answer = language.of(ANSWERED[request.kind, request.state])
    why = f": {clean(request.reason)}" if request.reason else ""
    unanswered = request.answered_at is None
    now = f" ({answer})" if unanswered else ""
    waits = request.state is RequestState.OPEN
    asked = f"⚑ {language.of(ASKED[request.kind])}{now}{why}   {request.asked_by}"
    yield Line(request.asked_at, asked, "bold yellow" if waits else "yellow")
    if request.answered_at is not None:
        yield Line(request.answered_at, f"⚑ {answer}   {request.answered_by or ''}".rstrip(), "yellow")


def _acknowledged(record: AcknowledgementRecord, language: Language) -> Line:
    kind = record.envelope.acknowledges
    words = language.of(ACKNOWLEDGEMENT[kind]) if kind else ""
    return Line(record.envelope.accepted_at, f"✉ {language.say('Báo bên gửi', 'Sender told')}: {words}", "blue")
