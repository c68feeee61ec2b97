"""``trunk status``: where is my document? Looks through the read-only door and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from trunk.cli.choosing import choose
from trunk.cli.exits import NotFoundError
from trunk.cli.lazy import example
from trunk.cli.output import clock, console, instant, print_json
from trunk.cli.shapes import is_settled, track_json
from trunk.cli.story import tell
from trunk.cli.words import STATE, Language
from trunk.cli.world import World, wish
from trunk.domain.delivery import EnvelopeId
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
    one part for each recipient: its state, since when, the statuses it reported, what it was asked (to give the
    document back, to take an update) and answered, and what the sender was told. Above it stand the documents that
    this one answers, revokes, updates or replaces, and those that do so to it: one code means the document and all
    that changed it. Where really different messages have the same code, they are listed and you name one by its
    envelope id.
    """
    with world.desk() as desk:
        chosen = choose(desk.tracking, wish.reference, as_json=wish.as_json, language=world.language).id
        if wish.watch:
            _watch(desk.tracking, chosen, wish, world)
        else:
            _show(_look(desk.tracking, chosen), desk.tracking, wish, world.language)


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
            picture = _picture(track)
            if always or picture != seen:
                show(track)
            seen = picture
            if is_settled(track):
                return
        world.doors.sleep(wish.every)


def _picture(track: EnvelopeTrack) -> object:
    """What makes a look worth showing where it differs from the last one."""
    parts = [
        (d.delivery.id, d.delivery.state, d.fetched_at, len(d.statuses), [request.state for request in d.requests])
        for d in track.deliveries
    ]
    return parts, len(track.acknowledgements), len(track.related)


def _print_changes(track: EnvelopeTrack, now: datetime, language: Language) -> None:
    """For a pipe or a log: a line for each recipient."""
    for part in track.deliveries:
        state = language.of(STATE[part.delivery.state])
        click.echo(f"{instant(now)}  {part.delivery.addressee}  {part.delivery.state}  {state}")
