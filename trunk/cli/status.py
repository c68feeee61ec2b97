"""``trunk status``: where is my document? Looks through the read-only door and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from trunk.cli.exits import Exit, NotFoundError
from trunk.cli.lazy import example
from trunk.cli.output import clean, clock, console, instant, is_terminal, print_json, simple_table
from trunk.cli.shapes import envelope_json, is_settled, track_json
from trunk.cli.story import tell
from trunk.cli.words import KIND, STATE, Language
from trunk.cli.world import World, wish
from trunk.domain.delivery import DeliveryId, DeliveryState, EnvelopeId
from trunk.domain.entry import EnvelopeKind, EnvelopeRecord
from trunk.domain.tracking import EnvelopeTrack
from trunk.errors import LedgerUnavailableError

if TYPE_CHECKING:
    from trunk.application.tracking import Tracking


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of ``trunk status``."""

    reference: str
    as_json: bool
    watch: bool
    every: float


@click.command(
    epilog=example(
        "trunk status 7816/VPCP-TTĐT",
        "trunk status '000.00.00.G22,2015/09/30,7816/VPCP-TTĐT' --json",
        "trunk status 0199a3c4-7d0e-7c11-a3b5-5d0c8f6a2b11 --watch",
    )
)
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (with --watch: one line for each change).")
@click.option("--watch", is_flag=True, help="Look again until every recipient has it or turned it down, or Ctrl-C.")
@click.option("--every", type=click.FloatRange(min=0.1), default=2.0, show_default=True, help="Seconds between looks.")
@wish(Wish)
def status(world: World, wish: Wish) -> None:
    """Where is my document? / Văn bản của tôi đang ở đâu?

    REFERENCE is a document code (số/ký hiệu), an edXML DocumentId, an envelope id or a delivery id. The table has
    one part for each recipient: its state, since when, the statuses it reported and what the sender was told.
    Where several messages have the same code, they are listed and you name one by its envelope id.
    """
    with world.desk() as desk:
        chosen = _choose(desk.tracking, wish, world)
        if wish.watch:
            _watch(desk.tracking, chosen, wish, world)
        else:
            _show(_look(desk.tracking, chosen), desk.tracking, wish, world.language)


def _choose(tracking: Tracking, wish: Wish, world: World) -> EnvelopeId:
    """The one message that is meant. A document comes before the notices about it."""
    found = tracking.find(wish.reference)
    documents = [record for record in found if record.kind is EnvelopeKind.DOCUMENT]
    candidates = documents or found
    if not candidates:
        raise _missing(tracking, wish, world.language)
    if len(candidates) == 1:
        return candidates[0].id
    return _ask(candidates, wish, world.language)


def _missing(tracking: Tracking, wish: Wish, language: Language) -> NotFoundError:
    """Not there; or rejected, which a clerk must not have to guess."""
    reference = clean(wish.reference)
    for rejection in tracking.rejections(wish.reference):
        when, why = clock(rejection.accepted_at), rejection.description
        return NotFoundError(
            language.say(f"trục không tiếp nhận {reference} ({when}): {why}", f"rejected {reference} ({when}): {why}"),
            remedy="docs/codes.md",
        )
    return NotFoundError(language.say(f"không tìm thấy: {reference}", f"not found: {reference}"), remedy="trunk list")


def _ask(candidates: Sequence[EnvelopeRecord], wish: Wish, language: Language) -> EnvelopeId:
    if wish.as_json:
        print_json({"matches": [envelope_json(record) for record in candidates]})
    else:
        console().print(_matches(candidates, language))
    if wish.as_json or not is_terminal():
        click.echo(
            language.say("Có nhiều kết quả; hãy nêu một mã gói tin (id)", "Several match; name one by its id"), err=True
        )
        raise click.exceptions.Exit(Exit.USAGE)
    number: int = click.prompt(
        language.say("Xem số mấy", "Show which number"), type=click.IntRange(1, len(candidates)), default=1
    )
    return candidates[number - 1].id


def _matches(candidates: Sequence[EnvelopeRecord], language: Language) -> object:
    headings = [
        "#",
        language.say("Tiếp nhận", "Accepted"),
        language.say("Loại", "Kind"),
        language.say("Bên gửi", "Sender"),
        language.say("Số ký hiệu / mã gói tin", "Code / id"),
    ]
    rows = [
        (
            str(n),
            clock(r.accepted_at),
            language.of(KIND[r.kind]),
            r.sender,
            f"{r.document_code or r.document_id} {r.id}",
        )
        for n, r in enumerate(candidates, start=1)
    ]
    return simple_table(headings, rows)


def _look(tracking: Tracking, envelope_id: EnvelopeId) -> EnvelopeTrack:
    track = tracking.track(envelope_id)
    if track is None:
        raise NotFoundError(f"not found: {envelope_id}")
    return track


def _show(track: EnvelopeTrack, tracking: Tracking, wish: Wish, language: Language) -> None:
    if wish.as_json:
        print_json(track_json(track, tracking=tracking))
    else:
        console().print(tell(track, tracking=tracking, language=language))


def _watch(tracking: Tracking, chosen: EnvelopeId, wish: Wish, world: World) -> None:
    screen = console()
    if wish.as_json:
        _follow(
            tracking,
            chosen,
            wish,
            world,
            show=lambda track: print_json(track_json(track, tracking=tracking), on_one_line=True),
        )
    elif screen.is_terminal:
        _watch_live(screen, tracking, chosen, wish, world)
    else:
        _follow(tracking, chosen, wish, world, show=lambda track: _print_changes(track, tracking.now(), world.language))


def _watch_live(screen: Console, tracking: Tracking, chosen: EnvelopeId, wish: Wish, world: World) -> None:
    with Live(console=screen, auto_refresh=False, vertical_overflow="visible") as live:

        def show(track: EnvelopeTrack) -> None:
            looked = Text(f"{clock(tracking.now())}  Ctrl-C", style="dim")
            live.update(Group(tell(track, tracking=tracking, language=world.language), looked), refresh=True)

        _follow(tracking, chosen, wish, world, show=show, always=True)


def _follow(
    tracking: Tracking,
    chosen: EnvelopeId,
    wish: Wish,
    world: World,
    *,
    show: Callable[[EnvelopeTrack], None],
    always: bool = False,
) -> None:
    """Look until settled; show each change (``always``: each look). A ledger that is away is waited for."""
    seen: object = None
    away = False
    while True:
        try:
            track = _look(tracking, chosen)
            away = False
        except LedgerUnavailableError as error:
            if not away:
                click.echo(f"trunk: {error}; trying again", err=True)
            away = True
        else:
            picture = (_states(track), len(track.acknowledgements), [len(d.statuses) for d in track.deliveries])
            if always or picture != seen:
                show(track)
            seen = picture
            if is_settled(track):
                return
        world.doors.sleep(wish.every)


def _states(track: EnvelopeTrack) -> dict[DeliveryId, DeliveryState]:
    return {d.delivery.id: d.delivery.state for d in track.deliveries}


def _print_changes(track: EnvelopeTrack, now: datetime, language: Language) -> None:
    """For a pipe or a log: a line for each recipient."""
    for part in track.deliveries:
        state = language.of(STATE[part.delivery.state])
        click.echo(f"{instant(now)}  {part.delivery.addressee}  {part.delivery.state}  {state}")
