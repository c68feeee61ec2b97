"""What an agency's system does with its mail: list it, fetch it, say done or fail; the hand-over in LGSP's words.

``docId`` of received mail is the delivery's id, the same at every repetition.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from trunk.application.handover import Content, Failed, Handover, Taken
from trunk.domain.agency import Caller
from trunk.domain.delivery import DeliveryId, DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.tracking import InboxCursor, InboxItem, InboxSelection
from trunk.http.content import Octets
from trunk.http.cursor import parse_cursor, spell_cursor
from trunk.http.facades import (
    AWAITED,
    AWAITED_AGAIN,
    DOCUMENTS,
    KINDS,
    OFFERED,
    STATUSES,
    Span,
    document_id,
    spell_moment,
)
from trunk.http.lgsp.content import open_mail, send_opened
from trunk.http.lgsp.doors import Turn
from trunk.http.lgsp.replies import OK, success
from trunk.http.parameters import bad, read_json
from trunk.http.problems import RefusedError, insist

log = structlog.get_logger()

DONE, FAIL, PROCESSING = "done", "fail", "processing"
HAD: Final = frozenset({"01", "02", "03", "04", "05", "06"})
"""Business statuses that deployed clients say here: whoever says one has the mail; no more than that is believed."""

_MAX_REASON: Final = 1000
_HEARD: Final = (
    "Đã ghi nhận là done. Bên gửi chỉ biết trạng thái {} khi nhận gói tin edXML qua sendEdoc (messageType=status)"
)


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True)

    doc_id: Annotated[str, Field(alias="docId")]
    status: str
    description: Annotated[str, StringConstraints(max_length=_MAX_REASON)] | None = None


_WORD: Final = TypeAdapter(_Word)


async def list_received(turn: Turn) -> web.StreamResponse:
    """syncReceivedEdocList: what waits, the most urgent first, then the oldest; from ``cursor`` on, if one is given."""
    kinds, after = KINDS.get(_said(turn, "messageType").lower()), _cursor(turn)
    if kinds is None:
        raise bad("messageType", expected=f"{DOCUMENTS} or {STATUSES}", got=_said(turn, "messageType"))
    days, limit = Span.of(_said(turn, "fromDate"), _said(turn, "toDate")), turn.means.settings.list_items
    only = InboxSelection(kinds=kinds, states=OFFERED, accepted_after=days.start, accepted_before=days.end)
    page = insist(
        await turn.ask(lambda: turn.doors.handover.inbox(turn.call.caller, after=after, limit=limit, only=only))
    )
    items = [_item(item) for item in page.items]
    return success(count=len(items), data=items, cursor=spell_cursor(page.next))


async def fetch(turn: Turn) -> web.StreamResponse:
    """getEdoc: the message and its files, repeatable, also after ``done``."""
    sought = _sought(_said(turn, "docId"))
    content = insist(await turn.ask(lambda: turn.doors.handover.fetch(turn.call.caller, sought)))
    envelope = content.envelope
    directory = await turn.ask(turn.doors.registry.directory)
    sender = directory.find(envelope.sender)
    fields = {
        "docId": content.delivery.id,
        "from": envelope.sender,
        "fromName": sender.name if sender is not None else "",
        "edocCode": envelope.document_code,
        "edocAbstract": envelope.subject or envelope.description,
        "sha256": envelope.sha256,
    }
    opened = await turn.ask(lambda: open_mail(_octets(content), with_files=envelope.kind is EnvelopeKind.DOCUMENT))
    timeout = turn.doors.settings.body_timeout_seconds
    return await send_opened(turn.call.request, opened, fields, timeout_seconds=timeout)


async def update(turn: Turn) -> web.StreamResponse:
    """updateStatus: ``done`` ends the trunk's care, ``fail`` puts it off, ``processing`` is heard and moves nothing."""
    word = read_json(turn.body, _WORD)
    said = word.status.strip().lower()
    if said not in HAD and said not in (DONE, FAIL, PROCESSING):
        raise bad("status", expected=f"{DONE}, {FAIL}, {PROCESSING}; others as edXML over sendEdoc", got=said)
    sought, meant = _sought(word.doc_id), DONE if said in HAD else said
    reason = _reason(word.description or "")
    state = insist(await turn.ask(lambda: _say(turn.doors.handover, turn.call.caller, sought, (meant, reason))))
    if meant != PROCESSING:
        turn.doors.wake_relay()
        turn.call.meters.confirmed(outcome="taken" if meant == DONE else "failed")
    log.info("delivery_confirmed", delivery=sought, outcome=said, state=state)
    return success(message=_HEARD.format(said) if said in HAD else OK)


def _say(handover: Handover, caller: Caller, sought: DeliveryId, word: tuple[str, str]) -> DeliveryState | Rejected:
    """LGSP has no digest: a system that says ``done`` is taken at its word for the envelope that it was offered."""
    offered = handover.look(caller, sought)
    if isinstance(offered, Rejected):
        return offered
    if word[0] == PROCESSING:
        return offered.delivery.state
    said = Taken(offered.envelope.sha256) if word[0] == DONE else Failed(word[1])
    confirmed = handover.confirm(caller, sought, said)
    return confirmed if isinstance(confirmed, Rejected) else confirmed.delivery.state


def _reason(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\x00", "") or "LGSP: fail"


def _said(turn: Turn, name: str) -> str:
    """A parameter of the query, once; others that clients send are not read."""
    values = turn.call.request.query.getall(name, [])
    if len(values) > 1:
        raise bad(name, expected="once", got=", ".join(values))
    return values[0].strip() if values else ""


def _cursor(turn: Turn) -> InboxCursor | None:
    text = _said(turn, "cursor")
    cursor = parse_cursor(text) if text else None
    if text and cursor is None:
        raise bad("cursor", expected="a cursor of ours", got=text)
    return cursor


def _sought(text: str) -> DeliveryId:
    if not text:
        raise bad("docId", expected="a docId of syncReceivedEdocList")
    sought = document_id(text)
    if not sought:
        raise RefusedError(refuse(Code.NOT_FOUND, path="docId", got=text))
    return DeliveryId(sought)


def _octets(content: Content) -> Octets:
    return Octets(source=content.octets, size=content.envelope.size, sha256=content.envelope.sha256)


def _item(item: InboxItem) -> dict[str, Any]:
    envelope, at = item.envelope, spell_moment(item.envelope.accepted_at)
    replayed = item.delivery.replayed_at
    return {
        "serviceType": "eDoc",
        "createdTime": at,
        "updatedTime": at if replayed is None else spell_moment(replayed),
        "messageType": DOCUMENTS if envelope.kind is EnvelopeKind.DOCUMENT else STATUSES,
        "docId": item.delivery.id,
        "from": envelope.sender,
        "to": item.delivery.addressee,
        "status": "initial",
        "statusDesc": AWAITED if replayed is None else AWAITED_AGAIN,
    }
