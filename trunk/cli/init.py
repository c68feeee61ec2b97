"""``trunk init``: a new trunk in an empty folder. Refuses to overwrite anything."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from trunk.cli.exits import RefusedError
from trunk.cli.lazy import example
from trunk.cli.output import note
from trunk.cli.world import World, wish
from trunk.errors import TrunkError
from trunk.settings import DEFAULT_FILE, load_explained

_DATA: Final = "var"
_SECRET: Final = 0o600
_PRIVATE: Final = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of ``trunk init``."""

    folder: Path
    organ_id: str
    name: str
    database: str
    broker: str


@click.command(
    epilog=example(
        "trunk init /srv/trunk",
        "trunk init /srv/trunk --organ-id H41.TRUC --name 'Trục liên thông tỉnh Nghệ An'",
        "trunk init /srv/trunk --database postgresql://trunk@db/trunk --broker amqp://trunk@mq/",
    )
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--organ-id", default="TRUNK", show_default=True, help="The trunk's own OrganId in acknowledgements.")
@click.option("--name", default="Trục liên thông văn bản", show_default=True, help="Its name there.")
@click.option("--database", default="", help="postgresql://… (default: SQLite in FOLDER/var).")
@click.option("--broker", default="", help="amqp://… (default: the embedded broker).")
@wish(Wish)
def init(world: World, wish: Wish) -> None:
    """Make a new trunk in FOLDER: settings, seal key and certificate, trust folders, database.

    The seal's certificate is self-signed; tell agencies its fingerprint, or replace both files by those of an
    authority. Before you serve, put root certificates into FOLDER/var/trust/roots, and say where revocation is asked:
    fetch_hosts in the settings, or lists in FOLDER/var/trust/lists.
    """
    config, data = wish.folder / DEFAULT_FILE, wish.folder / _DATA
    key, certificate = data / "seal.key.pem", data / "seal.crt.pem"
    there = [str(file) for file in (config, key, certificate, data / "ledger.db") if file.exists()]
    if there:
        raise RefusedError(f"there already: {', '.join(there)}", remedy="choose another folder; nothing was changed")
    trust = data / "trust"
    for folder in (trust / "roots", trust / "intermediates", trust / "lists"):
        folder.mkdir(parents=True, mode=_PRIVATE)
    data.chmod(_PRIVATE)
    fingerprint = _make_seal(world, wish, key, certificate)
    _write(config, settings_text(wish).encode(), mode=_SECRET)  # a URL may have a password in it
    note(f"settings     {config}")
    note(f"seal         {certificate} (SHA-256 {fingerprint})")
    _upgrade(world, config)
    _tell_next(config, trust)


def _tell_next(config: Path, trust: Path) -> None:
    note(f"next         put root certificates (*.pem) into {trust / 'roots'}")
    note(f"             name the hosts of their revocation lists in {config}: [signatures.revocation] fetch_hosts")
    note(f"             or put the lists (*.crl) into {trust / 'lists'}; without either all mail is refused (SIG-301)")
    note(f"             trunk --config {config} admin agency load agencies.toml")
    note(f"             trunk --config {config} config check")
    note(f"             trunk --config {config} serve")


def _upgrade(world: World, config: Path) -> None:
    try:
        revision = world.doors.upgrade(load_explained(config, world.doors.environment).settings)
    except TrunkError:
        note(f"database     not reached; later: trunk --config {config} admin upgrade")
        raise
    note(f"database     revision {revision}")


def settings_text(wish: Wish) -> str:
    """A settings file that explains itself; every key that is commented out shows its default."""
    return _TEXT.format(
        organ_id=_quoted(wish.organ_id),
        name=_quoted(wish.name),
        database=f"url = {_quoted(wish.database)}" if wish.database else '# url = "postgresql://trunk@localhost/trunk"',
        broker=f"url = {_quoted(wish.broker)}" if wish.broker else '# url = "amqp://trunk@localhost/"',
        data=_DATA,
    )


def _make_seal(world: World, wish: Wish, key: Path, certificate: Path) -> str:
    from signing.seal_files import make_seal  # noqa: PLC0415  heavy

    seal = make_seal(wish.name, organ_id=wish.organ_id, at=world.doors.now())
    _write(key, seal.key_pem, mode=_SECRET)
    _write(certificate, seal.certificate_pem, mode=0o644)
    return seal.fingerprint


def _write(file: Path, octets: bytes, *, mode: int) -> None:
    """A new file; never another's."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as target:
        target.write(octets)


def _quoted(text: str) -> str:
    plain = "".join(c if c.isprintable() else " " for c in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


_TEXT: Final = """\
# Settings of a trunk. `trunk config check` explains them, `trunk config show` shows all with their defaults.
# The environment outranks this file: TRUNK_HTTP__PORT=8081. Paths below are relative to data_folder.

data_folder = "{data}"                  # ledger, payloads, spool, trust, seal; relative to this file
# language = "vi"                    # of the commands; else as LANG says

[identity]                           # who the trunk is in its acknowledgements
organ_id = {organ_id}
name = {name}

[http]
# host = "127.0.0.1"                 # put a TLS proxy in front before other machines may connect
# port = 8080

[database]                           # default: SQLite, ledger.db in data_folder
{database}
# url_file = "database.url"          # better for a URL with a password

[broker]                             # default: embedded, for one machine
{broker}
# url_file = "broker.url"

[signatures]
# trust_folder = "trust"             # roots/*.pem, intermediates/*.pem, lists/*.crl
# seal_key_file = "seal.key.pem"
# seal_certificate_file = "seal.crt.pem"

# Was a signer's certificate revoked? Without an answer no mail is accepted (SIG-301). Name the hosts of your
# authorities' lists (CRL) and responders (OCSP), as their certificates do; or put lists (*.crl) into trust/lists/.
# [signatures.revocation]
# fetch_hosts = ["crl.example.vn", "ocsp.example.vn"]

[delivery]
# lifetime_days = 7                  # then the sender is told: undeliverable

# Who is late (`trunk overdue`): days off and made-up days of this year that the library of holidays does not know yet.
# [deadlines]
# holidays = ["2027-01-02"]
# working_days = ["2027-01-09"]
# fetch_working_hours = 4

[log]
# level = "info"
# format = "json"                    # or console
"""
