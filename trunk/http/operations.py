"""For those who keep the trunk running: is it alive, can it work, how busy is it; and what its codes mean."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import web
from pydantic import Field

from queues.broker import QueueError
from trunk.domain.outcome import refuse
from trunk.domain.rejection import CATALOGUE, Code
from trunk.errors import TrunkError
from trunk.http import metrics
from trunk.http.description import OpenRoute, Operation, Reply
from trunk.http.doors import OFFLOAD, Visit
from trunk.http.problems import PATH, Bilingual, RefusedError, status_of
from trunk.http.watchers import COUNTS, require_watcher
from trunk.http.wire import Shape, answer, shorten

log = structlog.get_logger()

CHECK_SECONDS: Final = 5.0
_BY_NAME: Final = {refusal.code.value: refusal for refusal in CATALOGUE.values()}


class Health(Shape):
    """The process answers."""

    status: str = Field(examples=["ok"])


class Check(Shape):
    """One dependency."""

    ok: bool
    why: str = Field(description="what ails it; empty if nothing does")


class Readiness(Shape):
    """Whether the trunk can work, and what keeps it from it."""

    ready: bool
    checks: dict[str, Check]


class CatalogueEntry(Shape):
    """What a code means."""

    code: str = Field(examples=["ENV-101"])
    nature: str = Field(examples=["invalid"])
    status: int = Field(description="HTTP status")
    temporary: bool = Field(description="whether coming again may help")
    title: Bilingual
    remedy: Bilingual


async def health(_: Visit) -> web.StreamResponse:
    """Alive."""
    return answer(Health(status="ok"))


async def readiness(visit: Visit) -> web.StreamResponse:
    """Every dependency's own word."""
    asked = {**visit.doors.checks, **visit.doors.remarks}
    found = await asyncio.gather(*(_check(visit, check) for check in asked.values()))
    checks = dict(zip(asked, found, strict=True))
    ready = all(checks[name].ok for name in visit.doors.checks)  # another hub that is away is seen, and no reason
    if not ready:
        log.warning("trunk_not_ready", failing=[name for name, check in checks.items() if not check.ok])
    return answer(Readiness(ready=ready, checks=checks), status=200 if ready else 503)


async def _check(visit: Visit, check: Callable[[], None]) -> Check:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await visit.offload.run(check)
    except TimeoutError:
        return Check(ok=False, why=f"no answer within {CHECK_SECONDS:g} s")
    except Exception as fault:  # noqa: BLE001  whatever a dependency raises is what ails it
        return Check(ok=False, why=_why(fault))
    return Check(ok=True, why="")


def _why(fault: Exception) -> str:
    """Our own words; of strangers' faults the type only, since their texts may hold addresses and passwords."""
    ours = isinstance(fault, TrunkError | QueueError) or type(fault) is RuntimeError
    return shorten(f"{type(fault).__name__}: {fault}" if ours else type(fault).__name__)


async def show_metrics(visit: Visit) -> web.StreamResponse:
    """The meters, for those who may see them."""
    await require_watcher(visit.request)
    counted = await visit.request.app[COUNTS].get(visit)
    text = visit.meters.show(
        depth=counted.depth,
        taken=visit.request.app[OFFLOAD].taken,
        examiners=visit.doors.intake.examiners,
        errands=visit.doors.errands,
        push=counted.figures,
    )
    return web.Response(body=text, headers={"Content-Type": metrics.CONTENT_TYPE})


async def show_problem(visit: Visit) -> web.StreamResponse:
    """A catalogue entry."""
    named = visit.request.match_info["code"]
    refusal = _BY_NAME.get(named)
    if refusal is None:
        raise RefusedError(refuse(Code.NOT_FOUND, path="code", got=named))
    return answer(
        CatalogueEntry(
            code=refusal.code,
            nature=refusal.nature,
            status=status_of(refusal.code),
            temporary=refusal.temporary,
            title=Bilingual.of(refusal.title),
            remedy=Bilingual.of(refusal.remedy),
        )
    )


ROUTES: Final = (
    OpenRoute(
        method="GET",
        path="/healthz",
        handle=health,
        operation=Operation(
            id="health",
            tag="Operations",
            summary="Is the process alive?",
            summary_vi="Tiến trình còn chạy?",
            replies=(Reply(status=200, about="It is", shape=Health),),
        ),
    ),
    OpenRoute(
        method="GET",
        path="/readyz",
        handle=readiness,
        operation=Operation(
            id="readiness",
            tag="Operations",
            summary="Can the trunk work?",
            summary_vi="Trục sẵn sàng?",
            about="Names each dependency and what ails it. The inbox and the intake work without the broker.",
            replies=(
                Reply(status=200, about="It can", shape=Readiness),
                Reply(status=503, about="Something is missing", shape=Readiness),
            ),
        ),
    ),
    OpenRoute(
        method="GET",
        path="/metrics",
        handle=show_metrics,
        operation=Operation(
            id="metrics",
            tag="Operations",
            summary="Meters for Prometheus",
            summary_vi="Số đo cho Prometheus",
            about="Counters are this process's own; the gauges of the ledger are the same in every process. "
            "For the trunk's own machine, the addresses of `http.metrics_from`, and operators with their key.",
            replies=(Reply(status=200, about="Prometheus text", media_type="text/plain"),),
            refusals=(Code.NOT_WATCHER, Code.OPERATOR_KEY),
        ),
    ),
    OpenRoute(
        method="GET",
        path=PATH,
        handle=show_problem,
        operation=Operation(
            id="showProblem",
            tag="Operations",
            summary="What a code means",
            summary_vi="Ý nghĩa của mã lỗi",
            replies=(Reply(status=200, about="The catalogue entry", shape=CatalogueEntry),),
            refusals=(Code.NOT_FOUND,),
        ),
    ),
)
