"""Draws docs/cli.md from the commands themselves: every command with what it does, its options and examples."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import get_args, get_origin

import click
from pydantic import BaseModel

from trunk.cli.exits import EXITS
from trunk.cli.lazy import walk
from trunk.cli.main import trunk
from trunk.settings import Settings

_INTRODUCTION = """\
`trunk [--config FILE] [--language vi|en] COMMAND …`; options that belong to all commands stand before the command.
Settings: `--config`, else `TRUNK_CONFIG`, else `./trunk.toml`. `trunk COMMAND --help` says the same as this page.
Vietnamese where the setting `language` or `LANG` says so.

* **Standard output** is what was asked for, standard error is everything else: `trunk admin key issue h41 > key`
  holds the key and nothing more. Colors only in a terminal and without `NO_COLOR`; tables fit 80 columns.
* **`--json`** is a stable interface: keys are added, never renamed. Codes instead of words, times in RFC 3339 with
  +07:00 (in a report on signatures: as it is kept, in UTC).
  `trunk status --watch --json` prints one object on a line for each change.
* **Reading** commands (`status`, `signatures`, `list`, `overdue`, `unmatched`, `punctuality`,
  `admin agency list|show`, `admin certificate list`) open the ledger read-only: they cannot change anything.
  `admin` commands write the ledger and need no broker (but `admin rabbitmq`).
* **Times**: `--older-than 90m|8h|2d|1w`; `--since 2026-11-22`, `22/11/2026`, `'2026-11-22 14:00'`,
  `2026-11-22T07:00:00Z` (RFC 3339) or `2d`.

A faulty message, an empty result or a fault is one line on standard error and a remedy, never a traceback
(`trunk --traceback …` shows it).
"""

_ALARM = """\
An alarm for overdue mail, from cron:

```
*/15 7-18 * * 1-5  trunk --config /srv/trunk/trunk.toml overdue --json > /run/overdue.json || notify-clerks
```
"""


_SETTINGS = """\
In `trunk.toml` (`[http]` with `port = 8080` is `http.port`) or in the environment (`TRUNK_HTTP__PORT=8080`), which
outranks the file. Unknown keys are errors. Paths are relative to `data_folder`, that one to the file.
"""


def command_line() -> Iterator[str]:
    """The lines of docs/cli.md below its headline."""
    yield from (_INTRODUCTION, "## Exit codes", "", "| code | meaning |", "|---|---|")
    for code, meaning in EXITS.items():
        yield f"| {code.value} | {meaning} |"
    yield from ("", _ALARM)
    for path, command in walk(trunk):
        if len(path) > 1:
            yield from _section(path, command)
    yield from ("## Settings", "", _SETTINGS, "| setting | default | |", "|---|---|---|")
    for key, default, text in _settings(Settings):
        yield f"| `{key}` | {f'`{default}`' if default not in ('', None) else ''} | {text} |"


def _settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object, str]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _settings(kind, f"{prefix}{name}.")
        elif get_origin(kind) is dict:  # tables by name
            yield from _settings(get_args(kind)[1], f"{prefix}{name}.NAME.")
        else:
            default = "" if field.default == frozenset() else field.default
            yield f"{prefix}{name}", default, field.description or ""


def _section(path: tuple[str, ...], command: click.Command) -> Iterator[str]:
    yield from (f"{'#' * min(len(path), 4)} {' '.join(path)}", "")
    for block in _blocks(command.help or ""):
        yield from (block, "")
    if isinstance(command, click.Group) and not command.invoke_without_command:
        return
    yield from (f"`{' '.join((*path, *_usage(command)))}`", "")
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    if options:
        yield from ("| option | |", "|---|---|", *(_option(one) for one in options), "")
    for block in _blocks(command.epilog or ""):
        yield from (block, "")


def _usage(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            yield (parameter.metavar or (parameter.name or "").upper()) + ("…" if parameter.nargs != 1 else "")
        elif parameter.required:
            yield f"{parameter.opts[-1]} …"


def _option(option: click.Option) -> str:
    names = ", ".join((*option.opts, *option.secondary_opts))
    choices = ""
    if isinstance(option.type, click.Choice):
        choices = f" One of {', '.join(f'`{choice}`' for choice in option.type.choices)}."
    shown = f" Default: `{option.default}`." if option.show_default and option.default != "" else ""
    required = " **Required.**" if option.required else ""
    text = (option.help or "").replace("|", "\\|")
    return f"| `{names}` | {text}{choices}{shown}{required} |"


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs; what click must not rewrap stands as it is."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.lstrip().startswith("\b"):
            title, *lines = paragraph.lstrip().removeprefix("\b\n").splitlines()
            yield "\n".join((title, "```", *inspect.cleandoc("\n".join(["", *lines])).splitlines(), "```"))
        elif paragraph.strip():
            yield paragraph
