"""What an agency's system does with its mail: list it, fetch it, say done or fail; the native hand-over in VXP's words.

``docId`` of received mail is the delivery's id: safe as a file name, and the same at every repetition.
"""

from __future__ import annotations

from typing import Any, Final

import structlog
from aiohttp import web

from trunk.application.handover import Content, Handover, Offered, Word
from trunk.domain.agency import Caller
from trunk.domain.delivery import DeliveryId, DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.tracking import InboxItem, InboxSelection
from trunk.http.content import Octets, send
from trunk.http.description import XML
from trunk.http.facades import AWAITED, AWAITED_AGAIN, DOCUMENTS, OFFERED, STATUSES, Span, document_id, spell_moment
from trunk.http.problems import RefusedError, insist
from trunk.http.vxp import hubs
from trunk.http.vxp.content import send_encoded
from trunk.http.vxp.doors import Turn
from trunk.http.vxp.parameters import days_asked, kinds_asked
from trunk.http.vxp.replies import success

log = structlog.get_logger()

DONE, FAIL, PROCESSING = "done", "fail", "processing"
_MAX_REASON: Final = 1000


async def list_received(turn: Turn) -> web.StreamResponse:
    """getReceivedEdocList: what waits, the most urgent first, then the oldest."""
    only, limit = _selection(turn, kinds_asked(turn), days_asked(turn)), turn.means.settings.list_items
    page = insist(await turn.ask(lambda: turn.doors.handover.inbox(turn.call.caller, limit=limit, only=only)))
    return success(data=[_item(item) | hubs.passed(turn, item.envelope) for item in page.items])


async def count_documents(turn: Turn) -> web.StreamResponse:
    """countReceiveEdoc."""
    return await _count(turn, EnvelopeKind.DOCUMENT)


async def count_statuses(turn: Turn) -> web.StreamResponse:
    """countReceiveStatus."""
    return await _count(turn, EnvelopeKind.STATUS)


async def fetch(turn: Turn) -> web.StreamResponse:
    """getEdoc: the file as base64, repeatable, also after ``done``."""
    content = await _content(turn)
    return await send_encoded(
        turn.call.request,
        _octets(content),
        doc_id=content.delivery.id,
        timeout_seconds=turn.doors.settings.body_timeout_seconds,
    )


async def download(turn: Turn) -> web.StreamResponse:
    """downloadEdoc: the file as it is. Its client takes any body for the file: only a whole one goes out with 200."""
    content = await _content(turn)
    headers = {"Content-Type": XML, "Content-Disposition": f'attachment; filename="{content.delivery.id}.edxml"'}
    timeout = turn.doors.settings.body_timeout_seconds
    return await send(turn.call.request, _octets(content), headers=headers, timeout_seconds=timeout)


async def update(turn: Turn) -> web.StreamResponse:
    """updateStatus: ``done`` ends the trunk's care, ``fail`` puts it off, ``processing`` is heard and moves nothing.

    Of another hub: ``processing`` takes it off our list, for that hub is responsible; its ``fail`` then gives it up.
    """
    said = insist(turn.signed.one("status")).lower()
    if said not in (DONE, FAIL, PROCESSING):
        raise RefusedError(refuse(Code.BAD_REQUEST, path="status", expected=f"{DONE}, {FAIL}, {PROCESSING}", got=said))
    sought = await _sought(turn)
    reason = insist(turn.signed.one("description"))
    state = insist(await turn.ask(lambda: _say(turn.doors.handover, turn.call.caller, sought, (said, reason))))
    if said != PROCESSING:
        turn.doors.wake_relay()
        turn.call.meters.confirmed(outcome="taken" if said == DONE else "failed")
    log.info("delivery_confirmed", delivery=sought, outcome=said, state=state)
    return success()


def _say(handover: Handover, caller: Caller, sought: DeliveryId, word: tuple[str, str]) -> DeliveryState | Rejected:
    """VXP has no digest: a system that says ``done`` is taken at its word for the envelope that it was offered."""
    offered = handover.look(caller, sought)
    if isinstance(offered, Rejected):
        return offered
    if word[0] == FAIL:
        said: Word | None = hubs.word_of_failure(caller, _reason(word[1]))
    else:
        said = hubs.word_of_success(caller, offered.envelope.sha256, done=word[0] == DONE)
    if said is None:
        return offered.delivery.state
    confirmed = handover.confirm(caller, sought, said)
    return confirmed if isinstance(confirmed, Rejected) else confirmed.delivery.state


def _reason(text: str) -> str:
    plain = text.encode(errors="replace").decode().replace("\x00", "")
    return plain[:_MAX_REASON] or "VXP: fail"


async def _sought(turn: Turn) -> DeliveryId:
    """The delivery that ``docId`` names.

    A client that wrote ``docId`` in one call and ``docid`` in another signs both from then on, and only one of them is
    meant. If exactly one of them still waits, it is that one; otherwise nobody can know, and nobody guesses.
    """
    named = turn.signed.values("docid")
    if not named:
        raise RefusedError(refuse(Code.BAD_REQUEST, path="docId", expected="a docId of getReceivedEdocList"))
    if len(named) > 1:
        waiting = await turn.ask(lambda: [text for text in named if _is_offered(turn, text)])
        if len(waiting) != 1:
            raise RefusedError(refuse(Code.BAD_REQUEST, path="docId", expected="one of them", got=", ".join(named)))
        named = waiting
    sought = document_id(named[0])
    if not sought:
        raise RefusedError(refuse(Code.NOT_FOUND, path="docId", got=named[0]))
    return DeliveryId(sought)


def _is_offered(turn: Turn, text: str) -> bool:
    found = turn.doors.handover.look(turn.call.caller, DeliveryId(document_id(text)))
    return isinstance(found, Offered) and found.delivery.state in OFFERED


async def _content(turn: Turn) -> Content:
    sought = await _sought(turn)
    return insist(await turn.ask(lambda: turn.doors.handover.fetch(turn.call.caller, sought)))


def _octets(content: Content) -> Octets:
    return Octets(source=content.octets, size=content.envelope.size, sha256=content.envelope.sha256)


async def _count(turn: Turn, kind: EnvelopeKind) -> web.StreamResponse:
    only = _selection(turn, frozenset({kind}), Span(None, None))
    return success(count=await turn.ask(lambda: turn.doors.handover.count(turn.call.caller, only)))


def _selection(turn: Turn, kinds: frozenset[EnvelopeKind], span: Span) -> InboxSelection:
    """The trunk's own acknowledgements have codes that deployed clients do not know; they are shown on demand."""
    if EnvelopeKind.STATUS in kinds and turn.means.settings.acknowledgements:
        kinds |= {EnvelopeKind.ACKNOWLEDGEMENT}
    return InboxSelection(kinds=kinds, states=OFFERED, accepted_after=span.start, accepted_before=span.end)


def _item(item: InboxItem) -> dict[str, Any]:
    envelope, at = item.envelope, spell_moment(item.envelope.accepted_at)
    replayed = item.delivery.replayed_at
    return {
        "docId": item.delivery.id,
        "serviceType": "eDoc",
        "messageType": DOCUMENTS if envelope.kind is EnvelopeKind.DOCUMENT else STATUSES,
        "created_time": at,
        "updated_time": at if replayed is None else spell_moment(replayed),
        "from": envelope.sender,
        "to": item.delivery.addressee,
        "status": "initial",
        "status_desc": AWAITED if replayed is None else AWAITED_AGAIN,
    }
