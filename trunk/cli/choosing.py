"""Which message is meant: what clerks call it, and a question where several are called that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from trunk.cli.exits import Exit, NotFoundError
from trunk.cli.output import clean, clock, console, is_terminal, print_json, simple_table
from trunk.cli.shapes import envelope_json
from trunk.cli.words import KIND, Language
from trunk.domain.entry import EnvelopeKind, EnvelopeRecord

if TYPE_CHECKING:
    from trunk.application.tracking import Tracking


def choose(tracking: Tracking, reference: str, *, as_json: bool, language: Language) -> EnvelopeRecord:
    """The one message that is meant. A document comes before the notices about it, and before what only changes it:
    its story names every revocation, update and replacement."""
    found = tracking.find(reference)
    documents = [record for record in found if record.kind is EnvelopeKind.DOCUMENT]
    candidates = documents or found
    if not candidates:
        raise _missing(tracking, reference, language)
    original = candidates[0] if len(candidates) == 1 else tracking.original(candidates)
    return original or _ask(candidates, as_json=as_json, language=language)


def _missing(tracking: Tracking, named: str, language: Language) -> NotFoundError:
    """Not there; or rejected, which a clerk must not have to guess."""
    reference = clean(named)
    for rejection in tracking.rejections(named):
        when, why = clock(rejection.accepted_at), rejection.description
        return NotFoundError(
            language.say(f"trục không tiếp nhận {reference} ({when}): {why}", f"rejected {reference} ({when}): {why}"),
            remedy="docs/codes.md",
        )
    return NotFoundError(language.say(f"không tìm thấy: {reference}", f"not found: {reference}"), remedy="trunk list")


def _ask(candidates: Sequence[EnvelopeRecord], *, as_json: bool, language: Language) -> EnvelopeRecord:
    if as_json:
        print_json({"matches": [envelope_json(record) for record in candidates]})
    else:
        console().print(_matches(candidates, language))
    if as_json or not is_terminal():
        click.echo(
            language.say("Có nhiều kết quả; hãy nêu một mã gói tin (id)", "Several match; name one by its id"), err=True
        )
        raise click.exceptions.Exit(Exit.USAGE)
    number: int = click.prompt(
        language.say("Xem số mấy", "Show which number"), type=click.IntRange(1, len(candidates)), default=1
    )
    return candidates[number - 1]


def _matches(candidates: Sequence[EnvelopeRecord], language: Language) -> object:
    headings = [
        "#",
        language.say("Tiếp nhận", "Accepted"),
        language.say("Loại", "Kind"),
        language.say("Bên gửi", "Sender"),
        language.say("Số ký hiệu / mã gói tin", "Code / id"),
    ]
    rows = [
        (
            str(n),
            clock(r.accepted_at),
            language.of(KIND[r.kind]),
            r.sender,
            f"{r.document_code or r.document_id} {r.id}",
        )
        for n, r in enumerate(candidates, start=1)
    ]
    return simple_table(headings, rows)
