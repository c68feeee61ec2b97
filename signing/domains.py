"""Trust domains: roots that vouch for something, and how the certificates below them are read.

Law: a root belongs to one domain. Domains stand side by side (public authorities under the national root, the
government's own root) and never lend each other anything but steps.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from signing.certificate import UNREADABLE, Purpose, Roles, is_authority, key_of
from signing.paths import Node
from signing.verdict import Role

DEFAULT: Final = "default"
"""Name of the domain whose roots lie in the trust folder itself."""

ROOTS: Final = "roots"
INTERMEDIATES: Final = "intermediates"
LISTS: Final = "lists"
_RULES: Final = "domain.toml"
_KEYS: Final = frozenset({"uses", "personal_uids", "organisational_uids", "without_uid"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """What its roots vouch for, and whose certificates are whose."""

    name: str = DEFAULT
    roots: tuple[x509.Certificate, ...]
    uses: frozenset[Purpose] = frozenset(Purpose)
    roles: Roles = Roles()  # noqa: RUF009 - frozen


def read_domains(folder: Path) -> tuple[Domain, ...]:
    """The domains of a trust folder. Raises ``OSError``, and ``ValueError`` that says what is wrong with it.

    ``roots/*.pem`` in the folder itself, or in one sub-folder for each domain, with an optional ``domain.toml``.
    """
    domains = [_read_domain(place, name) for place, name in places(folder)]
    if not domains:
        raise ValueError("a trust store needs at least one root certificate")
    seen: dict[bytes, str] = {}
    for domain in domains:
        for root in domain.roots:
            other = seen.setdefault(root.public_bytes(Encoding.DER), domain.name)
            if other != domain.name:
                raise ValueError(f"the domains {other} and {domain.name} have a root in common")
    return tuple(domains)


def read_intermediates(folder: Path) -> tuple[x509.Certificate, ...]:
    """Of all domains. Raises ``OSError``, ``ValueError``."""
    return tuple(_distinct(one for place, _ in places(folder) for one in _certificates(place / INTERMEDIATES)))


def places(folder: Path) -> Iterator[tuple[Path, str]]:
    """The folders that hold domains, and their names."""
    if (folder / ROOTS).is_dir():
        yield folder, DEFAULT
    own = {ROOTS, INTERMEDIATES, LISTS}
    for place in sorted(folder.iterdir() if folder.is_dir() else ()):
        if place.is_dir() and place.name not in own and not place.name.startswith("."):
            yield place, place.name


def _read_domain(place: Path, name: str) -> Domain:
    roots = tuple(_distinct(_certificates(place / ROOTS)))
    if not roots:
        raise ValueError(f"the trust domain {name} has no root certificate in {place / ROOTS}")
    rules = place / _RULES
    told = _toml(rules) if rules.is_file() else {}
    unknown = sorted(set(told) - _KEYS)
    if unknown:
        raise ValueError(f"{rules}: no such key: {', '.join(unknown)}")
    roles = Roles()
    try:
        return Domain(
            name=name,
            roots=roots,
            uses=frozenset(Purpose(use) for use in _words(told, "uses", Purpose)),
            roles=Roles(
                personal=_schemes(told, "personal_uids", roles.personal),
                organisational=_schemes(told, "organisational_uids", roles.organisational),
                without_uid=Role(told.get("without_uid", roles.without_uid)),
            ),
        )
    except ValueError as error:
        raise ValueError(f"{rules}: {error}") from error


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # not TOML, not UTF-8
        raise ValueError(f"{file}: {error}") from error


def _words(told: dict[str, Any], key: str, default: Iterable[str]) -> list[str]:
    words = told.get(key, [str(word) for word in default])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{key}: expected a list of words")
    return words


def _schemes(told: dict[str, Any], key: str, default: frozenset[str]) -> frozenset[str]:
    return frozenset(scheme.upper() for scheme in _words(told, key, default))


def _certificates(folder: Path) -> Iterator[x509.Certificate]:
    for file in sorted(folder.glob("*.pem")):
        try:
            found = x509.load_pem_x509_certificates(file.read_bytes())
            for one in found:  # now, where the file can be named
                key_of(Node(one).certificate)
                is_authority(one)
        except UNREADABLE as error:
            raise ValueError(f"{file}: {error}") from error
        yield from found


def _distinct(certificates: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    return list({one.public_bytes(Encoding.DER): one for one in certificates}.values())
