"""How a command ends: exit codes, and faults as one clear line on standard error, never a traceback.

The codes are part of the interface: scripts of agencies branch on them. docs/cli.md lists them from ``EXITS``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from types import MappingProxyType
from typing import IO, Any, Final

import click

from trunk.domain.delivery import IllegalTransitionError
from trunk.errors import ConfigurationError, TemporaryError, TrunkError


class Exit(IntEnum):
    """What the shell is told."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFIGURATION = 4
    UNAVAILABLE = 5
    INTERNAL = 70  # sysexits.h EX_SOFTWARE
    INTERRUPTED = 130


EXITS: Final[Mapping[Exit, str]] = MappingProxyType(
    {
        Exit.OK: "done",
        Exit.REFUSED: "the answer is no: refused, invalid, marked, overdue, or `config check`, `doctor`, `load` warns",
        Exit.USAGE: "wrong usage, or the reference names several messages",
        Exit.NOT_FOUND: "no such message, agency, system or key",
        Exit.CONFIGURATION: "the settings, a certificate or the database's version need somebody's hand",
        Exit.UNAVAILABLE: "temporarily unavailable (database, disk): the same command may succeed later",
        Exit.INTERNAL: "a fault of the trunk itself: report it (--traceback shows where)",
        Exit.INTERRUPTED: "ended by Ctrl-C",
    }
)


class EndingError(click.ClickException):
    """The command ends here: ``message`` for people, the class for scripts, ``remedy`` says what to do next."""

    exit_code = Exit.REFUSED

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"trunk: {self.message}", err=file is None, file=file)
        if self.remedy:
            click.echo(f"       → {self.remedy}", err=file is None, file=file)


class RefusedError(EndingError):
    """The answer is no."""

    exit_code = Exit.REFUSED


class WrongUsageError(EndingError):
    """The command line cannot be meant so."""

    exit_code = Exit.USAGE


class NotFoundError(EndingError):
    """There is no such thing here."""

    exit_code = Exit.NOT_FOUND


class MisconfiguredError(EndingError):
    """Settings, files or the database's version need somebody's hand."""

    exit_code = Exit.CONFIGURATION


class UnavailableError(EndingError):
    """It may work later."""

    exit_code = Exit.UNAVAILABLE


class InternalError(EndingError):
    """Our own fault."""

    exit_code = Exit.INTERNAL


@contextmanager
def told_plainly(*, traceback: bool = False) -> Iterator[None]:
    """Turn faults inside into an ``EndingError``; with ``traceback`` they pass as they are."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except KeyboardInterrupt:
        raise click.exceptions.Exit(Exit.INTERRUPTED) from None
    except BrokenPipeError:
        raise  # click ends quietly: whoever read us has had enough
    except Exception as error:
        # The last door: whatever it is, a person reads one line. Nothing is swallowed: --traceback shows it.
        if traceback:
            raise
        raise _ending_for(error) from error


def _ending_for(error: Exception) -> EndingError:
    match error:
        case ConfigurationError():
            return MisconfiguredError(f"{error.code}: {error}", remedy="trunk config check")
        case TemporaryError():
            return UnavailableError(f"{error.code}: {error}", remedy="nothing was half done; try again in a moment")
        case TrunkError() | IllegalTransitionError():
            return RefusedError(str(error))
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return MisconfiguredError(
                f"{where}{error.strerror or error}", remedy="look at the path, its rights and the free space"
            )
        case _ if getattr(error, "temporary", None) is False:  # application.administration.DirectoryError
            return RefusedError(str(error))
        case _:
            return InternalError(
                f"a fault of the trunk itself: {type(error).__name__}",
                remedy="report it with what `trunk --traceback …` prints for the same command",
            )
