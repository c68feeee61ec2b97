"""Options that choose deliveries (``list``, ``admin replay``), and what they mean as a ``Search``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from trunk.cli.exits import NotFoundError
from trunk.cli.output import HANOI
from trunk.domain.delivery import UNFINISHED, WAITING, AgencyCode, DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.domain.tracking import Search

if TYPE_CHECKING:
    from trunk.application.tracking import Tracking

Command = TypeVar("Command", bound=Callable[..., Any])

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN: Final = re.compile(r"(\d{1,5})([mhdw])")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")
_DAYS: Final = ("%Y-%m-%d", "%d/%m/%Y", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M")

STATES: Final = {
    **{state.value: frozenset({state}) for state in DeliveryState},
    "waiting": WAITING,
    "settled": frozenset(DeliveryState) - UNFINISHED,
}


class Span(click.ParamType[timedelta]):
    """A length of time: ``90m``, ``8h``, ``2d``, ``1w``."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        match = _SPAN.fullmatch(value)
        if match is None:
            self.fail(f"{value!r} is no length of time; write 90m, 8h, 2d or 1w", param, ctx)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


class Moment(click.ParamType[datetime | timedelta]):
    """A day or a time in Vietnam, a time of RFC 3339, or a length of time ago."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | timedelta:
        if isinstance(value, datetime | timedelta):
            return value
        if _SPAN.fullmatch(value):
            return Span().convert(value, param, ctx)
        days = (_read_day(value, form) for form in _DAYS)
        found = next((day for day in (_read_instant(value), *days) if day is not None), None)
        if found is None:
            forms = "2025-10-09, 09/10/2025, '2025-10-09 14:00', 2025-10-09T14:00:00+07:00 or 2d"
            self.fail(f"{value!r} is no day; write {forms}", param, ctx)
        return found


def _read_instant(text: str) -> datetime | None:
    """Of RFC 3339: it says its zone."""
    if _INSTANT.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(HANOI)
    except (ValueError, OverflowError):
        return None


def _read_day(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=HANOI)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What was asked for."""

    agency: str | None
    state: tuple[str, ...]
    kind: tuple[str, ...]
    older_than: timedelta | None
    since: datetime | timedelta | None
    until: datetime | timedelta | None
    reason_code: str
    urgent: bool
    text: str
    limit: int

    @property
    def empty(self) -> bool:
        """Nothing was asked for: everything would match."""
        times = self.older_than or self.since or self.until
        return not (self.agency or self.state or times or self.urgent or self.text or self.reason_code)

    def search(self, tracking: Tracking) -> Search:
        """As the ledger understands it. Raises ``NotFoundError`` for an agency that the directory does not know."""
        now = tracking.now()
        since = now - self.since if isinstance(self.since, timedelta) else self.since
        until = now - self.until if isinstance(self.until, timedelta) else self.until
        ends = [end for end in (until, now - self.older_than if self.older_than else None) if end is not None]
        return Search(
            agency=resolve(self.agency, tracking) if self.agency else None,
            states=frozenset().union(*(STATES[name] for name in self.state)),
            kinds=frozenset(EnvelopeKind(name) for name in self.kind) or frozenset({EnvelopeKind.DOCUMENT}),
            accepted_before=min(ends, default=None),
            accepted_after=since,
            urgency_at_least=1 if self.urgent else 0,
            text=self.text,
            reason_code=self.reason_code,
            limit=self.limit,
        )


def resolve(code: str, tracking: Tracking) -> AgencyCode:
    """The agency that any of its codes means."""
    found = tracking.resolve(code)
    if found is None:
        raise NotFoundError(f"no agency has the code {code}", remedy="trunk admin agency list")
    return found


def filter_options(limit: int) -> Callable[[Command], Command]:
    """The options whose values make a ``Filter``."""
    options = (
        click.option("--agency", help="Sender or recipient, by any of its codes (H41.01, 000.00.01.H41, an alias)."),
        click.option("--state", type=click.Choice(list(STATES)), multiple=True, help="Repeat for several."),
        click.option(
            "--kind", type=click.Choice([k.value for k in EnvelopeKind]), multiple=True, help="Default: document."
        ),
        click.option("--older-than", type=Span(), help="Accepted longer ago than this: 90m, 8h, 2d, 1w."),
        click.option("--since", type=Moment(), help="Accepted since: a day, a time, or 2d."),
        click.option("--until", type=Moment(), help="Accepted before: a day, a time, or 2d."),
        click.option(
            "--reason-code",
            default="",
            help="Why the last attempt failed, by its first word: status_503.",
        ),
        click.option("--urgent", is_flag=True, help="Only urgent ones (khẩn and above)."),
        click.option("--text", default="", help="In subject, code or DocumentId; case does not matter."),
        click.option("--limit", type=click.IntRange(min=1), default=limit, show_default=True, help="At most so many."),
    )

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
