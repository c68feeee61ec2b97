"""Reports that are played."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.unit.http.fakes import AT, RECIPIENT, delivery, envelope
from trunk.domain.punctuality import AgencyPunctuality, Late, LateDelivery, LateKind, OverdueReport, Quickness


@dataclass
class FakePunctuality:
    """Everybody is late, and takes a minute and a half."""

    asked: list[Any] = field(default_factory=list)

    def overdue(self, **asked: Any) -> OverdueReport:
        self.asked.append(asked)
        lates = (Late(kind=LateKind.NOT_FETCHED, due_at=AT),)
        line = LateDelivery(delivery=delivery(), envelope=envelope(), recipient_name="Sở Nhận", lates=lates)
        counts = {RECIPIENT: {LateKind.NOT_FETCHED: 1}}
        return OverdueReport(
            at=AT + timedelta(hours=1), deliveries=[line], by_agency=counts, names={RECIPIENT: "Sở Nhận"}
        )

    def report(self, **asked: Any) -> list[AgencyPunctuality]:
        self.asked.append(asked)
        quick = Quickness(count=2, median=90.0, p90=120.5)
        return [
            AgencyPunctuality(
                agency=RECIPIENT,
                name="Sở Nhận",
                documents=3,
                fetched=quick,
                received=None,
                late_in_period={LateKind.NOT_RECEIVED: 1},
                late_now={},
            )
        ]
