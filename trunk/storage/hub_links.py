"""The ledger's part of mail that crosses hubs: both ids of it, what waits to go up, what is to be told and asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.agency import DeliveryMode
from trunk.domain.delivery import Delivery, DeliveryId, DeliveryState, EnvelopeId
from trunk.domain.entry import EnvelopeKind
from trunk.domain.hub_link import Direction, HubLink, LinkState
from trunk.storage.rows import DELIVERY_COLUMNS, delivery_of
from trunk.storage.tables import AGENCY, DELIVERY, ENVELOPE, HUB_LINK

_WAITING: Final = sa.text("delivery.waiting")
_KINDS: Final = (EnvelopeKind.DOCUMENT, EnvelopeKind.STATUS)  # the trunk's own words are for its own agencies
_ENDED: Final = (
    DeliveryState.DELIVERED,
    DeliveryState.RECEIVED,
    DeliveryState.REFUSED,
    DeliveryState.EXPIRED,
    DeliveryState.RECALLED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Links of an age are asked about again after ``every``; the last tier holds for all that are older."""

    younger_than: timedelta
    every: timedelta


class HubLinks:
    """What can be asked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def waiting(self, *, limit: int, oldest: int, without: Collection[EnvelopeId] = ()) -> list[EnvelopeId]:
        """Envelopes that wait for agencies beyond another hub: the most urgent, then the oldest of all.

        ``oldest`` of the ``limit`` places belong to the oldest, however urgent others are: nobody waits for ever.
        """
        urgent = self._waiting([DELIVERY.c.urgency.desc(), DELIVERY.c.position], limit, without)
        if len(urgent) < limit:
            return urgent
        first = urgent[: limit - oldest]
        return first + self._waiting([DELIVERY.c.position], oldest, {*without, *first})

    def waiting_of(self, envelope_id: EnvelopeId) -> list[Delivery]:
        """Its deliveries to agencies beyond another hub that still wait here."""
        rows = self._connection.execute(
            sa.select(*DELIVERY_COLUMNS)
            .join(AGENCY, AGENCY.c.code == DELIVERY.c.addressee)
            .where(DELIVERY.c.envelope_id == envelope_id, _WAITING, AGENCY.c.mode == DeliveryMode.UPLINK)
            .order_by(DELIVERY.c.ordinal)
        )
        return [delivery_of(row) for row in rows]

    def known(self, hub: str, remote_ids: Collection[str]) -> dict[str, HubLink]:
        """What came down under these ids, or was refused."""
        rows = self._connection.execute(
            sa.select(HUB_LINK)
            .where(HUB_LINK.c.hub == hub, HUB_LINK.c.direction == Direction.DOWN)
            .where(HUB_LINK.c.remote_id.in_(remote_ids))
        )
        return {row.remote_id: link_of(row) for row in rows}

    def to_tell(self, hub: str, *, limit: int) -> list[tuple[HubLink, DeliveryState | None]]:
        """What came down, whose fate is known here and not there yet."""
        rows = self._connection.execute(
            sa.select(HUB_LINK, DELIVERY.c.state.label("fate"))
            .outerjoin(DELIVERY, DELIVERY.c.id == HUB_LINK.c.delivery_id)
            .where(*_open(hub, Direction.DOWN))
            .where(sa.or_(HUB_LINK.c.delivery_id.is_(None), DELIVERY.c.state.in_(_ENDED)))
            .order_by(HUB_LINK.c.checked_at.nulls_first(), HUB_LINK.c.id)
            .limit(limit)
        )
        return [(link_of(row), row.fate) for row in rows]

    def to_ask(self, hub: str, *, tiers: Sequence[Tier], now: datetime, limit: int) -> list[HubLink]:
        """What went up, whose fate is not known here, and that was not asked about of late."""
        due = []
        younger = now + timedelta(days=1)  # what was sent this moment, by whichever clock
        for tier in tiers:
            asked = sa.or_(
                HUB_LINK.c.checked_at.is_(None),
                HUB_LINK.c.checked_at <= now - tier.every,
                HUB_LINK.c.checked_at > now,  # before the clock was set back
            )
            oldest = now - tier.younger_than
            age = [HUB_LINK.c.at <= younger] + ([] if tier is tiers[-1] else [HUB_LINK.c.at > oldest])
            due.append(sa.and_(*age, asked, sa.or_(HUB_LINK.c.at <= now - tier.every, HUB_LINK.c.at > now)))
            younger = oldest
        rows = self._connection.execute(
            sa.select(HUB_LINK)
            .where(*_open(hub, Direction.UP), sa.or_(*due))
            .order_by(HUB_LINK.c.checked_at.nulls_first(), HUB_LINK.c.id)
            .limit(limit)
        )
        return [link_of(row) for row in rows]

    def sent_under(self, hub: str, remote_id: str) -> list[tuple[HubLink, DeliveryState | None]]:
        """All that went up under that id and whose fate is open, with where each stands here."""
        rows = self._connection.execute(
            sa.select(HUB_LINK, DELIVERY.c.state.label("fate"))
            .outerjoin(DELIVERY, DELIVERY.c.id == HUB_LINK.c.delivery_id)
            .where(*_open(hub, Direction.UP), HUB_LINK.c.remote_id == remote_id)
            .order_by(HUB_LINK.c.id)
        )
        return [(link_of(row), row.fate) for row in rows]

    def _waiting(self, order: Sequence[Any], limit: int, without: Collection[EnvelopeId]) -> list[EnvelopeId]:
        rows = self._connection.execute(
            sa.select(DELIVERY.c.envelope_id)
            .join(AGENCY, AGENCY.c.code == DELIVERY.c.addressee)
            .join(ENVELOPE, ENVELOPE.c.id == DELIVERY.c.envelope_id)
            .where(_WAITING, AGENCY.c.mode == DeliveryMode.UPLINK, ENVELOPE.c.kind.in_(_KINDS))
            .where(ENVELOPE.c.id.not_in(without))
            .order_by(*order)
            .limit(limit)
        )
        return list(dict.fromkeys(EnvelopeId(row.envelope_id) for row in rows))


class HubLinkKeeper(HubLinks):
    """What can be written."""

    def put(self, link: HubLink) -> None:
        """A new link. One that stands already for the same mail to the same recipient is open again."""
        same = [
            HUB_LINK.c.hub == link.hub,
            HUB_LINK.c.direction == link.direction,
            HUB_LINK.c.remote_id == link.remote_id,
            HUB_LINK.c.delivery_id.is_not_distinct_from(link.delivery_id),
        ]
        values = {"state": link.state, "reason": link.reason, "envelope_id": link.envelope_id}
        if self._connection.execute(sa.update(HUB_LINK).where(*same).values(values)).rowcount == 0:
            self._connection.execute(sa.insert(HUB_LINK).values(_row(link)))

    def settle(self, link_id: str, state: LinkState, *, at: datetime, reason: str = "") -> None:
        """How it ended between the two."""
        values = {"state": state, "reason": reason, "checked_at": at}
        self._connection.execute(sa.update(HUB_LINK).where(HUB_LINK.c.id == link_id).values(values))

    def checked(self, ids: Collection[str], *, at: datetime) -> None:
        """The other hub was asked about these, or told."""
        self._connection.execute(sa.update(HUB_LINK).where(HUB_LINK.c.id.in_(ids)).values(checked_at=at))


def link_of(row: Any) -> HubLink:
    return HubLink(
        id=row.id,
        hub=row.hub,
        direction=row.direction,
        remote_id=row.remote_id,
        state=row.state,
        at=row.at,
        envelope_id=None if row.envelope_id is None else EnvelopeId(row.envelope_id),
        delivery_id=None if row.delivery_id is None else DeliveryId(row.delivery_id),
        reason=row.reason,
        checked_at=row.checked_at,
    )


def _row(link: HubLink) -> dict[str, Any]:
    return {column.name: getattr(link, column.name) for column in HUB_LINK.columns}


def _open(hub: str, direction: Direction) -> list[sa.ColumnElement[bool]]:
    """Spelled so that the index of open links serves."""
    return [HUB_LINK.c.hub == hub, HUB_LINK.c.direction == direction, sa.literal_column("hub_link.state = 'open'")]
