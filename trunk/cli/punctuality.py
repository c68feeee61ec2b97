"""``trunk overdue`` and ``trunk punctuality``: who is late with what, and how quick everybody is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click
from rich.table import Table
from rich.text import Text

from trunk.cli.exits import Exit
from trunk.cli.filters import Moment, resolve
from trunk.cli.lazy import example
from trunk.cli.output import HANOI, age, cell, clock, console, instant, note, print_json, table
from trunk.cli.shapes import listed_json
from trunk.cli.story import badges
from trunk.cli.words import LATE, Language
from trunk.cli.world import World, wish
from trunk.domain.punctuality import AgencyPunctuality, LateDelivery, LateKind, OverdueReport, Quickness
from trunk.domain.tracking import Listed

if TYPE_CHECKING:
    from trunk.application.tracking import Tracking

_SUBJECT: Final = 60
_LATE: Final = "bold red"
_BAR: Final = 12
_DEFAULT_DAYS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueWish:
    """The options of ``trunk overdue``."""

    agency: str | None
    kind: tuple[str, ...]
    limit: int
    as_json: bool

    @property
    def kinds(self) -> frozenset[LateKind]:
        return frozenset(map(LateKind, self.kind)) or frozenset(LateKind)


@click.command(
    epilog=example(
        "trunk overdue",
        "trunk overdue --agency H41.01 --kind not_received",
        "trunk overdue --json",
        "trunk overdue >/dev/null || echo look!",
    )
)
@click.option("--agency", help="Only what this recipient is late with, by any of its codes.")
@click.option("--kind", type=click.Choice([kind.value for kind in LateKind]), multiple=True, help="Repeat for several.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Documents at most.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@wish(OverdueWish)
def overdue(world: World, wish: OverdueWish) -> None:
    """Which agency is late with what? / Cơ quan nào quá hạn.

    A recipient is late when its system has not fetched a document in time, when nobody there has received it in
    time (statuses 02 to 06), or when the day of `DueDate` is over without an answer. The times are those of the
    settings `deadlines`. The longest come first, under a summary by agency. Exit code 1 if there is any, so that a
    timer can raise an alarm.
    """
    with world.desk() as desk:
        recipient = resolve(wish.agency, desk.tracking) if wish.agency else None
        found = desk.punctuality.overdue(recipient=recipient, kinds=wish.kinds, limit=wish.limit)
        if wish.as_json:
            print_json(_overdue_json(found, desk.tracking))
        elif found.deliveries:
            console().print(_summary(found, world.language))
            console().print(_lines(found, desk.tracking.now(), world.language))
        else:
            note(world.language.say("Không có văn bản quá hạn", "Nothing is overdue"))
    if len(found.deliveries) == wish.limit:
        note(world.language.say(f"Chỉ hiện {wish.limit} văn bản; dùng --limit", f"{wish.limit} shown; see --limit"))
    if found.deliveries:
        raise click.exceptions.Exit(Exit.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PunctualityWish:
    """The options of ``trunk punctuality``."""

    start: datetime | timedelta | None
    end: datetime | timedelta | None
    agency: str | None
    as_json: bool

    def period(self, now: datetime) -> tuple[datetime, datetime]:
        start = _moment(self.start, now) or now - timedelta(days=_DEFAULT_DAYS)
        end = _moment(self.end, now) or now
        if start >= end:
            raise click.BadParameter("it must be later than --from", param_hint="--to")
        return start, end


@click.command(
    epilog=example(
        "trunk punctuality",
        "trunk punctuality --from 2026-11-01 --to 2026-12-01",
        "trunk punctuality --agency H41.01 --from 7d --json",
    )
)
@click.option("--from", "start", type=Moment(), help="Accepted since: a day, a time, or 7d. Default: 30d.")
@click.option("--to", "end", type=Moment(), help="Accepted before. Default: now.")
@click.option("--agency", help="Only this recipient, by any of its codes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@wish(PunctualityWish)
def punctuality(world: World, wish: PunctualityWish) -> None:
    """How quick is each agency? / Mức độ đúng hạn của từng cơ quan.

    For each recipient: how many documents were accepted for it, the median and the 90th percentile of the time until
    its system fetched them and until its people received them (by the wall clock, of those that were), how many of
    them came late or are late by the rules of the settings `deadlines`, and how many of all are late now.
    """
    with world.desk() as desk:
        start, end = wish.period(desk.tracking.now())
        recipient = resolve(wish.agency, desk.tracking) if wish.agency else None
        found = desk.punctuality.report(start=start, end=end, recipient=recipient)
    if wish.as_json:
        agencies = [_agency_json(one) for one in found]
        print_json({"from": instant(start), "to": instant(end), "agencies": agencies})
    elif found:
        console().print(_punctuality_table(found, world.language, start=start, end=end))
    else:
        note(world.language.say("Không có văn bản trong thời gian này", "No documents in this time"))


def _moment(said: datetime | timedelta | None, now: datetime) -> datetime | None:
    return now - said if isinstance(said, timedelta) else said


def _overdue_json(found: OverdueReport, tracking: Tracking) -> dict[str, Any]:
    now = tracking.now()
    agencies = [
        {"agency": code, "name": found.names.get(code, ""), "late": _counts_json(counts)}
        for code, counts in sorted(found.by_agency.items())
    ]
    return {"items": [_late_json(one, tracking, now) for one in found.deliveries], "agencies": agencies}


def _late_json(one: LateDelivery, tracking: Tracking, now: datetime) -> dict[str, Any]:
    line = Listed(delivery=one.delivery, envelope=one.envelope, recipient_name=one.recipient_name)
    lates = [
        {"kind": late.kind.value, "due_at": instant(late.due_at), "late_seconds": int(late.by(now).total_seconds())}
        for late in one.lates
    ]
    return {**listed_json(line, tracking=tracking), "overdue": True, "late": lates}


def _agency_json(one: AgencyPunctuality) -> dict[str, Any]:
    return {
        "agency": one.agency,
        "name": one.name,
        "documents": one.documents,
        "fetched": _quickness_json(one.fetched),
        "received": _quickness_json(one.received),
        "late_in_period": _counts_json(one.late_in_period),
        "late_now": _counts_json(one.late_now),
    }


def _quickness_json(found: Quickness | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"count": found.count, "median_seconds": round(found.median, 3), "p90_seconds": round(found.p90, 3)}


def _counts_json(counts: Mapping[LateKind, int]) -> dict[str, int]:
    return {kind.value: counts.get(kind, 0) for kind in LateKind}


def _summary(found: OverdueReport, language: Language) -> Table:
    made = table([language.say("Cơ quan", "Agency"), *(language.of(LATE[kind]) for kind in LateKind), ""])
    most = max(sum(counts.values()) for counts in found.by_agency.values())
    ranked = sorted(found.by_agency.items(), key=lambda pair: (-sum(pair[1].values()), pair[0]))
    for code, counts in ranked:
        name = cell(code, "bold").append(" ").append_text(cell(found.names.get(code, ""), limit=30))
        numbers = [Text(str(counts.get(kind, 0) or "·"), justify="right") for kind in LateKind]
        made.add_row(name, *numbers, _bar(sum(counts.values()) / most, _LATE))
    return made


def _lines(found: OverdueReport, now: datetime, language: Language) -> Table:
    headings = [
        language.say("Văn bản", "Document"),
        language.say("Gửi → nhận", "From → to"),
        language.say("Quá hạn", "Late with"),
        language.say("Hạn", "Was due"),
    ]
    made = table(headings)
    made.columns[0].ratio = 3
    made.columns[3].no_wrap = True
    for one in found.deliveries:
        made.add_row(*_row(one, now, language))
    return made


def _row(one: LateDelivery, now: datetime, language: Language) -> tuple[Text, Text, Text, Text]:
    envelope = one.envelope
    document = cell(envelope.document_code or envelope.document_id, "bold")
    if envelope.subject:
        document.append("\n").append_text(cell(envelope.subject, limit=_SUBJECT))
    marks = badges(envelope, overdue=False, language=language)
    if marks.plain:
        document.append("\n").append_text(marks)
    way = cell(envelope.sender).append("\n→ ").append_text(cell(one.delivery.addressee, "bold"))
    kinds = [f"{language.of(LATE[late.kind])} ({age(late.by(now), language)})" for late in one.lates]
    return document, way, Text("\n".join(kinds), style=_LATE), Text("\n".join(clock(late.due_at) for late in one.lates))


def _punctuality_table(
    found: Sequence[AgencyPunctuality], language: Language, *, start: datetime, end: datetime
) -> Table:
    headings = [
        language.say("Cơ quan", "Agency"),
        language.say("Văn bản", "Docs"),
        language.say("Lấy về: giữa / 90%", "Fetched: median / 90%"),
        language.say("Tiếp nhận: giữa / 90%", "Received: median / 90%"),
        language.say("Trễ trong kỳ", "Late in period"),
        language.say("Đang trễ", "Late now"),
    ]
    made = table(headings, title=f"{start.astimezone(HANOI):%d/%m/%Y %H:%M} – {end.astimezone(HANOI):%d/%m/%Y %H:%M}")
    slowest = max((one.received.median for one in found if one.received), default=0) or 1
    for one in found:
        received = _quick(one.received, language)
        if one.received is not None:
            received.append("\n").append_text(_bar(one.received.median / slowest, "cyan"))
        made.add_row(
            cell(one.agency, "bold").append("\n").append_text(cell(one.name, limit=30)),
            Text(str(one.documents), justify="right"),
            _quick(one.fetched, language),
            received,
            _late(one.late_in_period, language),
            _late(one.late_now, language),
        )
    return made


def _quick(found: Quickness | None, language: Language) -> Text:
    if found is None:
        return Text("–", style="dim")
    return Text(f"{_span(found.median, language)} / {_span(found.p90, language)}")


def _span(seconds: float, language: Language) -> str:
    if seconds < 60:
        return language.say(f"{seconds:.0f} giây", f"{seconds:.0f} s")
    return age(timedelta(seconds=seconds), language)


def _late(counts: Mapping[LateKind, int], language: Language) -> Text:
    said = [f"{counts[kind]} {language.of(LATE[kind])}" for kind in LateKind if counts.get(kind)]
    return Text("\n".join(said), style=_LATE) if said else Text("·", style="dim")


def _bar(share: float, style: str) -> Text:
    """Something is always to be seen where there is something."""
    return Text("█" * max(round(_BAR * share), 1), style=style)
