"""Makes a public key infrastructure for tests and demonstrations: certificates as real ones look, and bad ones.

Two trust domains as in Vietnam, ``public`` and ``government``, and a third, ``stamps``, that vouches for timestamps
alone. Every key is fresh and belongs to nobody. Run as ``python -m scripts.make_test_pki FOLDER``; importable too.
Keys are written with mode 0600; nothing of this is ever committed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from scripts.certificates import (
    DAY,
    DOCUMENT_SIGNING,
    Identity,
    PrivateKey,
    Sources,
    Wish,
    directory,
    ec_key,
    issue,
    pem,
    pem_key,
    rsa_key,
)
from scripts.revocation_lists import Revoked, revocation_list

__all__ = [
    "DOCUMENT_SIGNING",
    "Identity",
    "Pki",
    "PrivateKey",
    "Wish",
    "ec_key",
    "impostor",
    "issue",
    "look_alikes",
    "make_pki",
    "pem",
    "rsa_key",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """What a trust domain's folder holds, by name of identity. Other authorities come with the message."""

    root: str
    intermediates: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    rules: str = ""  #: its domain.toml


DOMAINS: Mapping[str, Domain] = {
    "public": Domain(
        root="root",
        intermediates=("ca",),
        lists=("root", "ca", "revoked-ca", "constrained-ca", "distant-ca", "stale-list-ca", "forged-list-ca"),
    ),
    "government": Domain(
        root="government-root",
        intermediates=("government-ca",),
        lists=("government-root", "government-ca"),
        rules='uses = ["documents"]\nwithout_uid = "person"\n',
    ),
    "stamps": Domain(root="stamp-root", lists=("stamp-root",), rules='uses = ["timestamps"]\n'),
}
#: Authorities whose certificates name no URL.
_SILENT = frozenset({"other-root", "stamp-root"})
_OLD = 10 * DAY
_LATE = 1 * DAY
#: Whom the authority of the second name has revoked, and how long ago.
REVOKED: Mapping[str, tuple[str, timedelta]] = {
    "revoked": ("ca", _OLD),
    "revoked-lately": ("ca", _LATE),
    "revoked-tsa": ("ca", _OLD),
    "revoked-ca": ("root", _OLD),
    "government-revoked": ("government-ca", _OLD),
}


@dataclass(frozen=True, slots=True)
class Pki:
    """Everything made ``at`` a time, by name; ``lists``: by authority, DER."""

    identities: dict[str, Identity] = field(default_factory=dict)
    lists: dict[str, bytes] = field(default_factory=dict)
    at: datetime = datetime(1, 1, 1, tzinfo=UTC)

    def __getitem__(self, name: str) -> Identity:
        return self.identities[name]

    def write(self, folder: Path) -> None:
        """``trust`` with one folder per domain, and per identity ``identities/NAME.pem`` (chain) and ``NAME.key``."""
        self.write_trust(folder / "trust")
        for name, identity in self.identities.items():
            _write(folder / "identities" / f"{name}.pem", pem(identity.chain))
            _write(folder / "identities" / f"{name}.key", pem_key(identity.key), mode=0o600)

    def write_trust(self, folder: Path) -> None:
        """Per domain ``roots``, ``intermediates`` and, for use without a network, ``lists``."""
        for name, domain in DOMAINS.items():
            place = folder / name
            _write(place / "roots" / f"{domain.root}.pem", pem([self[domain.root].certificate]))
            for one in domain.intermediates:
                _write(place / "intermediates" / f"{one}.pem", pem([self[one].certificate]))
            for one in domain.lists:
                _write(place / "lists" / f"{one}.crl", self.lists[one])
            if domain.rules:
                _write(place / "domain.toml", domain.rules.encode())

    def revoked_by(self, authority: str) -> list[Revoked]:
        """Whom the authority has taken back."""
        found = [(name, ago) for name, (whose, ago) in REVOKED.items() if whose == authority]
        return [Revoked(certificate=self[name].certificate, since=self.at - ago) for name, ago in found]


def make_pki(*, at: datetime, authority_key: Callable[[], PrivateKey] = rsa_key, base_url: str = "") -> Pki:
    """Roots, authorities and the identities that a trunk meets, good and bad, as of ``at``.

    ``base_url``: of ``scripts.authorities``; then certificates name the list, the responder and the certificate of
    their issuer there.
    """
    made = _authorities(at, authority_key, base_url)
    families = {
        "ca": _good() | _bad() | _services(),
        "root": {"ocsp-root": _responder("Test OCSP of the root")},
        "other-root": {"another-root-person": _person("001085000009", key=ec_key())},
        "revoked-ca": {"person-of-revoked-ca": _person("001085000010", key=ec_key())},
        "distant-ca": {"person-of-distant-ca": _person("001085000011", key=ec_key())},
        "listless-ca": {"person-of-listless-ca": _person("001085000015", key=ec_key())},
        "stale-list-ca": {"person-of-stale-list-ca": _person("001085000016", key=ec_key())},
        "forged-list-ca": {"person-of-forged-list-ca": _person("001085000017", key=ec_key())},
        "constrained-ca": _constrained(),
        "government-ca": _government(),
        "stamp-root": {
            "stamp-tsa": _stamper("Test TSA of stamps"),
            "stamp-person": _person("001085000012", key=ec_key()),
        },
    }
    for issuer, family in families.items():
        sources = Sources.at("" if issuer in _SILENT else base_url, issuer)
        made |= {name: issue(made[issuer], replace(wish, sources=sources), at=at) for name, wish in family.items()}
    # one key, two names: which of them signed, only what the signature names can tell
    made["twin"] = issue(made["ca"], _person("001085000018", key=made["person-p256"].key), at=at)
    pki = Pki(made, at=at)
    pki.lists.update(_lists(pki))
    return pki


def _lists(pki: Pki) -> dict[str, bytes]:
    """Of every authority but one; one is of long ago, and one another key's under its authority's name."""
    names = {name for domain in DOMAINS.values() for name in domain.lists}
    lists = {name: revocation_list(pki[name], at=pki.at, revoked=pki.revoked_by(name)) for name in sorted(names)}
    lists["stale-list-ca"] = revocation_list(pki["stale-list-ca"], at=pki.at - 60 * DAY)
    lists["forged-list-ca"] = revocation_list(pki["forged-list-ca"], at=pki.at, by=pki["other-root"])
    return lists


def impostor(pki: Pki) -> Identity:
    """``person-p256`` with every name and serial number of the path as they are, under other keys."""
    root, authority, person = (pki[name].certificate.serial_number for name in ("root", "ca", "person-p256"))
    top = issue(None, Wish(name="Test National Root CA", key=ec_key(), authority=True, serial=root), at=pki.at)
    step = Wish(name="Test CA SHA2", key=ec_key(), authority=True, path_length=0, serial=authority)
    below = issue(top, step, at=pki.at)
    signer = issue(below, replace(_person("001085000002", key=ec_key()), serial=person), at=pki.at)
    return replace(signer, issuers=(below.certificate, top.certificate))


def look_alikes(count: int, *, at: datetime) -> Identity:
    """A signer below ``count`` authorities of one name and one key, each of which may have issued each other."""
    shared = Wish(name="Test CA SHA2", key=ec_key(), authority=True)
    crowd = [issue(None, shared, at=at) for _ in range(count)]
    signer = issue(crowd[0], _person("001085000013", key=ec_key()), at=at)
    return replace(signer, issuers=tuple(one.certificate for one in crowd))


def _authorities(at: datetime, authority_key: Callable[[], PrivateKey], base_url: str) -> dict[str, Identity]:
    def root(name: str, key: PrivateKey) -> Identity:
        return issue(None, Wish(name=name, key=key, authority=True, lasts=25 * 365 * DAY), at=at)

    def below(issuer: str, name: str, key: PrivateKey, only: x509.NameConstraints | None = None) -> Identity:
        wish = Wish(name=name, key=key, authority=True, path_length=0, lasts=5 * 365 * DAY, constraints=only)
        return issue(made[issuer], replace(wish, sources=Sources.at(base_url, issuer)), at=at)

    made = {
        "root": root("Test National Root CA", authority_key()),
        "other-root": root("Another Root CA", ec_key()),
        "government-root": root("Test Government Root CA", ec_key(ec.SECP384R1())),
        "stamp-root": root("Test Stamp Root CA", ec_key()),
    }
    made["ca"] = below("root", "Test CA SHA2", authority_key())
    made["government-ca"] = below("government-root", "Test Government CA", ec_key())
    # the very authority, vouched for by another domain and by a root that nobody trusts
    made["cross-ca"] = below("government-root", "Test CA SHA2", made["ca"].key)
    made["stray-cross-ca"] = below("other-root", "Test CA SHA2", made["ca"].key)
    made["revoked-ca"] = below("root", "Test Revoked CA", ec_key())
    made["distant-ca"] = below("root", "Test CA that no folder holds", ec_key())
    names = x509.NameConstraints(permitted_subtrees=[directory(organisation="Tỉnh Mẫu")], excluded_subtrees=None)
    made["listless-ca"] = below("root", "Test CA without a list", ec_key())
    made["stale-list-ca"] = below("root", "Test CA whose list is old", ec_key())
    made["forged-list-ca"] = below("root", "Test CA whose list is another's", ec_key())
    made["constrained-ca"] = below("root", "Test CA of one province", ec_key(), names)
    return made


def _person(number: str, *, key: PrivateKey | None = None, organisation: str = "") -> Wish:
    purposes = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING)
    return Wish(name="Nguyễn Văn Thử", uid=f"CCCD:{number}", key=key, purposes=purposes, organisation=organisation)


def _good() -> dict[str, Wish]:
    only_commitment = frozenset({"content_commitment"})
    return {
        "person": _person("001085000001"),
        "person-p256": _person("001085000002", key=ec_key()),
        "person-p384": _person("001085000003", key=ec_key(ec.SECP384R1())),
        "person-p521": _person("001085000004", key=ec_key(ec.SECP521R1())),
        "organisation": Wish(
            name="Sở Thử nghiệm",
            uid="MST:0100000000",
            purposes=(ExtendedKeyUsageOID.CLIENT_AUTH, DOCUMENT_SIGNING),
        ),
        # as one real authority issues them: L over the 64 characters of RFC 5280, no SAN, no EKU
        "organisation-plain": Wish(name="Chi nhánh Thử", uid="MST:0100000001", key=ec_key(), locality="L" * 66),
        "commitment-only": Wish(name="Token", uid="CMND:012345678", key=ec_key(), usages=only_commitment),
        "seal": Wish(name="Trục liên thông thử nghiệm", uid="MST:0100000002", key=ec_key()),
    }


def _bad() -> dict[str, Wish]:
    encipher = frozenset({"key_encipherment"})
    server = (ExtendedKeyUsageOID.SERVER_AUTH,)
    return {
        "expired": Wish(name="Hết hạn", key=ec_key(), starts=-400 * DAY, lasts=365 * DAY),
        "not-yet-valid": Wish(name="Chưa hiệu lực", key=ec_key(), starts=30 * DAY),
        "revoked": _person("001085000005", key=ec_key()),
        "revoked-lately": _person("001085000006", key=ec_key()),
        "wrong-usage": Wish(name="Mã hóa", key=ec_key(), usages=encipher),
        "no-usage": Wish(name="Không nêu", key=ec_key(), with_usage=False),
        "server": Wish(name="example.vn", key=ec_key(), purposes=server),
        "rsa-1024": Wish(name="Yếu", key=rsa_key(1024)),
        "authority-signs": Wish(name="CA ký văn bản", key=ec_key(), authority=True),
    }


def _constrained() -> dict[str, Wish]:
    """Under the authority of one province: a signer of it and one of another."""
    return {
        "constrained-inside": _person("001085000007", key=ec_key(), organisation="Tỉnh Mẫu"),
        "constrained-outside": _person("001085000008", key=ec_key(), organisation="Tỉnh Khác"),
    }


def _government() -> dict[str, Wish]:
    """Government certificates need not carry a UID."""
    return {
        "government-person": Wish(name="Trần Thị Mẫu", organisation="Bộ Mẫu", key=ec_key()),
        "government-person-uid": _person("001085000014", key=ec_key(), organisation="Bộ Mẫu"),
        "government-organisation": Wish(name="Bộ Mẫu", uid="MNS:1000001", key=ec_key()),
        "government-revoked": Wish(name="Lê Văn Cũ", organisation="Bộ Mẫu", key=ec_key()),
        "government-ocsp": _responder("Test Government OCSP"),
    }


def _services() -> dict[str, Wish]:
    """Stamping and responding, as it should be and with the wrong purposes."""
    also_mail = (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.EMAIL_PROTECTION)
    return {
        "tsa": _stamper("Test TSA"),
        "revoked-tsa": _stamper("Test TSA, revoked"),
        "expired-tsa": replace(_stamper("Test TSA, expired"), starts=-400 * DAY, lasts=365 * DAY),
        "tsa-not-critical": replace(_stamper("Test TSA, purpose not critical"), purposes_critical=False),
        "tsa-of-all-trades": replace(_stamper("Test TSA, also for mail"), purposes=also_mail),
        "ocsp": _responder("Test OCSP"),
        "ocsp-without-purpose": replace(_responder("Test OCSP, no purpose"), purposes=()),
    }


def _stamper(name: str) -> Wish:
    return _service(name, ExtendedKeyUsageOID.TIME_STAMPING, critical=True)


def _responder(name: str) -> Wish:
    return replace(_service(name, ExtendedKeyUsageOID.OCSP_SIGNING), no_check=True)


def _service(name: str, purpose: ObjectIdentifier, *, critical: bool = False) -> Wish:
    return Wish(
        name=name,
        key=ec_key(),
        usages=frozenset({"digital_signature"}),
        purposes=(purpose,),
        purposes_critical=critical,
    )


def _write(file: Path, octets: bytes, *, mode: int = 0o644) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.touch(mode=mode)
    file.write_bytes(octets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    made = make_pki(at=datetime.fromtimestamp(int(time.time()), tz=UTC))
    made.write(arguments.folder)
    print(f"{len(made.identities)} identities in {arguments.folder}")


if __name__ == "__main__":
    main()
