"""A trunk that listens, with the secrets of VXP systems, and the Java clients that call it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import structlog

from scripts.province import FIRST, SECOND, SENDER, Province, make_province
from tests.java_system import VERSIONS, JavaSystem, java_system
from tests.unit.http.serving import Client, serving
from trunk.application.shared_secrets import IssuedSecret, SecretWish
from trunk.bootstrap import Service, open_administration, open_service
from trunk.domain.agency import SystemId

__all__ = ["FIRST", "NUMBERS", "OLD", "SECOND", "SENDER", "Town", "failed", "ok", "vxp_town"]

OLD = {SENDER: "000.00.01.H41", FIRST: "000.00.17.H36", SECOND: "000.00.00.G12"}
NUMBERS = count(1)
SETTINGS = """
[http]
port = 0
max_body_octets = 4000000

[vxp]
administrators = "g12-qlvb"

[delivery]
retry_first_seconds = 0.1

[examination]
seconds = 30
"""


@dataclass
class Town:
    """A trunk at work and what makes clients of it."""

    java: tuple[Path, Path]
    province: Province
    service: Service
    port: int
    folder: Path
    secrets: dict[str, IssuedSecret] = field(default_factory=dict)
    stores: Iterator[int] = field(default_factory=count)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/vxp"

    def issue(self, agency: str) -> IssuedSecret:
        with open_administration(self.province.settings()) as room:
            system = SystemId(f"{agency.lower()}-qlvb")
            return room.secrets.issue(SecretWish(system=system, name=OLD[agency]))

    def system(
        self, agency: str, *, secret: str = "", endpoint: str = "", version: str = VERSIONS[-1]
    ) -> AbstractContextManager[JavaSystem]:
        credentials = (OLD[agency], secret or self.secrets[agency].spelled)
        store = self.folder / f"store-{next(self.stores)}"
        return java_system(self.java, endpoint or self.endpoint, credentials, store, version=version)

    def letter(self, **wish: Any) -> bytes:
        return self.province.signed(str(next(NUMBERS)), **wish)

    def until(self, true: Callable[[], bool], *, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.1)


@contextmanager
def vxp_town(java: tuple[Path, Path], folder: Path) -> Iterator[Town]:
    province = make_province(folder / "province", settings="")
    text = province.config.read_text(encoding="utf-8").replace("[http]\nport = 0\n", "")
    province.config.write_text(text + SETTINGS, encoding="utf-8")
    with ExitStack() as stack:
        stack.enter_context(structlog.testing.capture_logs())
        service = stack.enter_context(open_service(province.settings()))
        for loop in service.process.loops:
            loop.start()
            stack.callback(loop.stop)
        client: Client = stack.enter_context(serving(service.app))
        town = Town(java, province, service, client.port, folder)
        with open_administration(province.settings()) as room:
            room.secrets.make_key()
        town.secrets = {agency: town.issue(agency) for agency in OLD}
        yield town


def ok(answer: Any) -> Any:
    assert answer is not None
    assert (answer["status"], answer["ErrorCode"]) == ("OK", "0"), answer
    return answer


def failed(answer: Any, number: str) -> Any:
    assert answer is not None, "the caller got nothing"
    assert (answer["status"], answer["ErrorCode"]) == ("FAIL", number), answer
    assert answer["ErrorDesc"]
    return answer
