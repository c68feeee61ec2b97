"""``trunk admin backup``: a copy of everything while the trunk runs; and ``restore``, the way back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from trunk.cli.exits import Exit
from trunk.cli.lazy import example
from trunk.cli.output import console, note, print_json
from trunk.cli.words import Language
from trunk.cli.world import World, pass_world, wish

if TYPE_CHECKING:
    from trunk.application.copies import Manifest, Passed
    from trunk.bootstrap.copies import Restored

_LOOK_AT: Final = (
    "trunk admin key list",
    "trunk admin operator list",
    "trunk admin vxp-secrets list",
    "trunk admin lgsp-accounts list",
    "trunk admin certificate list",
)
"""Where what was revoked since the backup is valid again."""
_FOLDER = click.Path(file_okay=False, path_type=Path)


class _Backup(click.Group):
    """``backup DIR`` takes one; ``backup verify DIR`` looks at one."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        return super().resolve_command(ctx, args if args[0] in self.commands else ["take", *args])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        direct = args and args[0] not in self.commands and args[0] not in ctx.help_option_names
        return super().parse_args(ctx, ["take", *args] if direct else args)


@click.group(cls=_Backup, epilog=example("trunk admin backup /backup/2026-03-01"))
def backup() -> None:
    """Takes a backup into a new folder, while the trunk runs: `backup DIR`; `backup verify DIR` looks at one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of ``take``."""

    folder: Path
    with_keys: bool
    as_json: bool


@backup.command(epilog=example("trunk admin backup take /backup/2026-03-01 --with-keys"))
@click.argument("folder", type=_FOLDER, metavar="DIR")
@click.option("--with-keys", is_flag=True, help="Also the keys of seal, VXP, LGSP and uplink. Guard it as those.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest.")
@wish(Wish)
def take(world: World, wish: Wish) -> None:
    """Copy database, payloads and manifest to DIR, which must be new or empty, and becomes its owner's alone (700)."""
    with world.administration() as room, _bar() as passed:
        manifest = room.copies.take(wish.folder, with_keys=wish.with_keys, passed=passed)
    _tell(manifest, world, as_json=wish.as_json)
    if not wish.with_keys:
        told = "The keys (seal, VXP, LGSP, uplink) are NOT in it: keep them apart, without them nothing can be read on."
        note(world.language.say("Bản sao KHÔNG có khoá (con dấu, VXP, LGSP, uplink): hãy lưu riêng.", told))


@backup.command(epilog=example("trunk admin backup verify /backup/2026-03-01"))
@click.argument("folder", type=_FOLDER, metavar="DIR")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest.")
@pass_world
def verify(world: World, *, folder: Path, as_json: bool) -> None:
    """See whether every file of the backup in DIR is as it was written."""
    from trunk.application import copies  # noqa: PLC0415  heavy

    with _bar() as passed:
        manifest = copies.verify(folder, passed=passed)
    _tell(manifest, world, as_json=as_json)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RestoreWish:
    """The options of ``restore``."""

    folder: Path
    into: Path
    against: Path | None
    former: tuple[Path, ...]
    end_operator_keys: bool
    as_json: bool


@click.command(
    epilog=example(
        "trunk admin restore /backup/2026-03-01 --into /etc/edoc-trunk/trunk.toml",
        "trunk admin restore DIR --into trunk.toml --against heads.json --end-operator-keys",
    )
)
@click.argument("folder", type=_FOLDER, metavar="DIR")
@click.option("--into", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True, help="Settings.")
@click.option("--against", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Heads kept elsewhere.")
@click.option(
    "--seal",
    "former",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Certificate of an earlier seal of this trunk, for heads from its time. May be given several times.",
)
@click.option("--end-operator-keys", is_flag=True, help="Revoke all keys of operators: those who go on get new ones.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@wish(RestoreWish)
def restore(world: World, wish: RestoreWish) -> None:
    """Fill the empty trunk that CONFIG describes from the backup in DIR. Ends with 1 if it is older than --against.

    What waits is offered to its recipients again, under the same delivery ids. What was accepted after the backup is
    not in it: senders that repeat lose nothing. What was revoked or retired after it is valid again: keys, operators,
    secrets, accounts, certificates; look, and end them anew. Replays that were running are stopped.
    """
    from trunk import settings  # noqa: PLC0415  heavy
    from trunk.bootstrap import copies  # noqa: PLC0415  heavy

    with _bar() as passed:
        done = copies.restore(
            settings.load(wish.into, world.doors.environment),
            wish.folder,
            by=world.doors.user(),
            against=wish.against,
            former=wish.former,
            end_keys=wish.end_operator_keys,
            passed=passed,
        )
    if wish.as_json:
        print_json(_restored(done))
    _note(done, world.language)
    if done.older:
        raise click.exceptions.Exit(Exit.REFUSED)


def _restored(done: Restored) -> dict[str, Any]:
    return {
        "id": done.manifest.id,
        "taken_at": done.manifest.taken_at,
        "older": [dataclasses.asdict(fault) for fault in done.older],
        "replays_stopped": done.replays_stopped,
        "operator_keys_ended": done.operator_keys_ended,
        "valid_again_since": done.manifest.taken_at,
        "look_at": _LOOK_AT,
    }


def _note(done: Restored, language: Language) -> None:
    at, stopped, ended = done.manifest.taken_at, done.replays_stopped, done.operator_keys_ended
    say = language.say
    note(say(f"Đã khôi phục trạng thái lúc {at}", f"Restored as of {at}: what came later is not in it"))
    if stopped:
        note(say(f"Đã dừng {stopped} đợt giao lại đang chạy", f"{stopped} replays that were running are stopped"))
    if ended:
        note(say(f"Đã thu hồi {ended} khóa người vận hành", f"{ended} operators' keys are revoked"))
    told = f"What was revoked or retired after {at} is valid again; look, and end it anew:"
    note(say(f"Những gì bị thu hồi hoặc thôi dùng sau {at} lại có hiệu lực; hãy xem và thu hồi lại:", told))
    for command in _LOOK_AT:
        note(f"  {command}")
    if done.older:
        note(say("CẢNH BÁO: cũ hơn dấu mốc đã lưu nơi khác", "WARNING: OLDER THAN THE HEADS KEPT ELSEWHERE"))
        for fault in done.older:
            note(f"  {fault.what}: {fault.node} {fault.sequence}")


def _tell(manifest: Manifest, world: World, *, as_json: bool) -> None:
    if as_json:
        print_json(dataclasses.asdict(manifest))
        return
    files = len(manifest.files)
    click.echo(world.language.say(f"{manifest.id}: {files} tệp, nguyên vẹn", f"{manifest.id}: {files} files, whole"))


@contextmanager
def _bar() -> Iterator[Passed]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def passed(what: str, done: int, total: int) -> None:
            task = tasks.setdefault(what, bar.add_task(what)) if what not in tasks else tasks[what]
            bar.update(task, completed=done, total=total)

        yield passed
