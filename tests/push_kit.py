"""A trunk that posts, in the test's own process and in a clock that the test moves."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import structlog

from scripts.province import FIRST, SECOND, SENDER, Province, make_province
from tests.push_receiver import Post
from tests.trunk_room import Room, open_room
from trunk.bootstrap import Service, open_administration
from trunk.domain.agency import Agency, DeliveryMode, Directory
from trunk.domain.delivery import EnvelopeId
from trunk.domain.endpoint import Endpoint
from trunk.workers.loops import Went

__all__ = ["FIRST", "SECOND", "SENDER", "PushRoom", "posts_to", "push_province", "push_room"]

SETTINGS = """
[push]
private_hosts = ["localhost:*"]
silence_seconds = 20
total_seconds = 40
"""


def push_province(folder: Path, *, database_url: str = "", broker_url: str = "embedded:", more: str = "") -> Province:
    return make_province(folder, database_url=database_url, broker_url=broker_url, settings=SETTINGS + more)


def posts_to(province: Province, **urls: str) -> None:
    """Give the agencies, ``_`` for ``.`` in their codes, proven endpoints."""
    with open_administration(province.settings()) as room:
        directory = Directory(room.tracking.agencies())
        for name, url in urls.items():
            agency = directory.registered(name.replace("_", "."))
            assert agency is not None
            room.administration.put_agencies([pushed(agency, url)])


def pushed(agency: Agency, url: str) -> Agency:
    return dataclasses.replace(agency, mode=DeliveryMode.PUSH, endpoint=Endpoint(url=url, proven=url))


class PushRoom:
    """The room, and its courier at the test's own pace."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.number = 0

    @property
    def service(self) -> Service:
        return self.room.service

    def send(self, *, to: Sequence[str] = (FIRST,), priority: int = 0) -> str:
        """The envelope's id."""
        self.number += 1
        octets = self.room.province.signed(str(self.number), recipients=tuple(to), priority=priority)
        return str(self.room.accepted(octets).accepted.envelope.id)

    def carry(self) -> None:
        """Until nothing is to be posted any more."""
        until = time.monotonic() + 240
        courier = self.service.courier
        while True:
            under_way = courier.at_work  # asked first: what ends during the step makes room for more
            if courier.step() is not Went.WORKED and not under_way:
                return
            assert time.monotonic() < until, "the courier does not come to an end"
            time.sleep(0.002)

    def later(self, **time_: float) -> None:
        self.room.clock.pass_by(timedelta(**time_))
        while not self.service.sweep.run_once().idle:
            pass

    def recall(self) -> None:
        """What was sent last."""
        said = self.room.province.status(str(self.number), "13", reporter=SENDER, description="gửi nhầm")
        self.room.accepted(said)

    def states(self, envelope_id: str) -> dict[str, str]:
        track = self.service.tracking.track(EnvelopeId(envelope_id))
        assert track is not None
        return {one.delivery.addressee: one.delivery.state.value for one in track.deliveries}

    def journal(self, envelope_id: str, agency: str = FIRST) -> list[str]:
        """Events of the delivery, with their reasons."""
        track = self.service.tracking.track(EnvelopeId(envelope_id))
        assert track is not None
        (part,) = [one for one in track.deliveries if one.delivery.addressee == agency]
        return [f"{line.event} {line.reason}".strip() for line in part.timeline]


def documents(posts: Sequence[Post]) -> list[Post]:
    return [one for one in posts if one.headers["trunk-kind"] == "document"]


@contextmanager
def push_room(province: Province) -> Iterator[PushRoom]:
    with structlog.testing.capture_logs(), open_room(province) as room:
        yield PushRoom(room)
