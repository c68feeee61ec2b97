"""The step that carries mail up: one sendEdoc for each envelope, whatever number of recipients it has there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import structlog

from trunk.application.uplink import Outward, Parcel
from trunk.domain.delivery import EnvelopeId
from trunk.domain.entry import EnvelopeKind
from trunk.errors import CorruptPayloadError
from trunk.failpoints import reach
from trunk.workers.loops import Went
from trunk.workers.uplink.client import Client, Messages, Refused
from trunk.workers.uplink.exchange import File, HubFaultError, UnfitError
from trunk.workers.uplink.lease import Lease
from trunk.workers.uplink.standing import Standing

log = structlog.get_logger()

_OF_RECEIVERS: Final = frozenset({"18", "23"})  # no such receiver, or a closed one
_MOST_PUT_OFF: Final = 500


@dataclass(slots=True)
class _PutOff:
    """Envelopes that are to be left out of the next look, so that they hide no others."""

    ids: dict[EnvelopeId, None]

    def add(self, envelope_id: EnvelopeId) -> None:
        self.ids[envelope_id] = None
        while len(self.ids) > _MOST_PUT_OFF:
            del self.ids[next(iter(self.ids))]


class Upward:
    """What the loop ``uplink-up`` does."""

    def __init__(self, outward: Outward, client: Client, standing: Standing, lease: Lease, *, trunk_id: str) -> None:
        self._outward = outward
        self._client = client
        self._standing = standing
        self._lease = lease
        self._trunk_id = trunk_id
        self._put_off = _PutOff({})

    def step(self) -> Went:
        """Send some of what waits. Raises ``LedgerUnavailableError``."""
        if not self._lease.held:
            return Went.IDLE
        if not self._standing.open:
            return Went.HELD_UP
        left_out = [one for one in self._put_off.ids if not self._standing.may(one)]
        self._put_off = _PutOff(dict.fromkeys(left_out))
        found = [one for one in self._outward.waiting(without=left_out) if self._standing.may(one)]
        for envelope_id in found:
            if not self._lease.held:
                return Went.IDLE
            if not self._carry(envelope_id):
                return Went.HELD_UP
        return Went.WORKED if found else Went.IDLE

    def _carry(self, envelope_id: EnvelopeId) -> bool:
        """False: the hub does not answer, and the others need not be tried."""
        try:
            parcel = self._outward.take(envelope_id)
            while parcel is not None and parcel.deliveries:
                parcel = self._send(parcel)
        except HubFaultError as fault:
            self._put_off.add(envelope_id)
            self._standing.failed(fault, about=envelope_id)
            return not fault.whole
        except CorruptPayloadError:
            log.exception("uplink_payload_damaged", envelope=envelope_id)
            self._standing.put_off(envelope_id)
            self._put_off.add(envelope_id)
            return True
        self._standing.settled(envelope_id)
        return True

    def _send(self, parcel: Parcel) -> Parcel | None:
        """What is left to be sent."""
        envelope, to = parcel.envelope, [one.addressee for one in parcel.deliveries]
        try:
            said = self._client.send(
                File(source=parcel.octets, size=envelope.size, sha256=envelope.sha256),
                kind=Messages.DOCUMENTS if envelope.kind is EnvelopeKind.DOCUMENT else Messages.STATUSES,
                sender=envelope.sender,
                to=to,
                trace=[*envelope.trace, self._trunk_id],
            )
        except UnfitError:
            self._give_up(parcel, "too many receivers for one request")
            return None
        if isinstance(said, Refused):
            return self._refused(parcel, said)
        reach("uplink.sent")
        self._standing.answered("sent")
        self._outward.relayed(parcel, said)
        log.info("uplink_sent", envelope=envelope.id, remote=said, deliveries=len(to))
        return None

    def _refused(self, parcel: Parcel, said: Refused) -> Parcel | None:
        """Refused for the sake of receivers that the refusal names, it may go to the others."""
        self._standing.answered("refused")
        codes = {one.addressee for one in parcel.deliveries}
        named = {code for code in codes if re.search(rf"(?<![\w.]){re.escape(code)}(?![\w]|\.\w)", said.words)}
        at_fault = named if said.number in _OF_RECEIVERS and named else codes
        self._give_up(parcel.without(codes - at_fault), f"{said.number} {said.words}")
        return parcel.without(at_fault)

    def _give_up(self, parcel: Parcel, reason: str) -> None:
        self._outward.given_up(parcel, reason=reason)
        log.warning("uplink_refused", envelope=parcel.envelope.id, deliveries=len(parcel.deliveries))
