"""``trunk doctor``: what is stuck, since when, why, and the command that mends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from trunk.cli.exits import Exit
from trunk.cli.lazy import example
from trunk.cli.output import clean, clock, console, instant, note, print_json, table
from trunk.cli.words import Language
from trunk.cli.world import World, pass_world
from trunk.domain.ailment import ADVICE, Ailment, Finding


@click.command(epilog=example("trunk doctor", "trunk doctor --deep", "trunk doctor --json | jq '.findings[].code'"))
@click.option("--deep", is_flag=True, help="Compare octets with digests, and rows with the journal: takes longer.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def doctor(world: World, *, deep: bool, as_json: bool) -> None:
    """What is stuck, and which command mends it? / Vì sao tắc, sửa thế nào.

    Looks at the ledger, the running service, RabbitMQ, disk, clock, keys and certificates, and changes nothing. What is
    long is set in `doctor`. Exit code 1 if anything was found, 5 if the database does not answer.
    """
    with world.doors.open_doctor(world.settings) as diagnosis:
        found = diagnosis.run(deep=deep)
    if as_json:
        print_json({"findings": [_json(one) for one in found]})
    elif found:
        console().print(_table(found, world.language))
    else:
        note(world.language.say("Không có gì tắc", "Nothing is stuck"))
    if any(one.ailment is Ailment.LEDGER_AWAY for one in found):
        raise click.exceptions.Exit(Exit.UNAVAILABLE)
    if found:
        raise click.exceptions.Exit(Exit.REFUSED)


def _json(one: Finding) -> dict[str, Any]:
    advice = ADVICE[one.ailment]
    return {
        "code": one.ailment.value,
        "severity": "warning" if advice.warning else "stuck",
        "what": one.what,
        "count": one.count,
        "since": instant(one.since),
        "why": one.why,
        "title": {"vi": advice.title.vi, "en": advice.title.en},
        "remedy": {"vi": advice.remedy.vi, "en": advice.remedy.en},
    }


def _table(found: Sequence[Finding], language: Language) -> object:
    made = table(
        [
            language.say("Mã", "Code"),
            language.say("Việc", "What"),
            language.say("Từ", "Since"),
            language.say("Cách sửa", "What mends it"),
        ]
    )
    for one in found:
        advice = ADVICE[one.ailment]
        count = f" ({one.count})" if one.count > 1 else ""
        why = f"\n{clean(one.why, limit=160)}" if one.why else ""
        what = f"{language.of(advice.title)}: {clean(one.what)}{count}{why}"
        since = clock(one.since) if one.since else ""
        made.add_row(one.ailment.value, what, since, language.of(advice.remedy))
    return made
