"""``trunk verify``: is this file genuine? Any file on disk, without a server and without a ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from envelopes.model import Document
from signing.verdict import Indication
from trunk.cli.envelope_report import flaw_json, flaw_view, report_data
from trunk.cli.exits import Exit
from trunk.cli.filters import Moment
from trunk.cli.lazy import example
from trunk.cli.looking import Given, Looked, looking
from trunk.cli.output import cell, console, pairs, print_json
from trunk.cli.report_view import headline, report_view, with_words
from trunk.cli.words import Language
from trunk.cli.world import World, wish

_ENDS: Final = {
    Indication.TOTAL_PASSED: Exit.OK,
    Indication.INDETERMINATE: Exit.UNAVAILABLE,
    Indication.TOTAL_FAILED: Exit.REFUSED,
}
_EXIT_CODES: Final = """\
\b
Exit codes:
  0  every signature is valid, and there is at least one
  1  one is not valid, there is none, or the file cannot be read as what it is
  4  nobody is trusted: give --trust, or settings with a trust folder
  5  it cannot be told yet: revocation is unknown, or an authority is missing

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of ``trunk verify``."""

    file: Path
    trust: Path | None
    at: datetime | timedelta | None
    as_json: bool


@click.command(
    epilog=_EXIT_CODES
    + example(
        "trunk verify letter.edxml",
        "trunk verify decision.pdf --trust /srv/trunk/trust",
        "trunk --language vi verify letter.edxml --at '2026-11-22 10:00'",
        "trunk verify letter.edxml --json | jq .report.indication",
    )
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--trust",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Trust folder: domains, roots/ and intermediates/, or roots as *.pem (else the settings' trust folder).",
)
@click.option("--at", type=Moment(), help="Judge as if it were received then; default: now.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, titles and remedies in both languages.")
@wish(Wish)
def verify(world: World, wish: Wish) -> None:
    """Is it genuine? / Văn bản này có thật không?

    FILE is an edXML message, a PDF, or a ZIP that wraps a PDF. Every signature in it is judged as a trunk judges it:
    who signed, what the signature covers, when and on whose word, by which authorities, whether a certificate was
    revoked and how old that word is; and what is wrong, with a remedy. Nothing is asked over the network: revocation
    is told by the lists in the trust folder (lists/*.crl, lists/*.ocsp) and by what the trunk's settings have fetched.
    What they do not tell is shown as unknown, never as passed.
    """
    at = wish.at if isinstance(wish.at, datetime) else world.doors.now() - (wish.at or timedelta(0))
    given = Given(folder=wish.trust) if wish.trust else Given(settings=world.settings)
    with looking(world, given, at=at) as look:
        looked = look(wish.file)
    if wish.as_json:
        print_json(_json(looked))
    else:
        console().print(_shown(looked, world.language))
    raise click.exceptions.Exit(_end(looked))


def _end(looked: Looked) -> Exit:
    if looked.form or looked.report is None or not looked.signatures:
        return Exit.REFUSED
    return _ENDS[looked.indication]


def _json(looked: Looked) -> dict[str, Any]:
    """A stable interface: the report as it is stored in the ledger, with words."""
    return {
        "file": looked.name,
        "sha256": looked.sha256,
        "size": looked.size,
        "genuine": _end(looked) is Exit.OK,
        "faults": [flaw_json(flaw) for flaw in looked.form],
        "warnings": [flaw_json(flaw) for flaw in looked.warnings],
        "report": with_words(report_data(looked)) if looked.report is not None else None,
    }


def _shown(looked: Looked, language: Language) -> Group:
    parts: list[RenderableType] = [pairs(_file(looked, language))]
    if looked.report is not None:
        data = report_data(looked)
        if not looked.form:
            parts.append(headline(data, language))
        parts.append(Padding(report_view(data, language), (0, 0, 0, 2), expand=False))
    if looked.form:
        text = language.say("✗ KHÔNG đọc được đúng quy cách", "✗ cannot be read as what it is")
        parts.append(Text(text, style="bold red"))
    flaws = [flaw_view(flaw, "red", language) for flaw in looked.form]
    flaws += [flaw_view(flaw, "yellow", language, mark="⚠ ") for flaw in looked.warnings]
    return Group(*parts, *(Padding(flaw, (0, 0, 0, 2), expand=False) for flaw in flaws))


def _file(looked: Looked, language: Language) -> list[tuple[str, str]]:
    rows = [(language.say("Tệp", "File"), looked.name), ("SHA-256", looked.sha256)]
    if isinstance(looked.message, Document):
        code = cell(str(looked.message.code)).plain
        rows.append((language.say("Số ký hiệu", "Code"), code))
        rows.append((language.say("Bên gửi", "Sender"), looked.message.sender.organ_id))
    return rows
