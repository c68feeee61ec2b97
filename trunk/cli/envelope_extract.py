"""``trunk envelope extract``: the attachments of a message as files. Names are made safe, unpacking is bounded.

Law: nothing is written outside the folder, nothing existing is overwritten, and a file that could not be unpacked
within bounds does not stay.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from envelopes.attachments import unpack
from envelopes.errors import Fault
from envelopes.model import Attachment, Document
from envelopes.payload import PayloadText
from envelopes.skeleton import ParsedXml, parse
from trunk.cli.envelope_report import report
from trunk.cli.exits import Exit, RefusedError
from trunk.cli.lazy import example
from trunk.cli.looking import Given, looking
from trunk.cli.output import clean, console, note
from trunk.cli.world import World, pass_world
from trunk.domain.rejection import CATALOGUE, Code
from trunk.workers.nursery import opened

_UNSAFE: Final = re.compile(r'[/\\:*?"<>|]')
_LONGEST: Final = 150  # octets; file systems take 255
_RESERVED: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


@click.command(epilog=example("trunk envelope extract signed.edxml -d attachments/"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-d",
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Where to; made if absent.",
)
@pass_world
def extract(world: World, *, file: Path, directory: Path) -> None:
    """Write the attachments of the message in FILE into a folder.

    A ZIP that only wraps one file is unpacked, within bounds. Names are made safe; nothing is overwritten.
    """
    with looking(world, Given()) as look:
        looked = look(file)
    if looked.message is None:
        console(stderr=True).print(report(looked, require_signature=False, language=world.language))
        raise click.exceptions.Exit(Exit.REFUSED)
    attachments = looked.message.attachments if isinstance(looked.message, Document) else ()
    directory.mkdir(parents=True, exist_ok=True)
    with opened(file) as octets:
        parsed = parse(octets)
        payloads = parsed.payloads if isinstance(parsed, ParsedXml) else ()
        failed = [fault for one in attachments if (fault := _write(one, payloads, directory, world))]
    if not attachments:
        note(world.language.say("Không có tệp đính kèm", "No attachment in it"))
    if failed:
        raise RefusedError(f"{len(failed)} of {len(attachments)} attachments were not extracted")


def safe_name(attachment: Attachment, *, taken: set[str]) -> str:
    """A file name that means nothing to a shell or another file system, and that nobody has yet."""
    plain = unicodedata.normalize("NFC", attachment.name or attachment.content_id)
    plain = "".join("_" if unicodedata.category(c)[0] == "C" else c for c in plain)
    plain = _UNSAFE.sub("_", plain).strip(" .") or "attachment"
    plain = f"_{plain}" if _RESERVED.fullmatch(plain) or plain.startswith("-") else plain
    stem, dot, extension = plain.rpartition(".")
    stem, ending = (stem, f"{dot}{extension}") if stem and len(extension) <= 10 else (plain, "")
    stem = stem.encode()[:_LONGEST].decode(errors="ignore")
    number, name = 1, f"{stem}{ending}"
    while name.casefold() in taken:
        number += 1
        name = f"{stem} ({number}){ending}"
    return name


def _write(attachment: Attachment, payloads: Sequence[PayloadText], directory: Path, world: World) -> Fault | None:
    """One attachment as a new file; the fault where it could not be unpacked within bounds."""
    taken = {there.name.casefold() for there in directory.iterdir()}
    target = directory / safe_name(attachment, taken=taken)
    payload = next(one for one in payloads if one.sha256 == attachment.sha256)  # same digest: same octets
    try:
        with target.open("xb") as into:
            fault = unpack(payload, form=attachment.form, into=into)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    if fault is not None:
        target.unlink()
        title = world.language.of(CATALOGUE[Code(fault.code)].title)
        note(f"✗ {clean(attachment.name)}: {title}: {fault.expected} ({fault.got})")
        return fault
    click.echo(str(target))
    return None
