"""``trunk signatures``: who signed, how that was judged at acceptance, and on what it rests. Looks, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import click
from rich.console import Group
from rich.text import Text

from signing.evidence import EvidenceKind
from trunk.cli.choosing import choose
from trunk.cli.exits import Exit, NotFoundError, RefusedError
from trunk.cli.lazy import example
from trunk.cli.output import clock, console, note, pairs, print_json
from trunk.cli.report_view import headline, report_view, with_words
from trunk.cli.shapes import envelope_json
from trunk.cli.words import MARKED, Language
from trunk.cli.world import World, pass_world
from trunk.domain import signature_record
from trunk.domain.entry import EnvelopeRecord
from trunk.domain.rejection import CATALOGUE, Code
from trunk.domain.signature_record import Data, SignatureRecord

if TYPE_CHECKING:
    from trunk.application.tracking import Tracking

_ENDING: Final[Mapping[str, str]] = MappingProxyType(
    {EvidenceKind.CERTIFICATE: "cer", EvidenceKind.CRL: "crl", EvidenceKind.OCSP: "ors", EvidenceKind.TIMESTAMP: "tst"}
)


@click.command(
    epilog=example(
        "trunk signatures 7816/VPCP-TTĐT",
        "trunk signatures 0199a3c4-7d0e-7c11-a3b5-5d0c8f6a2b11 --json",
        "trunk signatures 0199a3c4-7d0e-7c11-a3b5-5d0c8f6a2b11 --evidence chung-cu/",
    )
)
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--evidence",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write what the verdicts rest on (certificates, lists, answers, timestamps; DER) into this folder.",
)
@pass_world
def signatures(world: World, *, reference: str, as_json: bool, folder: Path | None) -> None:
    """Who signed it, and is it genuine? / Ai đã ký, chữ ký có giá trị không?

    REFERENCE as in `trunk status`. Shows every signature as it was judged when the message was accepted, and what
    the sender's policy made of it. Exit code 1: the message travels for reference only.
    """
    with world.desk() as desk:
        envelope = choose(desk.tracking, reference, as_json=as_json, language=world.language)
        record = _record(envelope, world.language)
        missing = [] if folder is None else _write(desk.tracking, record, folder)
    if as_json:
        print_json({"envelope": envelope_json(envelope), "report": with_words(record.data)})
    else:
        console().print(_told(envelope, record.data, world.language))
    if missing:
        raise RefusedError(f"not in the ledger: {', '.join(missing)}", remedy="restore the ledger from its backup")
    raise click.exceptions.Exit(Exit.REFUSED if envelope.marked else Exit.OK)


def _record(envelope: EnvelopeRecord, language: Language) -> SignatureRecord:
    record = signature_record.read(envelope)
    if record is None:
        said = language.say("thông báo của trục, không có báo cáo chữ ký", "the trunk's own message: it has no report")
        raise NotFoundError(f"{envelope.id}: {said}", remedy=f"trunk status {envelope.about or envelope.id}")
    return record


def _told(envelope: EnvelopeRecord, data: Data, language: Language) -> Group:
    rows = [
        (language.say("Văn bản", "Document"), envelope.document_code or envelope.document_id),
        (language.say("Bên gửi", "Sender"), envelope.sender),
        (language.say("Tiếp nhận", "Accepted"), f"{clock(envelope.accepted_at)}   {envelope.id}"),
        *_policy(data["policy"], language),
    ]
    marked = Text(f" {language.of(MARKED)} ", style="bold white on red") if envelope.marked else Text()
    return Group(
        pairs(rows), headline(data, language), *([marked] if envelope.marked else []), report_view(data, language)
    )


def _policy(policy: Data | None, language: Language) -> Iterator[tuple[str, str]]:
    if policy is None:
        return
    instead = f" ({language.say('không có chính sách', 'no policy')} {policy['named']})" if "named" in policy else ""
    yield language.say("Chính sách", "Policy"), f"{policy['name']}{instead}"
    for code in policy["because"]:
        yield language.say("Vì sao tham khảo", "Why marked"), f"{code} {language.of(CATALOGUE[Code(code)].title)}"
    if policy["counted"]:
        yield language.say("Chữ ký được tính", "Counted"), ", ".join(policy["counted"])


def _write(tracking: Tracking, record: SignatureRecord, folder: Path) -> list[str]:
    """Each under its kind and digest, so that the same evidence is the same file; the digests that are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    missing: list[str] = []
    for kind, sha256 in record.evidence:
        found = tracking.evidence(sha256)
        if found is None:
            missing.append(sha256)
            continue
        target = folder / f"{kind}-{sha256}.{_ENDING[kind]}"
        target.write_bytes(found.octets or b"")
        note(str(target))
    return missing
