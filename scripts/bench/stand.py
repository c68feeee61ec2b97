"""A trunk to be measured: a province, its servers, the trunk's processes, and who took what of the machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from scripts import processes
from scripts.bench.figures import CLIENT, Turn
from scripts.private_servers import PostgresServer, RabbitServer, private_postgresql, private_rabbitmq
from scripts.province import Province, make_province
from scripts.trunk_process import TrunkProcess

STACKS: Final = {"embedded": "SQLite, embedded broker", "production": "PostgreSQL, RabbitMQ"}
WORKERS: Final = 2
_SETTINGS: Final = '[push]\nprivate_hosts = ["127.0.0.1:*"]\n'

People = Callable[[Province], Mapping[str, str]]
"""Registers further agencies before the trunk starts; their keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where trunks stand, one or several: a folder, and the servers that they share."""

    stack: str
    folder: Path
    postgres: PostgresServer | None = None
    rabbit: RabbitServer | None = None

    @property
    def servers(self) -> dict[str, int]:
        """Party -> process id."""
        there = {"PostgreSQL": self.postgres, "RabbitMQ": self.rabbit}
        return {party: server.pid for party, server in there.items() if server is not None}

    def province(self, name: str) -> Province:
        """A fresh one, with a database and a virtual host of its own."""
        return make_province(
            self.folder / name,
            database_url="" if self.postgres is None else self.postgres.new_database(),
            broker_url="embedded:" if self.rabbit is None else self.rabbit.new_vhost(),
            settings=_SETTINGS,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Everything that runs, by party."""

    ground: Ground
    province: Province
    trunk: TrunkProcess
    workers: int = WORKERS

    @property
    def stack(self) -> str:
        return self.ground.stack

    @property
    def folder(self) -> Path:
        return self.ground.folder

    @property
    def url(self) -> str:
        return self.trunk.url()

    def sql(self, script: str, *, seconds: float = 60) -> str:
        """What ``psql`` answers in this trunk's own database. Only where there is PostgreSQL."""
        assert self.ground.postgres is not None  # noqa: S101  said above
        database = self.province.settings().database_url.rpartition("/")[2]
        return self.ground.postgres.sql(script, database=database, seconds=seconds)

    def parties(self) -> dict[str, list[int]]:
        """The processes of each party; of the trunk, those that examine apart from those that serve."""
        trunk = processes.family(self.trunk.pid)
        examining = [pid for pid in trunk if "trunk.workers.nursery" in processes.command(pid)]
        return {
            "trunk, serving": [pid for pid in trunk if pid not in examining],
            "trunk, examining": examining,
            **{party: processes.family(pid) for party, pid in self.ground.servers.items()},
            CLIENT: [os.getpid()],
        }

    def ours(self) -> list[int]:
        """The trunk's processes, all of them."""
        return processes.family(self.trunk.pid)

    def processor(self) -> dict[str, float]:
        """Seconds of each party until now."""
        return {party: processes.processor_seconds(pids) for party, pids in self.parties().items()}

    def turn(self, before: Mapping[str, float], envelopes: int, *, seconds: float) -> Turn:
        """What a run of ``envelopes`` took since ``before``, for each of them."""
        taken = {party: (now - before[party]) * 1000 / envelopes for party, now in self.processor().items()}
        return Turn(per_second=envelopes / seconds, parties_ms=taken)

    def written(self) -> float:
        """Octets that trunk and servers have had written until now."""
        everybody = [pid for party, pids in self.parties().items() if party != CLIENT for pid in pids]
        return processes.written_octets(everybody)


@contextmanager
def ground(stack: str) -> Iterator[Ground]:
    """A folder and fresh servers, which are taken down at the end."""
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="edoc-bench-")))
        folder.chmod(0o711)  # the servers are others than we
        if stack == "embedded":
            yield Ground(stack=stack, folder=folder)
            return
        rabbit = held.enter_context(private_rabbitmq(folder / "rabbitmq"))
        postgres = held.enter_context(private_postgresql(folder / "postgresql"))
        yield Ground(stack=stack, folder=folder, postgres=postgres, rabbit=rabbit)


@contextmanager
def trunk_on(
    place: Ground,
    name: str = "trunk",
    *,
    workers: int = WORKERS,
    people: People | None = None,
    tree: Path | None = None,
) -> Iterator[Stand]:
    """A fresh trunk there. Raises ``RuntimeError`` if it does not end well.

    ``tree``: another working tree, whose trunk is measured: what a change has brought shows when both take turns.
    """
    province = place.province(name)
    if people is not None:
        province = replace(province, keys={**province.keys, **people(province)})
    environment = {"TRUNK_HTTP__SPOOL_MIB": "4096"} | ({} if tree is None else {"PYTHONPATH": str(tree)})
    with TrunkProcess(province.config, workers=workers, environment=environment, folder=tree) as trunk:
        trunk.url()
        yield Stand(ground=place, province=province, trunk=trunk, workers=workers)
        if (code := trunk.stop()) != 0:
            raise RuntimeError(f"the trunk ended with {code}")


@contextmanager
def stand(stack: str, *, people: People | None = None, tree: Path | None = None) -> Iterator[Stand]:
    """One trunk on a ground of its own."""
    with ground(stack) as place, trunk_on(place, people=people, tree=tree) as made:
        yield made
