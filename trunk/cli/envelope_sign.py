"""``trunk envelope sign``: the same message with its sender's signature."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from envelopes.errors import Fault
from signing.policy import SIGNATURE_METHODS
from signing.signer import Manner, SigningFailedError
from signing.signer import sign as sign_octets
from signing.verdict import Finding
from trunk.cli.envelope_write import write_new
from trunk.cli.exits import RefusedError
from trunk.cli.lazy import example
from trunk.cli.signer import signer_in
from trunk.cli.words import Language
from trunk.cli.world import World, wish
from trunk.domain.rejection import CATALOGUE, Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of ``trunk envelope sign``."""

    file: Path
    key: Path
    certificate: Path
    chain: tuple[Path, ...]
    method: str
    whole: bool
    password_file: Path | None
    output: Path


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    epilog=example(
        "trunk envelope sign letter.edxml --key me.key --certificate me.pem -o signed.edxml",
        "trunk envelope sign letter.edxml --key me.key --certificate me.pem --chain ca.pem -o signed.edxml",
    )
)
@click.argument("file", type=_FILE)
@click.option("--key", type=_FILE, required=True, help="The signer's private key, PEM (RSA or elliptic curve).")
@click.option(
    "--certificate", type=_FILE, required=True, help="The signer's certificate, PEM; its chain may follow it."
)
@click.option("--chain", type=_FILE, multiple=True, help="Intermediate certificates, PEM; repeat for several.")
@click.option(
    "--method", type=click.Choice(sorted(SIGNATURE_METHODS.values())), default=None, help="Default: by the key."
)
@click.option("--whole", is_flag=True, help="One reference to the whole document: no trunk may add its hop any more.")
@click.option("--password-file", type=_FILE, help="Holds the key's password.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The signed file.")
@wish(Wish)
def sign(world: World, wish: Wish) -> None:
    """Sign the message in FILE over its header, manifest and every attachment.

    Attachments are copied octet for octet. A placeholder signature is replaced; a real one never is. What was
    signed is verified before it is written.
    """
    write_new(wish.output, _sign(world, wish), world)


def _sign(world: World, wish: Wish) -> bytes:
    key, certificates = signer_in(wish.key, wish.certificate, chain=wish.chain, password_file=wish.password_file)
    try:
        manner = Manner(method=wish.method or "", whole=wish.whole)
        at = world.doors.now()
        signed = sign_octets(wish.file.read_bytes(), key=key, certificates=certificates, at=at, manner=manner)
    except SigningFailedError as error:
        raise RefusedError(
            str(error), remedy="is the certificate valid now, and the method one for this key?"
        ) from error
    if isinstance(signed, tuple):
        raise RefusedError(f"{wish.file}: {_spell(signed, world.language)}", remedy=f"trunk envelope check {wish.file}")
    return signed


def _spell(faults: tuple[Fault | Finding, ...], language: Language) -> str:
    codes = dict.fromkeys(Code(str(fault.code)) for fault in faults)
    return "; ".join(f"{code} {language.of(CATALOGUE[code].title)}" for code in codes)
