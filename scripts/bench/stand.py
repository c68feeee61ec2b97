"""A trunk to be measured: a province, its servers, the trunk's processes, and who took what of the machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts import processes
from scripts.private_servers import private_postgresql, private_rabbitmq
from scripts.province import Province, make_province
from scripts.trunk_process import TrunkProcess

STACKS: Final = {"embedded": "SQLite, embedded broker", "production": "PostgreSQL, RabbitMQ"}
WORKERS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Everything that runs, by party."""

    stack: str
    folder: Path
    province: Province
    trunk: TrunkProcess
    servers: Mapping[str, int]  #: party -> process id

    @property
    def url(self) -> str:
        return self.trunk.url()

    def parties(self) -> dict[str, list[int]]:
        """The processes of each party; of the trunk, those that examine apart from those that serve."""
        trunk = processes.family(self.trunk.pid)
        examining = [pid for pid in trunk if "trunk.workers.nursery" in processes.command(pid)]
        return {
            "trunk, serving": [pid for pid in trunk if pid not in examining],
            "trunk, examining": examining,
            **{party: processes.family(pid) for party, pid in self.servers.items()},
            "load client": [os.getpid()],
        }

    def ours(self) -> list[int]:
        """The trunk's processes, all of them."""
        return processes.family(self.trunk.pid)

    def processor(self) -> dict[str, float]:
        """Seconds of each party until now."""
        return {party: processes.processor_seconds(pids) for party, pids in self.parties().items()}

    def written(self) -> float:
        """Octets that trunk and servers have had written until now."""
        everybody = [pid for party, pids in self.parties().items() if party != "load client" for pid in pids]
        return processes.written_octets(everybody)


@contextmanager
def stand(stack: str, *, tree: Path | None = None) -> Iterator[Stand]:
    """A fresh one, which is taken down at the end. Raises ``RuntimeError`` if the trunk does not end well.

    ``tree``: another working tree, whose trunk is measured: what a change has brought shows when both take turns.
    """
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="edoc-bench-")))
        folder.chmod(0o711)  # the servers are others than we
        province, servers = _province(stack, folder, held)
        trunk = held.enter_context(
            TrunkProcess(
                province.config, workers=WORKERS, environment={"TRUNK_HTTP__SPOOL_MIB": "4096"} | _of(tree), folder=tree
            )
        )
        trunk.url()
        yield Stand(stack=stack, folder=folder, province=province, trunk=trunk, servers=servers)
        if (code := trunk.stop()) != 0:
            raise RuntimeError(f"the trunk ended with {code}")


def _of(tree: Path | None) -> dict[str, str]:
    return {} if tree is None else {"PYTHONPATH": str(tree)}


def _province(stack: str, folder: Path, held: ExitStack) -> tuple[Province, dict[str, int]]:
    if stack == "embedded":
        return make_province(folder / "trunk"), {}
    rabbit = held.enter_context(private_rabbitmq(folder / "rabbitmq"))
    postgres = held.enter_context(private_postgresql(folder / "postgresql"))
    province = make_province(folder / "trunk", database_url=postgres.new_database(), broker_url=rabbit.url)
    return province, {"PostgreSQL": postgres.pid, "RabbitMQ": rabbit.pid}
