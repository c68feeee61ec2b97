"""What comes in by the door of the commands: settings, the three doors of the house, clock, sleep, language.

Commands get a ``World`` and nothing else, so a test gives them another one. Heavy parts are imported when a
command first needs them: ``trunk --help`` opens no database driver.
"""

from __future__ import annotations

import logging
import os
import pwd
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from trunk import settings as settings_module
from trunk.cli.words import Language
from trunk.errors import ConfigurationError
from trunk.settings import Examination, Loaded, Settings

if TYPE_CHECKING:
    from queues.estate import Steward
    from trunk.application.diagnosis import Diagnosis
    from trunk.application.examiners import TooCostly
    from trunk.bootstrap import AdminRoom, Desk
    from trunk.domain.agency import Agency

Wish = TypeVar("Wish")
Told = TypeVar("Told")
_LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


def _log_aside() -> None:
    """Standard output is what was asked for (``--json``): what the parts log goes to standard error, if it matters."""
    import structlog  # noqa: PLC0415  heavy

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def _open_desk(settings: Settings) -> AbstractContextManager[Desk]:
    from trunk.bootstrap import open_desk  # noqa: PLC0415  heavy

    _log_aside()
    _require_ledger(settings)
    return open_desk(settings)


def _open_administration(settings: Settings) -> AbstractContextManager[AdminRoom]:
    from trunk.bootstrap import open_administration  # noqa: PLC0415  heavy

    _log_aside()
    _require_ledger(settings)
    return open_administration(settings, by=_user())


def _open_doctor(settings: Settings) -> AbstractContextManager[Diagnosis]:
    from trunk.bootstrap.doctor import open_doctor  # noqa: PLC0415  heavy

    _log_aside()
    _require_ledger(settings)
    return open_doctor(settings)


def _require_ledger(settings: Settings) -> None:
    """A file that is not there comes back by no waiting: that is no outage."""
    scheme, _, place = settings.database_url.partition(":///")
    file = Path(place.partition("?")[0])
    if scheme == "sqlite" and not file.exists():
        remedy = "give --config FILE or set TRUNK_CONFIG; for a new trunk run `trunk init` or `trunk admin upgrade`"
        raise ConfigurationError(f"no ledger at {file}: {remedy}")


def _open_rabbitmq(settings: Settings, agencies: Sequence[Agency]) -> Steward:
    from trunk.bootstrap import rabbitmq  # noqa: PLC0415  heavy

    _log_aside()
    return rabbitmq.administrator(settings, agencies)


def _upgrade(settings: Settings) -> str:
    from trunk.bootstrap import upgrade  # noqa: PLC0415  heavy

    _log_aside()
    return upgrade(settings, by=_user())


def _serve(settings: Settings, *, workers: int, config: Path | None, shared_port: bool) -> int:
    from trunk.cli import process  # noqa: PLC0415  heavy

    if shared_port:
        return process.work_on_shared_port(settings)
    return process.serve(settings, workers=workers, config=config)


def _examiners(make: Callable[[], Any], limits: Examination) -> Examiners[Any]:
    import structlog  # noqa: PLC0415  heavy

    from trunk.workers.examiners import ExaminerPool  # noqa: PLC0415  heavy

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))  # the report tells it
    return ExaminerPool(partial(_silent, make), limits)


def _silent(make: Callable[[], Any]) -> Any:
    """Libraries quote what they look at; a report says everything that a person should read."""
    logging.disable()
    return make()


class Examiners(Protocol[Told]):
    """Looks at files."""

    def examine(
        self, octets: bytes | Path, *, size: int, at: datetime, caller: str = ""
    ) -> Future[Told | TooCostly]: ...

    def close(self) -> None: ...


class Serve(Protocol):
    """Runs the trunk; returns its exit code."""

    def __call__(self, settings: Settings, *, workers: int, config: Path | None, shared_port: bool) -> int: ...


def _clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the door by which time comes in to commands


def _user() -> str:
    """The operating system's word for who is asking, not the environment's."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


@dataclass(frozen=True, kw_only=True)
class Doors:
    """What a test replaces."""

    open_desk: Callable[[Settings], AbstractContextManager[Desk]] = _open_desk
    open_administration: Callable[[Settings], AbstractContextManager[AdminRoom]] = _open_administration
    open_doctor: Callable[[Settings], AbstractContextManager[Diagnosis]] = _open_doctor
    open_rabbitmq: Callable[[Settings, Sequence[Agency]], Steward] = _open_rabbitmq
    upgrade: Callable[[Settings], str] = _upgrade
    serve: Serve = _serve
    examiners: Callable[[Callable[[], Any], Examination], Examiners[Any]] = _examiners
    now: Callable[[], datetime] = _clock
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    user: Callable[[], str] = _user
    environment: Mapping[str, str] = field(default_factory=settings_module.environment)


@dataclass(kw_only=True)
class World:
    """One run of one command."""

    doors: Doors = field(default_factory=Doors)
    config: Path | None = None
    asked_language: Language | None = None
    traceback: bool = False

    @cached_property
    def loaded(self) -> Loaded:
        """Settings and where each comes from. Raises ``ConfigurationError``."""
        return settings_module.load_explained(self.config, self.doors.environment)

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    @cached_property
    def language(self) -> Language:
        """As asked, else as set, else as the terminal's locale says."""
        return self.asked_language or self._set_language() or self._locale_language()

    def desk(self) -> AbstractContextManager[Desk]:
        """The read-only door."""
        return self.doors.open_desk(self.settings)

    def administration(self) -> AbstractContextManager[AdminRoom]:
        return self.doors.open_administration(self.settings)

    def _set_language(self) -> Language | None:
        try:
            chosen = self.settings.language
        except ConfigurationError:
            return None  # what needs the settings says so itself; `trunk envelope check` does not need them
        return Language(chosen) if chosen else None

    def _locale_language(self) -> Language:
        locale = next((v for n in _LOCALE_VARIABLES if (v := self.doors.environment.get(n))), "")
        return Language.VI if locale.startswith("vi") else Language.EN


pass_world = click.make_pass_decorator(World)


def wish(kind: type[Wish]) -> Callable[[Callable[[World, Wish], None]], Callable[..., None]]:
    """A command of many options gets them as one ``kind`` (a dataclass whose fields are the options' names)."""

    def decorate(command: Callable[[World, Wish], None]) -> Callable[..., None]:
        @wraps(command)
        def gather(world: World, **options: Any) -> None:
            command(world, kind(**options))

        return pass_world(gather)

    return decorate
