"""What the trunk stands on in the proof: PostgreSQL on a small disk of its own, RabbitMQ, and the roads to them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from queues import names
from scripts.private_postgresql import PostgresServer, private_postgresql
from scripts.private_rabbitmq import RabbitServer, private_rabbitmq
from scripts.soak.roads import FarRoad, Roads

AGENCY_PASSWORD: Final = "of-the-agencies"  # noqa: S105  on loopback, for an hour
_ADD: Final = (
    'rabbit_auth_backend_internal:add_user(<<"{user}">>, <<"{password}">>, <<"soak">>), '
    'rabbit_auth_backend_internal:set_permissions(<<"{user}">>, <<"/">>, <<"^$">>, <<"^$">>, <<"{read}">>, <<"soak">>),'
)


@dataclass(eq=False)
class Servers:
    """Both, and the roads by which they are reached."""

    postgres: PostgresServer
    rabbit: RabbitServer
    database_road: FarRoad
    broker_road: FarRoad
    agencies_road: FarRoad  #: of agencies that consume their own queue, to RabbitMQ
    disk: SmallDisk | None
    database_url: str
    broker_url: str
    consumers: Sequence[str] = ()  #: agencies with a RabbitMQ user of their own

    def consumer_url(self, agency: str) -> str:
        """For an agency's own user, over the agencies' road."""
        return f"amqp://{_user(agency)}:{AGENCY_PASSWORD}@127.0.0.1:{self.agencies_road.port}/%2F"

    def add_users(self) -> None:
        """What ``trunk admin rabbitmq apply`` does in production, after the volume was wiped as well."""
        added = (
            _ADD.format(user=_user(code), password=AGENCY_PASSWORD, read=f"^{names.encode(code)}$".replace(".", "[.]"))
            for code in self.consumers
        )
        self.rabbit.ctl("eval", " ".join(added) + " ok.")


@dataclass(eq=False)
class SmallDisk:
    """A file system of its own that can be filled to the last octet."""

    folder: Path
    kind: str

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def fill(self) -> None:
        """Nothing more fits."""
        free = shutil.disk_usage(self.folder).free
        with self._filler.open("wb", buffering=0) as file, suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, max(free - 2**16, 1))
        with self._filler.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(image: Path, folder: Path, *, mebibytes: int) -> Iterator[SmallDisk | None]:
    """A loop-mounted ext4, or a tmpfs where that is not to be had, or nothing where we may not mount."""
    kind = _mount(image, folder, mebibytes) if os.geteuid() == 0 else ""
    if not kind:
        yield None
        return
    try:
        yield SmallDisk(folder, kind)
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=False, capture_output=True)


def _mount(image: Path, folder: Path, mebibytes: int) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    with image.open("wb") as file:
        file.truncate(mebibytes * 2**20)
    ext4 = (("mkfs.ext4", "-q", "-m", "0", str(image)), ("mount", "-o", "loop", str(image), str(folder)))
    if all(_works(command) for command in ext4):
        return "ext4 on a loop device"
    return "tmpfs" if _works(("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder))) else ""


def _works(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0
    except OSError:
        return False


@contextmanager
def servers(folder: Path, roads: Roads, consumers: Sequence[str]) -> Iterator[Servers]:
    """Both, as long as the block."""
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(folder / "disk.img", folder / "disk", mebibytes=8_192))
        postgres = stack.enter_context(private_postgresql(folder / "disk"))
        rabbit = stack.enter_context(private_rabbitmq(folder / "servers"))
        database_road, broker_road = roads.open(postgres.port), roads.open(rabbit.port)
        made = Servers(
            postgres=postgres,
            rabbit=rabbit,
            database_road=database_road,
            broker_road=broker_road,
            agencies_road=roads.open(rabbit.port),
            disk=disk,
            database_url=_over(database_road, postgres.new_database()),
            broker_url=_over(broker_road, rabbit.url),
            consumers=consumers,
        )
        made.add_users()
        yield made


def _user(agency: str) -> str:
    return f"trunk.agency.{agency}"


def _over(road: FarRoad, url: str) -> str:
    """The same URL by the road."""
    parts = urlsplit(url)
    who, _, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{who}@127.0.0.1:{road.port}"))
