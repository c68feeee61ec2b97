"""``trunk load``: how much does a trunk take? Documents at fixed times, whatever it does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from trunk.cli.exits import Exit, RefusedError, WrongUsageError
from trunk.cli.lazy import example
from trunk.cli.load_options import KeyOf, PartOf, Share, key_in
from trunk.cli.load_probe import look_first
from trunk.cli.load_view import report_json, shown, warnings
from trunk.cli.output import console, is_terminal, note, print_json
from trunk.cli.signer import signer_in
from trunk.cli.world import World, wish
from trunk.load.documents import Scribe, Signer, TooSmallError
from trunk.load.mix import Part, Size, parse_size
from trunk.load.plan import Plan, Spacing, make_plan
from trunk.load.plan import Wish as Wanted
from trunk.load.run import Load, make_documents, room_needed
from trunk.load.store import NoRoomError, Store
from trunk.load.wire import Address

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_EXIT_CODES: Final = """\
\b
Exit codes:
  0  every answer was what it had to be
  1  one was not (they are counted by status and code), or the trunk refuses key or document before the run
  2  wrong usage
  3  the trunk does not know a recipient
  5  no trunk answers at URL, or it is not ready

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of ``trunk load``."""

    url: str
    api_key_file: Path
    sender: str
    to: tuple[str, ...]
    key: Path
    certificate: Path
    chain: tuple[Path, ...]
    password_file: Path | None
    per_second: float
    seconds: float
    sizes: tuple[Part[Size], ...]
    at_once: tuple[Part[int], ...]
    duplicates: float
    bad: float
    arrivals: str
    seed: int
    connections: int
    follow: bool
    recipient_keys: tuple[tuple[str, Path], ...]
    yes: bool
    as_json: bool

    def wanted(self) -> Wanted:
        return Wanted(
            sender=self.sender,
            recipients=self.to,
            per_second=self.per_second,
            seconds=self.seconds,
            sizes=self.sizes,
            at_once=self.at_once,
            repeats=self.duplicates,
            bad=self.bad,
            spacing=Spacing(self.arrivals),
            seed=self.seed,
        )


@click.command(
    epilog=_EXIT_CODES
    + example(
        "trunk load http://127.0.0.1:8080 --api-key-file h41.key --sender H41.90 --to H41.91 \\",
        "    --key signer.key --certificate signer.pem --per-second 50 --seconds 60",
        "trunk load https://truc.example.vn --api-key-file h41.key --sender H41.90 --to H41.91 --to H41.92 \\",
        "    --key signer.key --certificate signer.pem --size 25k=90 --size 200k=9 --size 2m --recipients 1=3 \\",
        "    --recipients 2 --duplicates 1% --bad 1% --arrivals poisson --follow --recipient-key H41.91=h91.key \\",
        "    --recipient-key H41.92=h92.key --yes --json",
    )
)
@click.argument("url")
@click.option("--api-key-file", type=_FILE, required=True, help="Holds the API key of the sender's system.")
@click.option("--sender", required=True, metavar="CODE", help="The sending agency: a test agency.")
@click.option("--to", multiple=True, required=True, metavar="CODE", help="A receiving test agency; repeat for several.")
@click.option("--key", type=_FILE, required=True, help="The signer's private key, PEM (RSA or elliptic curve).")
@click.option(
    "--certificate", type=_FILE, required=True, help="The signer's certificate, PEM; its chain may follow it."
)
@click.option("--chain", type=_FILE, multiple=True, help="Intermediate certificates, PEM; repeat for several.")
@click.option("--password-file", type=_FILE, help="Holds the password of the signer's key.")
@click.option(
    "--per-second",
    type=click.FloatRange(min=0, min_open=True, max=100_000),
    default=10.0,
    show_default=True,
    help="Submissions a second, duplicates and bad ones included.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True, max=604_800),
    default=60.0,
    show_default=True,
    help="For how long they fall due.",
)
@click.option(
    "--size",
    "sizes",
    type=PartOf(parse_size, "SIZE"),
    multiple=True,
    default=("25k",),
    help="Of an envelope: 25k, 200k, 2m; repeat for a mix, with weights: 25k=9. Default: 25k.",
)
@click.option(
    "--recipients",
    "at_once",
    type=PartOf(int, "NUMBER"),
    multiple=True,
    default=("1",),
    help="Of one document, from those of --to in turn; repeat for a mix, with weights: 4=2. Default: 1.",
)
@click.option("--duplicates", type=Share(), default="0", help="Share that repeats an earlier one octet for octet: 1%.")
@click.option("--bad", type=Share(), default="0", help="Share of which one octet is changed after signing: 1%.")
@click.option(
    "--arrivals",
    type=click.Choice([one.value for one in Spacing]),
    default=Spacing.EVEN.value,
    show_default=True,
    help="Evenly spaced, or at random as independent senders come.",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="The same seed and options: the same mix in the same order."
)
@click.option(
    "--connections", type=click.IntRange(1, 4096), default=64, show_default=True, help="Submissions under way at most."
)
@click.option("--follow", is_flag=True, help="Play the recipients' systems, and the sender's at its inbox.")
@click.option(
    "--recipient-key",
    "recipient_keys",
    type=KeyOf(),
    multiple=True,
    help="For --follow: FILE holds the API key of the system of CODE; one for each --to.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@wish(Wish)
def load(world: World, wish: Wish) -> None:
    """How much does a trunk take? / Trục chịu được bao nhiêu?

    Sends signed documents to the trunk at URL over its native API. The documents are real documents for whoever
    receives them: use test agencies, a test trunk, or both.

    All documents are made and signed first. Then submissions start at fixed times, whatever the trunk does, and
    latency counts from when a submission was due: a slow answer counts against all that waited behind it. How late this
    client itself was is told too; where it fell behind, measure from another machine.

    Duplicates must be answered 201 with `Idempotent-Replayed: true`, bad ones 422 with a SIG code; everything else is
    counted by its status and code. Nothing is sent again. With --follow only mail of this run is taken out of the
    inboxes, and the times until the recipients' confirmations and the sender's last acknowledgement are told.
    """
    try:
        address, plan = Address.of(wish.url), make_plan(wish.wanted())
    except ValueError as error:
        raise WrongUsageError(str(error), remedy="trunk load --help") from error
    keys = _keys(wish)
    key, certificates = signer_in(wish.key, wish.certificate, chain=wish.chain, password_file=wish.password_file)
    at = world.doors.now()
    scribe = Scribe(signer=Signer(key, certificates), sender=wish.sender, at=at, seed=wish.seed)
    own = key_in(wish.api_key_file)
    look_first(world, address, scribe, own=own, recipients=wish.to, keys=keys)
    _ask(world, wish, plan)
    with _stored(plan) as store:
        digests = _made(world, plan, scribe, store)
        run = Load(
            address=address,
            key=own,
            plan=plan,
            store=store,
            digests=digests,
            connections=wish.connections,
            clock=world.doors.monotonic,
            followers=(own, *keys.values()) if wish.follow else (),
            document_ids=frozenset(scribe.document_id(n + 1) for n in range(len(plan.drafts))),
        )
        _run(world, wish, run)


def _keys(wish: Wish) -> Mapping[str, str]:
    """Recipients' keys by code: for each one, or for nobody."""
    named = {code for code, _ in wish.recipient_keys}
    if named and not wish.follow:
        raise WrongUsageError("--recipient-key without --follow", remedy="add --follow")
    if wish.follow and (missing := sorted(set(wish.to) - named)):
        raise WrongUsageError(
            f"--follow without the keys of {', '.join(missing)}", remedy=f"--recipient-key {missing[0]}=FILE"
        )
    if unknown := sorted(named - set(wish.to)):
        raise WrongUsageError(f"a key of {', '.join(unknown)}, and no --to", remedy=f"add --to {unknown[0]}")
    return {code: key_in(file) for code, file in wish.recipient_keys}


def _ask(world: World, wish: Wish, plan: Plan) -> None:
    """It cannot be taken back."""
    if wish.yes:
        return
    number, places = len(plan.drafts), ", ".join(wish.to)
    if not is_terminal():
        raise WrongUsageError(
            f"{number} documents for {places}, and nobody to ask", remedy="if these are test agencies, add --yes"
        )
    question = world.language.say(
        f"Gửi {number} văn bản thật tới {places} qua {wish.url}?",
        f"Send {number} real documents to {places} through {wish.url}?",
    )
    click.confirm(question, abort=True, err=True)


@contextmanager
def _stored(plan: Plan) -> Iterator[Store]:
    try:
        store = Store(needed=room_needed(plan))
    except NoRoomError as error:
        raise RefusedError(
            str(error), remedy="TMPDIR=FOLDER with more room, fewer seconds, or smaller sizes"
        ) from error
    with store:
        yield store


def _made(world: World, plan: Plan, scribe: Scribe, store: Store) -> list[str]:
    with _bar(world.language.say("Ký", "signing"), len(plan.drafts)) as passed:
        try:
            return make_documents(plan, scribe, store, passed=passed)
        except TooSmallError as error:
            raise WrongUsageError(str(error), remedy="a larger --size, or fewer --recipients") from error


def _run(world: World, wish: Wish, run: Load) -> None:
    """An interruption half-way tells what was seen until then."""
    try:
        with _bar(world.language.say("Gửi", "sending"), len(run.plan.arrivals)) as passed:
            run.passed = passed
            asyncio.run(run.run())
    finally:
        report = run.report()
        if wish.as_json:
            print_json(report_json(report, _asked(wish)))
        else:
            console().print(shown(report, world.language))
        for line in warnings(report, world.language):
            note(line)
    if not report.as_expected:
        raise click.exceptions.Exit(Exit.REFUSED)


def _asked(wish: Wish) -> dict[str, Any]:
    return {
        "url": wish.url,
        "per_second": wish.per_second,
        "seconds": wish.seconds,
        "arrivals": wish.arrivals,
        "seed": wish.seed,
        "connections": wish.connections,
    }


@contextmanager
def _bar(text: str, total: int) -> Iterator[Callable[[], None]]:
    """Drawn twice a second: the processor is for what is measured."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    screen = console(stderr=True)
    with Progress(
        *columns, console=screen, transient=True, refresh_per_second=2, disable=not screen.is_terminal
    ) as bar:
        task = bar.add_task(text, total=total)
        yield lambda: bar.advance(task)
