"""The tool that keeps RabbitMQ, opened for a command; its faults as endings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from queues.estate import EstateError, Steward
from trunk.cli.exits import EndingError, MisconfiguredError, RefusedError, UnavailableError
from trunk.cli.output import clean
from trunk.cli.world import World

_SETTINGS: Final = frozenset({"RMQ-107", "RMQ-108"})


@contextmanager
def opened(world: World) -> Iterator[Steward]:
    """The tool, for the agencies of the directory."""
    with world.desk() as desk:
        agencies = desk.tracking.agencies()
    try:
        yield world.doors.open_rabbitmq(world.settings, agencies)
    except EstateError as error:
        raise _ending(error) from error


def _ending(error: EstateError) -> EndingError:
    kind = UnavailableError if error.temporary else MisconfiguredError if error.code in _SETTINGS else RefusedError
    return kind(f"{error.code}: {clean(str(error))}", remedy=error.remedy)
