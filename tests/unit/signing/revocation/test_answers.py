"""Answers of responders: who may speak, about what, for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from scripts.certificates import Identity, Sources, Wish, ec_key, issue, rsa_key
from signing.evidence import RevocationState
from tests.unit.signing.conftest import AT
from tests.unit.signing.revocation.statements import (
    DAY,
    HOUR,
    LIST_URL,
    RESPONDER,
    RESPONDER_URL,
    Entered,
    Room,
    Said,
    answer,
    appointed,
    crl,
    lay_answer,
    lay_list,
    serial,
)

GOOD, REVOKED, UNKNOWN = RevocationState.GOOD, RevocationState.REVOKED, RevocationState.UNKNOWN


@pytest.mark.parametrize("digest", [hashes.SHA1(), hashes.SHA256()])  # noqa: S303 - names a certificate
def test_an_answer_of_the_authority_itself(
    room: Room, ca: Identity, person: Identity, digest: hashes.HashAlgorithm
) -> None:
    entry = lay_answer(room.shelf, person, answer(person, ca, Said(digest=digest), carry=False))
    (note,) = room.ask(person, ca).notes
    assert (note.state, note.source, note.origin, note.evidence) == (GOOD, "ocsp", RESPONDER_URL, entry.sha256)


def test_an_answer_that_revokes(room: Room, ca: Identity, person: Identity) -> None:
    said = Said(status=ocsp.OCSPCertStatus.REVOKED, since=AT - DAY, reason=x509.ReasonFlags.superseded)
    lay_answer(room.shelf, person, answer(person, ca, said, by=appointed(ca)))
    (note,) = room.ask(person, ca).notes
    assert (note.state, note.reason, note.revoked_at) == (REVOKED, "superseded", AT - DAY)
    assert room.state(person, ca, at=AT - 2 * DAY) is GOOD


def test_an_appointed_responder_is_believed(room: Room, ca: Identity, person: Identity) -> None:
    lay_answer(room.shelf, person, answer(person, ca, by=appointed(ca)))
    assert room.state(person, ca) is GOOD


def test_who_was_not_appointed_is_not(room: Room, ca: Identity, other: Identity, person: Identity) -> None:
    person_self = replace(person)
    for signer in (
        other,
        appointed(other),  # by an authority of the same name
        appointed(ca, purposes=()),
        appointed(ca, purposes=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)),
        appointed(ca, usages=frozenset({"key_encipherment"})),
        issue(ca, replace(RESPONDER, key=rsa_key(1024)), at=AT),
        person_self,
    ):
        lay_answer(room.shelf, person, answer(person, ca, by=signer))
        assert room.state(person, ca) is UNKNOWN


def test_a_responder_speaks_only_while_its_certificate_is_valid(room: Room, ca: Identity, person: Identity) -> None:
    brief = appointed(ca, lasts=30 * DAY + HOUR)
    lay_answer(room.shelf, person, answer(person, ca, Said(until=AT + 10 * DAY), by=brief))
    assert room.state(person, ca) is GOOD
    assert room.state(person, ca, at=AT + DAY, now=AT + DAY) is UNKNOWN


def test_a_responder_of_whom_must_be_asked_needs_a_list(room: Room, ca: Identity, person: Identity) -> None:
    asked = appointed(ca, no_check=False, sources=Sources(lists=(LIST_URL,)))
    url_of_person = issue(ca, Wish(name="x", key=ec_key(), sources=Sources(answers=(RESPONDER_URL,))), at=AT)
    lay_answer(room.shelf, url_of_person, answer(url_of_person, ca, by=asked))
    assert room.state(url_of_person, ca) is UNKNOWN
    lay_list(room.shelf, crl(ca))
    assert room.state(url_of_person, ca) is GOOD
    lay_list(room.shelf, crl(ca, Entered(serial=serial(asked))))
    assert room.state(url_of_person, ca) is UNKNOWN


def test_answers_that_tell_nothing_of_it(room: Room, ca: Identity, other: Identity, person: Identity) -> None:
    someone = issue(ca, Wish(name="y", key=ec_key()), at=AT)
    namesake = issue(other, Wish(name="z", key=ec_key(), serial=serial(person)), at=AT)
    responder = appointed(ca)
    critical = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    failure = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    altered = bytearray(answer(person, ca, by=responder))
    altered[-1] ^= 1
    for octets in (
        answer(someone, ca, by=responder),
        answer(namesake, other, by=responder),  # the same serial number, of another authority
        answer(person, ca, Said(status=ocsp.OCSPCertStatus.UNKNOWN), by=responder),
        answer(person, ca, Said(until=AT - HOUR / 2), by=responder),
        answer(person, ca, Said(at=AT + HOUR), by=responder),
        answer(person, ca, Said(until=None, at=AT - 13 * HOUR), by=responder),
        answer(person, ca, Said(more=((critical, True),)), by=responder),
        failure.public_bytes(Encoding.DER),
        bytes(altered),
        b"",
        b"not what you asked for",
    ):
        lay_answer(room.shelf, person, octets)
        assert room.state(person, ca) is UNKNOWN


def test_an_answer_without_a_next_update_counts_for_some_hours(room: Room, ca: Identity, person: Identity) -> None:
    lay_answer(room.shelf, person, answer(person, ca, Said(until=None, at=AT - 11 * HOUR), by=appointed(ca)))
    assert room.state(person, ca) is GOOD
