"""A small make-believe province: a test PKI, three agencies with systems, keys and signers, and a trunk's settings.

The demonstration, the scenario and fault tests and the bench live in it. Nothing of it is ever committed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from envelopes.model import Attachment, Document, DocumentCode, Organization, OtherInfo, ResponseFor, StatusMessage
from envelopes.writer import write_document, write_status
from scripts.make_signed_pdf import Workshop
from scripts.make_test_pki import Identity, Pki, make_pki
from signing.signer import sign
from trunk.bootstrap import open_administration, upgrade
from trunk.domain.agency import Agency, Mandate, SystemId
from trunk.domain.credential import SystemRecord
from trunk.domain.delivery import AgencyCode
from trunk.settings import Settings, load

SENDER, FIRST, SECOND = "H41.01", "H36.17", "G12"

AGENCIES: Mapping[str, tuple[str, str]] = {
    SENDER: ("Sở Thử nghiệm tỉnh Mẫu", "000.00.01.H41"),
    FIRST: ("Sở Tiếp nhận tỉnh Mẫu", "000.00.17.H36"),
    SECOND: ("Bộ Mẫu", "000.00.00.G12"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Province:
    """What was made, and what it can write."""

    folder: Path
    config: Path
    pki: Pki
    keys: Mapping[str, str]  #: agency code -> API key of its system
    signers: Mapping[str, str] = field(
        default_factory=lambda: {SENDER: "person", FIRST: "person-p256", SECOND: "person-p384"}
    )

    def settings(self) -> Settings:
        return load(self.config, {})

    def signer(self, agency: str = SENDER) -> Identity:
        return self.pki[self.signers[agency]]

    def document(
        self,
        number: str,
        *,
        sender: str = SENDER,
        recipients: Sequence[str] = (FIRST, SECOND),
        priority: int = 0,
        content: bytes = b"%PDF-1.7\nmake-believe\n",
        **more: Any,
    ) -> bytes:
        """A document message, not signed yet; ``more``: further fields of ``envelopes.model.Document``."""
        day = date(2026, 11, 22)
        message = Document(
            sender=_organization(sender),
            recipients=tuple(_organization(code) for code in recipients),
            document_id=document_id(number, sender=sender),
            code=DocumentCode(number=number, notation="STN-VP"),
            subject="V/v chạy thử trục liên thông văn bản",
            promulgation_date=day,
            promulgation_place="Mẫu",
            other=OtherInfo(priority=priority),
            attachments=(Attachment(content_id="1", name="cong-van.pdf", content_type="application/pdf"),),
            **more,
        )
        return write_document(message, {"1": content})

    def signed_pdf(self, *, agency: str = SENDER, then: Sequence[str] = ()) -> bytes:
        """A file signed inside by the agency's own signer, and by further identities of the PKI."""
        shop = Workshop(pki=self.pki, at=datetime.now(UTC))  # noqa: TID251  a tool, not the house
        octets = shop.signed(by=self.signers[agency])
        for number, name in enumerate(then, start=2):
            octets = shop.second(octets, by=name, field=f"Signature{number}")
        return octets

    def signed(self, number: str, *, signer: Identity | None = None, at: datetime | None = None, **wish: Any) -> bytes:
        """A document message, signed for its sender by ``signer`` (default: the sender's own, now)."""
        who = signer or self.signer(wish.get("sender", SENDER))
        when = at or datetime.now(UTC)  # noqa: TID251  a tool, not the house
        octets = sign(self.document(number, **wish), key=who.key, certificates=who.chain, at=when)
        if not isinstance(octets, bytes):
            raise RuntimeError(f"not signed: {octets}")  # noqa: TRY004  it is what it is, not a wrong type
        return octets

    def status(
        self, number: str, code: str, *, reporter: str, sender: str = SENDER, description: str = "", of: str = ""
    ) -> bytes:
        """A business status on the document ``number``, for ``sender``; ``of``: whose document it is, if not its."""
        return write_status(
            StatusMessage(
                sender=_organization(reporter),
                response_for=ResponseFor(
                    organ_id=sender,
                    code=f"{number}/STN-VP",
                    document_id=document_id(number, sender=of or sender),
                    promulgation_date=date(2026, 11, 22),
                ),
                code=code,
                description=description,
                timestamp=datetime.now(UTC),  # noqa: TID251  a tool, not the house
            )
        )


def document_id(number: str, *, sender: str = SENDER) -> str:
    return f"{sender},2026/11/22,{number}/STN-VP"


def make_province(
    folder: Path, *, database_url: str = "", broker_url: str = "embedded:", settings: str = "", base_url: str = ""
) -> Province:
    """Make it in ``folder``: PKI, ``trunk.toml``, tables, agencies, systems and keys.

    ``settings``: further TOML; ``base_url``: of ``scripts.authorities``, which the certificates name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pki = make_pki(at=datetime.now(UTC), base_url=base_url)  # noqa: TID251  a tool, not the house
    pki.write(folder)
    config = folder / "trunk.toml"
    config.write_text(_toml(database_url, broker_url, settings), encoding="utf-8")
    upgrade(load(config, {}))
    return register(Province(folder=folder, config=config, pki=pki, keys={}))


def register(province: Province) -> Province:
    """Put the agencies, their mandates, systems and new keys into the ledger."""
    keys = enrol(province, [_agency(province, code) for code in AGENCIES])
    return Province(folder=province.folder, config=province.config, pki=province.pki, keys=keys)


def enrol(province: Province, agencies: Sequence[Agency], *, together: int = 1) -> dict[str, str]:
    """Put agencies into the ledger, so many of them ``together`` in one system; each one's key by its code."""
    keys: dict[str, str] = {}
    with open_administration(province.settings()) as room:
        room.administration.put_agencies(agencies)
        for first in range(0, len(agencies), together):
            codes = [agency.code for agency in agencies[first : first + together]]
            system = SystemId(f"{codes[0].lower()}-qlvb")
            room.administration.put_system(SystemRecord(id=system, name=f"QLVB {codes[0]}", agencies=frozenset(codes)))
            keys |= dict.fromkeys(codes, room.administration.issue_key(system).spelled)
    return keys


def fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(SHA256()).hex()


def _agency(province: Province, code: str) -> Agency:
    name, old_code = AGENCIES[code]
    mandate = Mandate(fingerprint=fingerprint(province.signer(code).certificate))
    return Agency(code=AgencyCode(code), name=name, old_code=old_code, mandates=(mandate,))


def _organization(code: str) -> Organization:
    return Organization(organ_id=code, name=AGENCIES[code][0] if code in AGENCIES else "")


def _toml(database_url: str, broker_url: str, more: str) -> str:
    text = f"""\
data_folder = "var"

[identity]
organ_id = "H41.TRUC"

[http]
port = 0

[database]
url = "{database_url}"

[broker]
url = "{broker_url}"

[signatures]
trust_folder = "../trust"
seal_key_file = "../identities/seal.key"
seal_certificate_file = "../identities/seal.pem"
"""
    return f"{text}\n{more}"
