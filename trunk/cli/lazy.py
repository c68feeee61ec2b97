"""Groups that import a command's module when the command is used: ``trunk status`` loads no XML schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """``places``: command name → ``module:attribute`` under ``trunk.cli``. Commands are listed in that order."""

    def __init__(self, *args: Any, places: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.places, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.places:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.places[cmd_name].partition(":")
        found = getattr(import_module(f"trunk.cli.{module}"), attribute)
        if not isinstance(found, click.Command):
            raise TypeError(f"{self.places[cmd_name]} is no command")
        return found


def example(*lines: str) -> str:
    """The end of a command's help: what people type."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


def walk(command: click.Command, names: Sequence[str] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    """Every command under ``command`` with its path of names, itself first."""
    path = (*names, command.name or "")
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                found += walk(child, path)
    return found
