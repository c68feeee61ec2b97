"""What options of ``trunk load`` may say: parts of a mix, shares, keys in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import click

from trunk.cli.exits import MisconfiguredError
from trunk.load.mix import Part, parse_part, parse_share

T = TypeVar("T")


class PartOf(click.ParamType[Part[T]], Generic[T]):
    """``VALUE`` or ``VALUE=WEIGHT``."""

    def __init__(self, parse: Callable[[str], T], name: str) -> None:
        self._parse, self.name = parse, f"{name}[=WEIGHT]"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002  click's own
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Part[T]:
        if isinstance(value, Part):
            return value
        try:
            part = parse_part(value, self._parse)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if isinstance(part.value, int) and part.value < 1:
            self.fail(f"{part.value} is not 1 or more", param, ctx)
        return part


class Share(click.ParamType[float]):
    """``1%`` or ``0.01``."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            return parse_share(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class KeyOf(click.ParamType[tuple[str, Path]]):
    """``CODE=FILE``."""

    name = "CODE=FILE"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002  click's own
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Path]:
        if isinstance(value, tuple):
            return value
        code, equals, file = value.partition("=")
        if not (code and equals and file):
            self.fail(f"{value!r} is no CODE=FILE", param, ctx)
        if not Path(file).is_file():
            self.fail(f"there is no file {file}", param, ctx)
        return code, Path(file)


def key_in(file: Path) -> str:
    """The API key that ``file`` holds. Raises ``MisconfiguredError``, ``OSError``."""
    octets = file.read_bytes().strip()
    if not octets or not octets.isascii() or len(octets.split()) != 1:
        raise MisconfiguredError(
            f"{file}: no API key in it", remedy="what `trunk admin key issue` prints, and nothing else"
        )
    return octets.decode()
