"""docs/cli.md and --help tell the truth about every command."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from scripts.write_docs import commands
from trunk.cli.exits import EXITS, Exit
from trunk.cli.lazy import walk
from trunk.cli.main import trunk

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli.md"
COMMANDS = walk(trunk)
LEAVES = [(path, command) for path, command in COMMANDS if not isinstance(command, click.Group)]


def test_the_document_is_what_the_commands_say() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == "\n".join(commands()) + "\n", "run `make docs`"


def test_every_exit_code_is_explained() -> None:
    assert set(EXITS) == set(Exit)
    told = CliRunner().invoke(trunk, ["--help"]).output
    for code, meaning in EXITS.items():
        assert f"{code:>3}  {meaning}" in told


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_every_command_has_help_an_example_and_documented_options(
    path: tuple[str, ...], command: click.Command
) -> None:
    shown = CliRunner().invoke(trunk, [*path[1:], "--help"])
    assert shown.exit_code == 0
    assert f"  {' '.join(path)}" in shown.output
    assert "Examples:" in shown.output
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, parameter.name


@pytest.mark.parametrize("name", ["README.md", "docs/operations.md", "docs/guarantees.md"])
def test_other_documents_name_only_commands_that_exist(name: str) -> None:
    text = (DOCUMENT.parents[1] / name).read_text(encoding="utf-8")
    known = {" ".join(path[1:]) for path, _ in COMMANDS}
    for words in re.findall(r"`trunk ((?:[a-z]+ ?)+)", text):
        named = words.split()
        longest = next((n for n in range(len(named), 0, -1) if " ".join(named[:n]) in known), 0)
        assert longest, words
