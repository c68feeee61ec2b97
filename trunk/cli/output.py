"""How commands print: tables for people, JSON for programs, times in Vietnam's zone.

Law: text of a message is shown as text, never as markup or terminal control: a subject cannot paint the screen.
Colors are off where the output is no terminal or ``NO_COLOR`` is set; tables fit 80 columns.
"""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import click
import orjson
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trunk.cli.words import Language

HANOI: Final = timezone(timedelta(hours=7), "+07:00")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})  # control, format (bidi), surrogates, private
_PIPED_WIDTH: Final = 120


def console(*, stderr: bool = False) -> Console:
    """Where people read. A pipe gets 120 columns unless ``COLUMNS`` says otherwise."""
    width = shutil.get_terminal_size((_PIPED_WIDTH, 24)).columns
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=width)


def is_terminal() -> bool:
    """Whether a person can be asked: input and output are both a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def clean(text: str, *, limit: int = 0) -> str:
    """``text`` on one line without control and bidirectional characters; cut at ``limit`` if given."""
    line = " ".join(text.split())
    shown = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _HIDDEN else c for c in line)
    return shown if not limit or len(shown) <= limit else shown[: limit - 1] + "…"


def cell(text: str, style: str = "", *, limit: int = 0) -> Text:
    """A table cell."""
    return Text(clean(text, limit=limit), style=style)


def table(headings: Sequence[str], *, title: str = "") -> Table:
    """A table of the house."""
    made = Table(box=box.ROUNDED, title=title or None, title_justify="left", header_style="bold", expand=False)
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def simple_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    made = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for heading in headings:
        made.add_column(heading, overflow="fold")
    for row in rows:
        made.add_row(*(cell(value) for value in row))
    return made


def pairs(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and values side by side."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, cell(value))
    return grid


def print_json(value: Any, *, on_one_line: bool = False) -> None:
    """JSON to standard output, keys in the order given; indented, or one object on a line where more follow."""
    click.echo(orjson.dumps(value, option=0 if on_one_line else orjson.OPT_INDENT_2).decode())


def instant(at: datetime | None) -> str | None:
    """RFC 3339 in Vietnam's zone, as the native API writes it."""
    return None if at is None else at.astimezone(HANOI).isoformat(timespec="seconds")


def clock(at: datetime) -> str:
    """As a clerk writes it: ``09/10/2025 14:05``."""
    return f"{at.astimezone(HANOI):%d/%m/%Y %H:%M}"


def age(since: timedelta, language: Language) -> str:
    """``3 giờ``, ``3 h``: the largest unit only."""
    minutes = max(int(since.total_seconds() // 60), 0)
    if minutes < 1:
        return language.say("vừa xong", "just now")
    if minutes < 60:
        return language.say(f"{minutes} phút", f"{minutes} min")
    if minutes < 48 * 60:
        return language.say(f"{minutes // 60} giờ", f"{minutes // 60} h")
    return language.say(f"{minutes // 1440} ngày", f"{minutes // 1440} days")


def note(text: str) -> None:
    """A remark for people, on standard error, so that standard output stays what was asked for."""
    click.echo(text, err=True)
