"""The demonstration: a signed document leaves one agency, reaches two others, and every acknowledgement comes back.

Everything is real: a test PKI, three agencies, ``trunk serve`` in its own process, HTTP on loopback. Exits with 1
if anything is not as it should be.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from scripts.agency_system import AgencySystem
from scripts.private_servers import private_postgresql, private_rabbitmq
from scripts.province import FIRST, SECOND, SENDER, Province, document_id, make_province
from scripts.trunk_process import TrunkProcess

NUMBER = "7816"
EXPECTED = {"accepted", "delivered", "received", "refused"}
console = Console(highlight=False)


class UnexpectedError(Exception):
    """Something is not as it should be."""


def main() -> int:
    """Run it; 0 if everything was as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", choices=("embedded", "production"), default="embedded")
    stack = parser.parse_args().stack
    with tempfile.TemporaryDirectory(prefix="edoc-demo-") as name:
        Path(name).chmod(0o711)  # the servers run as users of their own
        try:
            with _province(stack, Path(name)) as province, TrunkProcess(province.config) as trunk:
                _story(province, trunk.url())
                _say("the trunk stops in order")
                _expect(trunk.stop(), 0, "exit code")
        except UnexpectedError as error:
            console.print(f"[bold red]not as it should be:[/] {error}")
            return 1
    console.print("[bold green]everything was as it should be[/]")
    return 0


@contextmanager
def _province(stack: str, folder: Path) -> Iterator[Province]:
    if stack == "embedded":
        _say("a test PKI, three agencies, SQLite and the embedded broker")
        yield make_province(folder)
        return
    _say("a private RabbitMQ node and a private PostgreSQL, a test PKI, three agencies")
    with private_rabbitmq(folder / "rabbitmq") as rabbit, private_postgresql(folder / "postgresql") as postgres:
        yield make_province(folder / "trunk", database_url=postgres.new_database(), broker_url=rabbit.url)


def _story(province: Province, url: str) -> None:
    systems = {code: AgencySystem(base_url=url, key=key) for code, key in province.keys.items()}
    _say(f"{SENDER} signs a PDF, puts its seal on it, and sends document {document_id(NUMBER)} to {FIRST} and {SECOND}")
    envelope = province.signed(NUMBER, priority=1, content=province.signed_pdf(then=("organisation",)))
    answer = systems[SENDER].submit(envelope)
    _expect(answer.status, 201, f"submission ({answer.octets[:500]!r})")
    envelope_id = answer.json["envelope_id"]
    _expect(systems[SENDER].submit(envelope).octets, answer.octets, "the same submission again")
    for code in (FIRST, SECOND):
        _take(systems[code], code, envelope)
    _report(systems[FIRST], province.status(NUMBER, "03", reporter=FIRST), f"{FIRST} takes the document in (status 03)")
    refusal = province.status(NUMBER, "02", reporter=SECOND, description="Sai thẩm quyền")
    _report(systems[SECOND], refusal, f"{SECOND} refuses it (status 02)")
    _acknowledgements(systems[SENDER])
    _say("a clerk asks: where is my document?")
    _ask(province, "status", envelope_id)
    _say("and who has signed it?")
    _ask(province, "signatures", envelope_id)


def _take(system: AgencySystem, code: str, envelope: bytes) -> None:
    page = system.inbox(wait=20).json
    _expect(len(page["items"]), 1, f"inbox of {code}")
    delivery_id = page["items"][0]["delivery_id"]
    fetched = system.fetch(delivery_id)
    _expect(fetched.octets == envelope, True, f"octets handed to {code} are those submitted")  # noqa: FBT003
    _expect(system.confirm(delivery_id, fetched.octets).status, 200, f"confirmation of {code}")
    _say(f"{code} has it, octet for octet, and has confirmed the digest")


def _report(system: AgencySystem, status: bytes, sentence: str) -> None:
    answer = system.submit(status)
    _expect(answer.status, 201, f"{sentence} ({answer.octets[:500]!r})")
    _say(sentence)


def _acknowledgements(system: AgencySystem) -> None:
    seen: list[str] = []
    for item in system.mail():
        octets = system.fetch(item["delivery_id"]).octets
        _expect(system.confirm(item["delivery_id"], octets).status, 200, "confirmation of a notice")
        seen.append(item.get("acknowledges") or f"status {item['status_code']}")
    _say(f"{SENDER} reads its inbox: {', '.join(seen)}")
    _expect(EXPECTED - set(seen), set(), "acknowledgements that did not come")
    _expect({"status 02", "status 03"} - set(seen), set(), "statuses that did not come")


def _ask(province: Province, command: str, envelope_id: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trunk", "--config", str(province.config), command, envelope_id], check=False
    )
    _expect(done.returncode, 0, f"exit code of trunk {command}")


def _expect(got: object, wanted: object, what: str) -> None:
    if got != wanted:
        raise UnexpectedError(f"{what}: expected {wanted!r}, got {got!r}")


def _say(sentence: str) -> None:
    console.print(f"[cyan]•[/] {sentence}")


if __name__ == "__main__":
    sys.exit(main())
