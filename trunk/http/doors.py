"""What the HTTP doors stand on: the use cases and the few means they need. Built by ``trunk.bootstrap``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from aiohttp import web

from trunk.application.directory import Registry
from trunk.application.handover import Handover
from trunk.application.intake import Intake
from trunk.application.punctuality import Punctuality
from trunk.application.pushing import Figures
from trunk.application.tracking import Tracking
from trunk.domain.agency import Caller
from trunk.domain.control import OperatorKey
from trunk.http.admin.control import Control
from trunk.http.errands import Errands
from trunk.http.metrics import Meters
from trunk.http.offload import Offload
from trunk.http.waiting import WaitingRoom
from trunk.settings import Http


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Everything a handler may use; nothing else of the house is within its reach."""

    settings: Http
    spool_folder: Path  #: where large bodies stand while they arrive; on the file system of the payload store
    intake: Intake
    errands: Errands
    handover: Handover
    tracking: Tracking
    registry: Registry
    punctuality: Punctuality
    waiting_room: WaitingRoom
    checks: Mapping[str, Callable[[], None]]  #: by name of the dependency; each returns, or raises what ails it
    depth: Callable[[], dict[str, int]]  #: of the outbox, and of deliveries by state
    wake_relay: Callable[[], None]  #: something was committed that must leave the house
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    push_figures: Callable[[], Sequence[Figures]] = tuple
    remarks: Mapping[str, Callable[[], None]] = field(default_factory=dict)  #: checks without which it can work
    control: Control | None = None  #: for operators; none: there are no such doors here


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request by anybody."""

    request: web.Request
    doors: Doors
    offload: Offload
    meters: Meters


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Visit):
    """A request by a system that has shown its key: only the entrance makes it."""

    caller: Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminCall(Visit):
    """A request by an operator whose role allows it: only the entrance makes it."""

    control: Control
    operator: OperatorKey


DOORS: Final = web.AppKey("doors", Doors)
OFFLOAD: Final = web.AppKey("offload", Offload)
OPERATING: Final = web.AppKey("operating", Offload)  # for operators, whose questions must not hold up agencies' mail
WATCH: Final = web.AppKey("watch", Offload)  #: for those who look whether the trunk is well, above all when it is not
METERS: Final = web.AppKey("meters", Meters)
