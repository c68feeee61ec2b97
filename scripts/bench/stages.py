"""Processor time of the serving processes by stage: what each kind of thread has had, as their metrics tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from scripts.agency_system import AgencySystem

_TRIES: Final = 60
_NAMED: Final = {
    "http": "HTTP, decision, seal",
    "scribe": "ledger",
    "loop-relay": "relay",
    "rabbitmq-loop": "AMQP",
    "keeper": "hand-over to examiners",
}
_OTHER: Final = "other threads"

Told = Mapping[str, float]


def seconds(url: str, *, processes: int) -> Told:
    """Of all serving processes together. Each answers for itself, and which one is asked is a matter of chance."""
    heard: dict[float, Told] = {}
    anybody = AgencySystem(base_url=url, key="")
    for _ in range(_TRIES):
        if len(heard) == processes:
            break
        process, told = _read(anybody.call("GET", "/metrics").octets.decode())
        if not process:  # an older trunk does not say which one it is
            return {}
        heard[process] = told
    stages: defaultdict[str, float] = defaultdict(float)
    for told in heard.values():
        for thread, taken in told.items():
            stages[_NAMED.get(thread, _OTHER)] += taken
    return stages


def _read(text: str) -> tuple[float, Told]:
    """Which process it is, and its threads."""
    process, threads = 0.0, dict[str, float]()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "trunk_process_id":
                process = float(sample.value)
            elif sample.name == "trunk_thread_cpu_seconds":
                threads[sample.labels["thread"]] = sample.value
    return process, threads
