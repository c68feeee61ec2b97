"""What /metrics shows, in Prometheus' text form.

Counters and histograms are this process's own (each worker is a target of its own, told apart by ``process``);
the ledger's gauges are the same in every process, since they are counted where all of them look.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from trunk.application.examiners import Examiners
from trunk.application.pushing import Figures
from trunk.application.responders import Responders
from trunk.domain.delivery import DeliveryState
from trunk.http.errands import Errands
from trunk.http.thread_time import processor_seconds

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class _ResponderMeters:
    """How each host does from which lists and answers are fetched."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._fetches = Gauge(
            "trunk_revocation_fetches",
            "Lists and answers asked of each host",
            ["host", "outcome"],
            registry=registry,
        )
        self._fetched_at = Gauge(
            "trunk_revocation_fetched_timestamp_seconds", "When a host helped last", ["host"], registry=registry
        )
        self._left_alone = Gauge(
            "trunk_revocation_host_left_alone",
            "1: it failed, and is not asked for a while",
            ["host"],
            registry=registry,
        )

    def show(self, responders: Responders) -> None:
        for one in responders.hosts:
            self._fetches.labels(one.host, "fetched").set(one.fetched)
            self._fetches.labels(one.host, "failed").set(one.failed)
            self._left_alone.labels(one.host).set(one.left_alone_until is not None)
            if one.last_fetched_at is not None:
                self._fetched_at.labels(one.host).set(one.last_fetched_at.timestamp())


class _PushMeters:
    """How each agency does to whose endpoint the trunk posts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = Gauge(
            "trunk_push_attempts", "Posts to each agency since the start", ["agency", "outcome"], registry=registry
        )
        self._left_alone = Gauge(
            "trunk_push_left_alone", "1: it failed, and is not tried for a while", ["agency"], registry=registry
        )
        self._proven = Gauge(
            "trunk_push_proven",
            "0: its endpoint has not answered a challenge: no mail goes there",
            ["agency"],
            registry=registry,
        )
        self._failing = Gauge(
            "trunk_push_failing_since_timestamp_seconds",
            "Since when no post to it has succeeded; 0: it is well",
            ["agency"],
            registry=registry,
        )

    def show(self, figures: Sequence[Figures]) -> None:
        for one in figures:
            for outcome, times in one.outcomes.items():
                self._attempts.labels(one.agency, outcome).set(times)
            self._left_alone.labels(one.agency).set(one.left_alone)
            self._proven.labels(one.agency).set(one.proven)
            self._failing.labels(one.agency).set(one.failing_since.timestamp() if one.failing_since else 0)


class _ProcessMeters:
    """Which process this is, and where its time goes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        pid = Gauge("trunk_process_id", "Which of the workers on this port has answered", registry=registry)
        pid.set(os.getpid())
        self._threads = Gauge(
            "trunk_thread_cpu_seconds",
            "Processor time of each kind of thread since the start (http: the event loop, with what it decides itself)",
            ["thread"],
            registry=registry,
        )

    def show(self) -> None:
        for thread, seconds in processor_seconds().items():
            self._threads.labels(thread).set(seconds)


class Meters:
    """The meters of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._process = _ProcessMeters(self._registry)
        self._requests = Counter(
            "trunk_http_requests", "Requests answered", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "trunk_http_request_seconds",
            "Time from the headers to the answer",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._accepted = Counter(
            "trunk_envelopes_accepted",
            "Envelopes accepted (repeated: the same submission again)",
            ["kind", "repeated"],
            registry=self._registry,
        )
        self._rejected = Counter(
            "trunk_rejections", "Refusals by code of the catalogue", ["code"], registry=self._registry
        )
        self._confirmed = Counter(
            "trunk_confirmations", "Deliveries confirmed by their agencies", ["outcome"], registry=self._registry
        )
        self._waiting = Gauge("trunk_offload_taken", "Use cases at work or in line", registry=self._registry)
        self._unexamined = Gauge(
            "trunk_examinations_waiting", "Messages that wait for an examiner", registry=self._registry
        )
        self._ended = Gauge(
            "trunk_examiners_ended",
            "Examiners that were ended since the start, by cause (time, memory, death, starved)",
            ["cause"],
            registry=self._registry,
        )
        self._errands = Gauge(
            "trunk_submissions_waiting_for_revocation",
            "Submissions that wait for a list or an answer",
            registry=self._registry,
        )
        self._responders = _ResponderMeters(self._registry)
        self._push = _PushMeters(self._registry)
        self._ledger_up = Gauge("trunk_ledger_up", "Whether the ledger answered just now", registry=self._registry)
        self._outbox = Gauge("trunk_outbox_depth", "Notices that wait to be published", registry=self._registry)
        self._deliveries = Gauge("trunk_deliveries", "Waiting deliveries by state", ["state"], registry=self._registry)

    def answered(self, *, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def accepted(self, *, kind: str, repeated: bool) -> None:
        self._accepted.labels(kind, "yes" if repeated else "no").inc()

    def rejected(self, codes: Iterable[str]) -> None:
        for code in codes:
            self._rejected.labels(code).inc()

    def confirmed(self, *, outcome: str) -> None:
        self._confirmed.labels(outcome).inc()

    def show(
        self,
        *,
        depth: Mapping[str, int] | None,
        taken: int,
        examiners: Examiners,
        errands: Errands,
        push: Sequence[Figures] = (),
    ) -> bytes:
        """Everything as text; ``depth``: what the ledger counted, ``None`` if it did not answer."""
        self._waiting.set(taken)
        self._errands.set(errands.taken)
        self._responders.show(errands.responders)
        self._push.show(push)
        self._unexamined.set(examiners.waiting)
        for cause, times in dict(examiners.ended).items():
            self._ended.labels(cause).set(times)
        self._process.show()
        self._ledger_up.set(depth is not None)
        if depth is not None:
            self._outbox.set(depth.get("outbox", 0))
            for state in DeliveryState:
                if state.value in depth:
                    self._deliveries.labels(state.value).set(depth[state.value])
        return generate_latest(self._registry)
