"""A whole installation on loopback for the proof: trunk processes, their servers, the roads between all, agencies."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scripts.province import AGENCIES, Province, enrol, make_province
from scripts.soak.agencies import Recipient, Sender
from scripts.soak.amqp import Consumer
from scripts.soak.clock import by_clock, wrong_clock
from scripts.soak.endpoint import Desk as PushDesk
from scripts.soak.endpoint import Endpoint
from scripts.soak.letters import Desk
from scripts.soak.nodes import Node
from scripts.soak.oracle import Oracle
from scripts.soak.roads import FarRoad, Roads, roads
from scripts.soak.servers import Servers, servers
from scripts.web import Way
from trunk.domain.agency import Agency, DeliveryMode
from trunk.domain.delivery import AgencyCode
from trunk.domain.endpoint import Endpoint as PushTerms

SETTINGS: Final = """
[delivery]
retry_first_seconds = 0.5
retry_longest_seconds = 3

[push]
private_hosts = ["localhost:*"]
left_alone_seconds = 5
silence_seconds = 5
total_seconds = 10

[examination]
processes = 1

[reconciler]
every_seconds = 3
untaken_after_minutes = 0.5

[log]
level = "warning"
"""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How large the world is."""

    folder: Path
    production: bool = True  #: PostgreSQL and RabbitMQ; else SQLite and the embedded broker
    nodes: int = 3  #: trunk processes; one with SQLite
    pulling: int = 40
    pushed: int = 4
    consuming: int = 2
    seed: int = 1
    rate: float = 30.0  #: deliveries a second, at most

    @property
    def by_mode(self) -> Mapping[DeliveryMode, Sequence[str]]:
        """Codes of agencies that only receive. The first of each mode gets probes alone."""
        consuming = self.consuming if self.production else 0
        wanted = (DeliveryMode.PULL, 100, self.pulling), (DeliveryMode.PUSH, 200, self.pushed)
        wanted += ((DeliveryMode.AMQP, 300, consuming),)  # type: ignore[assignment]
        return {mode: [f"H41.{first + n}" for n in range(count)] for mode, first, count in wanted}


@dataclass(kw_only=True, eq=False)
class Ground:
    """What stands before anybody is at work: made without an event loop, since it starts processes and waits."""

    plan: Plan
    province: Province
    desk: Desk
    roads: Roads
    servers: Servers | None
    node_roads: list[FarRoad]
    push_road: FarRoad
    keys: Mapping[str, str]
    clock_file: Path | None


@dataclass(kw_only=True, eq=False)
class World:
    """Everything that lives."""

    ground: Ground
    chance: random.Random
    oracle: Oracle
    nodes: list[Node]
    senders: list[Sender]
    prober: Sender  #: sends nothing but probes, so that nobody's backlog of acknowledgements stands before theirs
    recipients: dict[str, Recipient]  #: that pull, and that consume
    push_desks: list[PushDesk]
    consumers: list[Consumer] = field(default_factory=list)
    hub: None = None

    def can_reach(self, point: str) -> bool:
        """Whether there is traffic by which a process may come to this fail point."""
        if point.startswith("uplink."):
            return self.hub is not None
        return not point.startswith("reconcile.") or self.ground.servers is not None

    @property
    def clock_file(self) -> Path | None:
        """By which the clock of the last process is set; None where that cannot be done."""
        return self.ground.clock_file

    @property
    def plan(self) -> Plan:
        return self.ground.plan

    @property
    def servers(self) -> Servers:
        """Only of a world with servers."""
        assert self.ground.servers is not None  # noqa: S101  said above
        return self.ground.servers

    @property
    def pulling(self) -> list[Recipient]:
        return [self.recipients[code] for code in self.plan.by_mode[DeliveryMode.PULL]]

    @property
    def probed(self) -> list[str]:
        """Who gets probes: one agency of each mode."""
        return [codes[0] for codes in self.plan.by_mode.values() if codes]

    @property
    def addressees_by_push(self) -> list[str]:
        return list(self.plan.by_mode[DeliveryMode.PUSH][1:])

    @property
    def addressees(self) -> list[str]:
        """Who gets letters: all others."""
        return [code for codes in self.plan.by_mode.values() for code in codes[1:]]


@contextmanager
def ground(plan: Plan) -> Iterator[Ground]:
    """Make it in ``plan.folder``, and end it."""
    with ExitStack() as stack:
        ways = stack.enter_context(roads(plan.seed))
        consuming = plan.by_mode[DeliveryMode.AMQP]
        stands = stack.enter_context(servers(plan.folder, ways, consuming)) if plan.production else None
        province = make_province(
            plan.folder / "province",
            database_url=stands.database_url if stands else "",
            broker_url=stands.broker_url if stands else "embedded:",
            settings=SETTINGS,
        )
        push_road = ways.open()
        keys = {**province.keys, **_register(province, plan, push_road)}
        desk = Desk(province)
        stack.callback(desk.close)
        yield Ground(
            plan=plan,
            province=province,
            desk=desk,
            roads=ways,
            servers=stands,
            node_roads=[ways.open() for _ in range(plan.nodes if plan.production else 1)],
            push_road=push_road,
            keys=keys,
            clock_file=wrong_clock(plan.folder) if plan.production else None,
        )


@asynccontextmanager
async def world(ground: Ground, oracle: Oracle) -> AsyncIterator[World]:
    """Everybody at work on this ground but the nodes, which somebody has to let live."""
    async with AsyncExitStack() as stack:
        endpoint = Endpoint()
        await endpoint.open()
        stack.callback(endpoint.close)
        ground.push_road.lead_to(endpoint.port)
        *writing, probing = AGENCIES
        made = World(
            ground=ground,
            chance=random.Random(ground.plan.seed),  # noqa: S311  repeatable, not secret
            oracle=oracle,
            nodes=_nodes(ground),
            senders=[
                Sender(code, _way(ground, n, code), oracle, at_once=50, thrifty=True) for n, code in enumerate(writing)
            ],
            prober=Sender(probing, _way(ground, 0, probing), oracle, at_once=8),
            recipients=_recipients(ground, oracle),
            push_desks=_push_desks(ground, oracle),
        )
        for node in made.nodes:
            stack.callback(node.end)
        endpoint.desks = {f"/{desk.agency}": desk for desk in made.push_desks}
        for code in ground.plan.by_mode[DeliveryMode.AMQP]:
            made.consumers.append(_consumer(made, code))
            stack.callback(made.consumers[-1].close)
        yield made


def _nodes(ground: Ground) -> list[Node]:
    made = [
        Node(f"node-{n}", ground.province.config, road, ground.plan.folder / f"node-{n}.log")
        for n, road in enumerate(ground.node_roads)
    ]
    if ground.clock_file is not None:
        made[-1].environment = by_clock(ground.clock_file)
    return made


def _way(ground: Ground, number: int, code: str) -> Way:
    """Each begins at another node."""
    ports = [road.port for road in ground.node_roads]
    first = number % len(ports)
    return Way(ports[first:] + ports[:first], ground.keys[code])


def _recipients(ground: Ground, oracle: Oracle) -> dict[str, Recipient]:
    codes = (*ground.plan.by_mode[DeliveryMode.PULL], *ground.plan.by_mode[DeliveryMode.AMQP])
    return {
        code: Recipient(
            code,
            _way(ground, n, code),
            oracle,
            at_once=20 if n % 2 else 2,
            thrifty=bool(n % 2),
            chance=random.Random(f"{ground.plan.seed}{code}"),  # noqa: S311  repeatable, not secret
            report=ground.desk.received,
        )
        for n, code in enumerate(codes)
    }


def _push_desks(ground: Ground, oracle: Oracle) -> list[PushDesk]:
    return [
        PushDesk(code, oracle, random.Random(f"{ground.plan.seed}{code}"))  # noqa: S311  repeatable, not secret
        for code in ground.plan.by_mode[DeliveryMode.PUSH]
    ]


def _consumer(world: World, code: str) -> Consumer:
    recipient = world.recipients[code]

    async def take(delivery_id: str, envelope_id: str) -> bool:
        item = {"delivery_id": delivery_id, "envelope": {"envelope_id": envelope_id, "kind": "notice"}}
        return await recipient.take(item)

    return Consumer(world.servers.consumer_url(code), code, take)


def _register(province: Province, plan: Plan, push_road: FarRoad) -> dict[str, str]:
    """Agencies that only receive, each with a system and a key."""
    modes = {code: mode for mode, codes in plan.by_mode.items() for code in codes}
    return enrol(province, [_agency(code, mode, push_road) for code, mode in modes.items()])


def _agency(code: str, mode: DeliveryMode, push_road: FarRoad) -> Agency:
    made = Agency(code=AgencyCode(code), name=f"Đơn vị {code}", mode=mode)
    if mode is not DeliveryMode.PUSH:
        return made
    terms = PushTerms(url=f"http://localhost:{push_road.port}/{code}")
    return dataclasses.replace(made, endpoint=dataclasses.replace(terms, proven=terms.terms))
