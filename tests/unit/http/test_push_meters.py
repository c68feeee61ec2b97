"""What /metrics shows of recipients to whom the trunk posts."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from trunk.application.pushing import Figures
from trunk.domain.delivery import AgencyCode
from trunk.http.metrics import _PushMeters

SINCE = datetime(2026, 11, 22, tzinfo=UTC)


def test_each_recipient_has_its_figures() -> None:
    registry = CollectorRegistry()
    meters = _PushMeters(registry)
    ill = Figures(agency=AgencyCode("H41"), outcomes={"timeout": 3}, proven=False, left_alone=True, failing_since=SINCE)
    meters.show([ill, Figures(agency=AgencyCode("H36"), outcomes={"confirmed": 2}, proven=True)])
    found = {(one.name, *one.labels.values()): one.value for family in registry.collect() for one in family.samples}
    assert found == {
        ("trunk_push_attempts", "H41", "timeout"): 3,
        ("trunk_push_attempts", "H36", "confirmed"): 2,
        ("trunk_push_left_alone", "H41"): 1,
        ("trunk_push_left_alone", "H36"): 0,
        ("trunk_push_proven", "H41"): 0,
        ("trunk_push_proven", "H36"): 1,
        ("trunk_push_failing_since_timestamp_seconds", "H41"): SINCE.timestamp(),
        ("trunk_push_failing_since_timestamp_seconds", "H36"): 0,
    }
