"""sendEdoc and getSentEdocList: an agency's outgoing mail and what became of it."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from envelopes.model import StatusCode
from trunk.application.handover import Offered
from trunk.application.submission import Submission
from trunk.application.tracking import Tracking
from trunk.domain.agency import Caller
from trunk.domain.change_request import ChangeRequest, RequestKind, RequestState
from trunk.domain.delivery import Delivery, DeliveryEvent, DeliveryId, DeliveryState, EnvelopeId
from trunk.domain.entry import EnvelopeKind, EnvelopeRecord
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.tracking import DeliveryTrack, EnvelopeTrack, Search
from trunk.http.facades import DOCUMENTS, STATUSES, Span, document_id, late, spell_moment
from trunk.http.problems import RefusedError, insist
from trunk.http.spool import Spooled
from trunk.http.submitting import spool, take_in
from trunk.http.vxp import hubs
from trunk.http.vxp.doors import Turn
from trunk.http.vxp.parameters import days_asked, kinds_asked
from trunk.http.vxp.replies import success
from trunk.http.vxp.signed import HASH_FILE, spelled_digests

_LINE_END: Final = b"\r\n"
_PIECE: Final = 1 << 20

# receiveStatus in the words that the receivers' own clients use, and what a person reads beside it.
_RECEIVED: Final[Mapping[DeliveryState, tuple[str, str]]] = MappingProxyType(
    {
        DeliveryState.QUEUED: ("initial", "Chờ bên nhận lấy về"),
        DeliveryState.DISPATCHED: ("initial", "Chờ bên nhận lấy về"),
        DeliveryState.DEFERRED: ("fail", "Bên nhận báo lỗi, sẽ giao lại"),
        DeliveryState.RELAYED: ("processing", "Trục khác đã nhận chuyển tiếp"),
        DeliveryState.DELIVERED: ("done", "Hệ thống bên nhận đã nhận"),
        DeliveryState.RECEIVED: ("done", "Bên nhận đã tiếp nhận"),
        DeliveryState.REFUSED: ("done", "Bên nhận từ chối tiếp nhận"),
        DeliveryState.EXPIRED: ("fail", "Không giao được trong thời hạn"),
        DeliveryState.RECALLED: ("done", "Đã thu hồi"),
    }
)

# What the sender asked of a receiver who has the document; a recall that was granted is a state.
_ASKED: Final[Mapping[tuple[RequestKind, RequestState], str]] = MappingProxyType(
    {
        (RequestKind.RECALL, RequestState.OPEN): "đã yêu cầu lấy lại, chờ bên nhận trả lời",
        (RequestKind.RECALL, RequestState.REFUSED): "bên nhận từ chối lấy lại",
        (RequestKind.UPDATE, RequestState.OPEN): "đã yêu cầu cập nhật, chờ bên nhận trả lời",
        (RequestKind.UPDATE, RequestState.AGREED): "bên nhận đồng ý cập nhật",
        (RequestKind.UPDATE, RequestState.REFUSED): "bên nhận từ chối cập nhật",
    }
)

# A status about a recall is often sent without a word of description; its row would have no title.
_TITLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        StatusCode.RECALL_REQUESTED: "Yêu cầu lấy lại văn bản",
        StatusCode.RECALL_AGREED: "Đồng ý lấy lại, cập nhật văn bản",
        StatusCode.RECALL_REFUSED: "Từ chối lấy lại, cập nhật văn bản",
    }
)


async def send(turn: Turn) -> web.StreamResponse:
    """sendEdoc: the same intake as the native API's. ``to`` and ``messagetype`` are hints that nobody needs: the
    message itself says what it is and whom it is for. Only another hub may ask for some of the addressees."""
    turn.call.offload.require_room()
    async with _admitted(turn) as submitted:
        try:
            async with asyncio.timeout(turn.means.settings.answer_seconds):
                outcome = await take_in(turn.call, submitted)
        except TimeoutError as error:
            raise late() from error
    return success(doc_id=insist(outcome).accepted.envelope.id)


@asynccontextmanager
async def _admitted(turn: Turn) -> AsyncIterator[Submission]:
    """The file as it was before the client put a line end behind it, if it has the digest that was signed."""
    request = turn.call.request
    any_type = (request.content_type,)  # deployed clients label it as their library does
    async with spool(turn.call).admit(request, types=any_type) as body:
        if not body.size:
            raise RefusedError(refuse(Code.EMPTY))
        said = turn.signed.values(HASH_FILE)[0].lower()
        file = await asyncio.to_thread(_file_in, body, said)
        if file is None:
            raise RefusedError(refuse(Code.BODY_HASH, path="XroadVnpt-hash-file", got=said))
        caller = await hubs.bringing(turn)
        yield Submission(
            caller=caller,
            octets=file.octets,
            size=file.size,
            sha256=file.sha256,
            only_to=hubs.ids(turn, caller, "to"),
            trace=hubs.ids(turn, caller, "trace"),
        )


def _file_in(body: Spooled, said: str) -> Spooled | None:
    """The body without its last line end, or the whole of it: whichever was signed."""
    without = _without_line_end(body)
    if without is not None and said in spelled_digests(bytes.fromhex(without)):
        return _shortened(body, without)
    return body if said in spelled_digests(bytes.fromhex(body.sha256)) else None


def _without_line_end(body: Spooled) -> str | None:
    """The digest of the body without its last CRLF; ``None`` if it ends otherwise."""
    if isinstance(body.octets, bytes):
        ends = body.octets.endswith(_LINE_END)
        return hashlib.sha256(body.octets[: -len(_LINE_END)]).hexdigest() if ends else None
    digest, left = hashlib.sha256(), body.size - len(_LINE_END)
    with body.octets.open("rb") as file:
        while left > 0:
            piece = file.read(min(left, _PIECE))
            digest.update(piece)
            left -= len(piece)
        return digest.hexdigest() if file.read() == _LINE_END else None


def _shortened(body: Spooled, sha256: str) -> Spooled:
    size = body.size - len(_LINE_END)
    if isinstance(body.octets, Path):
        os.truncate(body.octets, size)
        return Spooled(octets=body.octets, size=size, sha256=sha256)
    return Spooled(octets=body.octets[:size], size=size, sha256=sha256)


async def list_sent(turn: Turn) -> web.StreamResponse:
    """getSentEdocList: a row for each receiver, of one document or of the latest."""
    named = turn.signed.values("docid")
    tracks = await turn.ask(lambda: _named(turn, named))
    if tracks:
        rows = [(_tracked_row(track.envelope, one), one.delivery) for track in tracks for one in track.deliveries]
        return success(data=[row | hubs.exactly(turn, delivery) for row, delivery in rows])
    kinds, span = kinds_asked(turn), days_asked(turn)
    return success(data=await turn.ask(lambda: _latest(turn, kinds, span)))


def _named(turn: Turn, named: Sequence[str]) -> list[EnvelopeTrack]:
    """The tracks of what the caller sent under these ids.

    Nothing, if it named none, or only mail that it received: then the id is left over from an earlier call. An id
    that means nothing here is refused.
    """
    caller, tracking = turn.call.caller, turn.doors.tracking
    found = [track for text in named if (track := _sent(tracking, caller, text)) is not None]
    unknown = [text for text in named if not isinstance(_received(turn, text), Offered)]
    if named and not found and len(unknown) == len(named):
        raise RefusedError(refuse(Code.NOT_FOUND, path="docId", got=", ".join(named)))
    return found


def _sent(tracking: Tracking, caller: Caller, text: str) -> EnvelopeTrack | None:
    envelope_id = document_id(text)
    track = tracking.track_for(caller, EnvelopeId(envelope_id)) if envelope_id else None
    if track is None or isinstance(track, Rejected) or not caller.speaks_for(track.envelope.sender):
        return None
    return track


def _received(turn: Turn, text: str) -> Offered | Rejected:
    return turn.doors.handover.look(turn.call.caller, DeliveryId(document_id(text)))


def _latest(turn: Turn, kinds: frozenset[EnvelopeKind], span: Span) -> list[dict[str, Any]]:
    limit = turn.means.settings.list_items
    lines = [
        line
        for agency in sorted(turn.call.caller.agencies)
        for line in turn.doors.tracking.search(
            Search(
                agency=agency,
                sent_only=True,
                kinds=kinds,
                accepted_after=span.start,
                accepted_before=span.end,
                limit=limit,
            )
        )
    ]
    newest = sorted(lines, key=lambda line: (line.envelope.accepted_at, line.delivery.id), reverse=True)[:limit]
    asked = turn.doors.tracking.requests([line.delivery.id for line in newest])
    return [
        _row(line.envelope, line.delivery, asked.get(line.delivery.id, ())) | hubs.exactly(turn, line.delivery)
        for line in newest
    ]


def _tracked_row(envelope: EnvelopeRecord, track: DeliveryTrack) -> dict[str, Any]:
    taken = (event.at for event in track.timeline if event.event == DeliveryEvent.HANDED_OVER)
    at = next(taken, None)
    return _row(envelope, track.delivery, track.requests) | {"receivedTime": spell_moment(at) if at else ""}


def _row(envelope: EnvelopeRecord, delivery: Delivery, requests: Sequence[ChangeRequest]) -> dict[str, Any]:
    status, described = _RECEIVED[delivery.state]
    newest = {request.kind: request for request in requests}
    asked = [_ASKED[one.kind, one.state] for one in newest.values() if (one.kind, one.state) in _ASKED]
    return {
        "serviceType": "eDoc",
        "messageType": DOCUMENTS if envelope.kind is EnvelopeKind.DOCUMENT else STATUSES,
        "senderDocId": envelope.id,
        "fromCode": envelope.sender,
        "title": envelope.subject or envelope.description or _TITLE.get(envelope.status_code, ""),
        "notation": envelope.document_code,
        "sentTime": spell_moment(envelope.accepted_at),
        "sendStatus": "done",
        "sendStatusDesc": "Trục đã tiếp nhận",
        "receiverDocId": delivery.id,
        "toCode": delivery.addressee,
        "receiveStatus": status,
        "receiveStatusDesc": "; ".join((described, *asked)),
        "receivedTime": "",
    }
