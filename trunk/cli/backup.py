"""``trunk admin backup``: a copy of everything while the trunk runs; and ``restore``, the way back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from trunk.cli.exits import Exit
from trunk.cli.lazy import example
from trunk.cli.output import console, note, print_json
from trunk.cli.world import World, pass_world, wish

if TYPE_CHECKING:
    from trunk.application.copies import Manifest, Passed

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


@click.command(
    epilog=example(
        "trunk admin restore /backup/2026-03-01 --into /etc/edoc-trunk/trunk.toml",
        "trunk admin restore DIR --into trunk.toml --against heads.json",
    )
)
@click.argument("folder", type=_FOLDER, metavar="DIR")
@click.option("--into", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True, help="Settings.")
@click.option("--against", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Heads kept elsewhere.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@pass_world
def restore(world: World, *, folder: Path, into: Path, against: Path | None, as_json: bool) -> None:
    """Fill the empty trunk that CONFIG describes from the backup in DIR. Ends with 1 if it is older than --against.

    What waits is offered to its recipients again, under the same delivery ids. What was accepted after the backup is
    not in it: senders that repeat lose nothing.
    """
    from trunk import settings  # noqa: PLC0415  heavy
    from trunk.bootstrap import copies  # noqa: PLC0415  heavy

    with _bar() as passed:
        loaded = settings.load(into, world.doors.environment)
        done = copies.restore(loaded, folder, by=world.doors.user(), against=against, passed=passed)
    if as_json:
        older = [dataclasses.asdict(fault) for fault in done.older]
        print_json({"id": done.manifest.id, "taken_at": done.manifest.taken_at, "older": older})
    say = world.language.say
    at = done.manifest.taken_at
    note(say(f"Đã khôi phục trạng thái lúc {at}", f"Restored as of {at}: what came later is not in it"))
    if done.older:
        note(say("CẢNH BÁO: cũ hơn dấu mốc đã lưu nơi khác", "WARNING: OLDER THAN THE HEADS KEPT ELSEWHERE"))
        for fault in done.older:
            note(f"  {fault.what}: {fault.node} {fault.sequence}")
        raise click.exceptions.Exit(Exit.REFUSED)


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
