"""``trunk config``: what the trunk was told, where each word of it comes from, and what is risky in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
from rich.text import Text

from trunk.cli.config_findings import Finding, Weight, look_into
from trunk.cli.exits import Exit
from trunk.cli.lazy import example
from trunk.cli.output import cell, console, print_json, simple_table
from trunk.cli.world import World, pass_world

_STYLE: Final = {Weight.ERROR: "bold red", Weight.WARNING: "yellow", Weight.NOTE: "dim"}


@click.group()
def config() -> None:
    """The settings: what they are, and whether they are wise."""


@config.command(
    epilog=example("trunk config show", "trunk config show --json", "trunk --config /srv/trunk/trunk.toml config show")
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def show(world: World, *, as_json: bool) -> None:
    """Show every setting that holds now, and where it comes from. Passwords are masked."""
    values = [(key, masked(value), origin) for key, value, origin in world.loaded.values()]
    if as_json:
        print_json([{"key": key, "value": value, "from": origin or "default"} for key, value, origin in values])
        return
    console().print(simple_table(("setting", "value", "from"), [(k, str(v), o or "default") for k, v, o in values]))


@config.command(
    epilog=example(
        "trunk config check",
        "trunk config check --workers 4",
        "TRUNK_HTTP__HOST=0.0.0.0 trunk config check --json",
    )
)
@click.option("--workers", type=click.IntRange(min=1), default=1, help="As many as you mean to give `trunk serve`.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def check(world: World, *, workers: int, as_json: bool) -> None:
    """Explain the settings that were set and warn of risky ones.

    Exit code 0: nothing to say but notes; 1: warnings; 4: the trunk would not start.
    """
    loaded = world.loaded
    said = [(key, masked(value), origin) for key, value, origin in loaded.values() if origin]
    findings = look_into(world, workers=workers)
    if as_json:
        print_json(
            {
                "file": str(loaded.file) if loaded.file else None,
                "settings": [{"key": key, "value": value, "from": origin} for key, value, origin in said],
                "findings": [
                    {"weight": f.weight.value, "key": f.key, "text": f.text, "remedy": f.remedy} for f in findings
                ],
            }
        )
    else:
        _print(loaded.file, said, findings, world)
    raise click.exceptions.Exit(_exit_for(findings))


def masked(value: Any) -> Any:
    """A value that may be shown: a URL's password is not."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if not isinstance(value, str) or "://" not in value:
        return value
    parts = urlsplit(value)
    account, at, place = parts.netloc.rpartition("@")
    user, colon, _ = account.partition(":")
    query = "?…" if "password" in parts.query else (f"?{parts.query}" if parts.query else "")
    return f"{parts.scheme}://{user}{':****' if colon else ''}{at}{place}{parts.path}{query}"


def _exit_for(findings: list[Finding]) -> Exit:
    weights = {finding.weight for finding in findings}
    if Weight.ERROR in weights:
        return Exit.CONFIGURATION
    return Exit.REFUSED if Weight.WARNING in weights else Exit.OK


def _print(file: Path | None, said: list[tuple[str, Any, str]], findings: list[Finding], world: World) -> None:
    screen = console()
    screen.print(Text(f"file: {file or 'none; defaults and environment only'}"))
    screen.print(Text(f"data: {world.settings.data_folder}"))
    if said:
        screen.print(simple_table(("setting", "value", "from"), [(k, str(v), o) for k, v, o in said]))
    for finding in findings:
        line = Text(f"{finding.weight.value:>7}  ", style=_STYLE[finding.weight])
        line.append_text(cell(f"{finding.key}: {finding.text}", ""))
        screen.print(line)
        if finding.remedy:
            screen.print(Text(f"         → {finding.remedy}", style="dim"))
    if not findings:
        screen.print(Text("nothing to remark", style="green"))
