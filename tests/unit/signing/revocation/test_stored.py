"""GOOD only with fresh proof; whatever is forged, old, of another or not understood counts for nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from scripts.certificates import Identity, Sources, Wish, ec_key, issue
from signing.evidence import EvidenceKind, RevocationState
from signing.revocation.offline import OfflineLists
from signing.revocation.stored import StoredRevocation
from tests.unit.signing.conftest import AT
from tests.unit.signing.revocation.statements import (
    DAY,
    HOUR,
    LIST_URL,
    RESPONDER_URL,
    SOURCES,
    Entered,
    Room,
    Said,
    answer,
    appointed,
    crl,
    lay_answer,
    lay_list,
    scope,
    serial,
)

GOOD, REVOKED, UNKNOWN = RevocationState.GOOD, RevocationState.REVOKED, RevocationState.UNKNOWN


def test_nothing_known_is_unknown_and_says_what_would_help(room: Room, ca: Identity, person: Identity) -> None:
    told = room.ask(person, ca)
    assert told.state is UNKNOWN
    assert [(one.kind, one.urls) for one in told.wanted] == [
        (EvidenceKind.OCSP, (RESPONDER_URL,)),
        (EvidenceKind.CRL, (LIST_URL,)),
    ]


def test_a_fresh_list_that_is_silent_proves_good(room: Room, ca: Identity, person: Identity) -> None:
    entry = lay_list(room.shelf, crl(ca, Entered(serial=serial(person) + 1)))
    told = room.ask(person, ca)
    (note,) = told.notes
    assert (note.state, note.source, note.origin, note.evidence) == (GOOD, "crl", LIST_URL, entry.sha256)
    assert (note.produced_at, note.next_update) == (AT - HOUR, AT + DAY)
    assert [(one.kind, one.sha256, one.octets) for one in told.evidence] == [(EvidenceKind.CRL, entry.sha256, None)]
    assert room.source.read(entry.sha256) is not None
    assert told.wanted == ()


def test_a_list_that_names_it_revokes(room: Room, ca: Identity, person: Identity) -> None:
    lay_list(room.shelf, crl(ca, Entered(serial=serial(person))))
    (note,) = room.ask(person, ca).notes
    assert (note.state, note.reason, note.revoked_at) == (REVOKED, "keyCompromise", AT - DAY)


def test_a_certificate_that_names_no_list_is_not_good_for_that(room: Room, ca: Identity) -> None:
    """Only ``require`` of the libraries refuses these; so do we."""
    silent = issue(ca, Wish(name="x", key=ec_key()), at=AT)
    told = room.ask(silent, ca)
    assert (told.state, told.wanted) == (UNKNOWN, ())


def test_each_certificate_below_the_root_needs_its_proof(room: Room, ca: Identity) -> None:
    below = issue(ca, Wish(name="Below", key=ec_key(), authority=True, sources=SOURCES), at=AT)
    url = "http://crl.example.vn/below.crl"
    person = issue(below, Wish(name="x", key=ec_key(), sources=Sources(lists=(url,))), at=AT)
    lay_list(room.shelf, crl(below), url=url)
    assert [note.state for note in room.ask(person, below, ca).notes] == [GOOD, UNKNOWN]
    lay_list(room.shelf, crl(ca, Entered(serial=serial(below))))
    assert room.state(person, below, ca) is REVOKED
    lay_list(room.shelf, crl(ca))
    assert room.state(person, below, ca) is GOOD


def test_a_root_alone_asks_nobody(room: Room, ca: Identity) -> None:
    assert room.ask(ca).notes == ()


@pytest.mark.parametrize("minutes", [-6, 6])
def test_freshness_ends_with_the_next_update_and_a_small_tolerance(
    room: Room, ca: Identity, person: Identity, minutes: int
) -> None:
    lay_list(room.shelf, crl(ca))
    end = AT + DAY + timedelta(minutes=5)
    assert room.state(person, ca, now=end) is GOOD
    assert room.state(person, ca, now=end + timedelta(seconds=1)) is UNKNOWN
    future = AT - HOUR + timedelta(minutes=minutes - 5)
    assert room.state(person, ca, now=future) is (GOOD if minutes > 0 else UNKNOWN)


def test_an_old_list_still_revokes_but_not_for_a_hold(room: Room, ca: Identity, person: Identity) -> None:
    """A revocation is for ever, a hold is not."""
    late = AT + 30 * DAY
    lay_list(room.shelf, crl(ca, Entered(serial=serial(person))))
    assert room.state(person, ca, now=late) is REVOKED
    lay_list(room.shelf, crl(ca, Entered(serial=serial(person), reason=x509.ReasonFlags.certificate_hold)))
    assert room.state(person, ca) is REVOKED
    assert room.state(person, ca, at=late, now=late) is UNKNOWN


@pytest.mark.parametrize(
    ("since", "invalid", "state"),
    [(-HOUR, None, REVOKED), (timedelta(), None, REVOKED), (HOUR, None, GOOD), (HOUR, -HOUR, REVOKED)],
)
def test_what_was_revoked_after_the_time_that_counts_is_good(
    room: Room, ca: Identity, person: Identity, since: timedelta, invalid: timedelta | None, state: RevocationState
) -> None:
    """Unless the authority dates the loss of the key back (invalidityDate)."""
    signed_at = AT - 10 * DAY
    more = () if invalid is None else ((x509.InvalidityDate((signed_at + invalid).replace(tzinfo=None)), False),)
    lay_list(room.shelf, crl(ca, Entered(serial=serial(person), since=signed_at + since, more=more)))
    assert room.state(person, ca, at=signed_at) is state
    assert room.state(person, ca) is REVOKED


@pytest.mark.parametrize(
    "extension",
    [
        (x509.DeltaCRLIndicator(1), True),
        (
            x509.FreshestCRL([x509.DistributionPoint([x509.UniformResourceIdentifier(LIST_URL)], None, None, None)]),
            False,
        ),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),
        scope(indirect=True),
        scope(only="authorities"),
        scope(only="attributes"),
        scope(reasons=frozenset({x509.ReasonFlags.key_compromise})),
        scope("http://crl.example.vn/other.crl"),
    ],
    ids=["delta", "has-delta", "unknown", "indirect", "only-authorities", "only-attributes", "reasons", "other-point"],
)
def test_a_list_that_is_not_the_whole_truth_about_it_says_nothing(
    room: Room, ca: Identity, person: Identity, extension: tuple[x509.ExtensionType, bool]
) -> None:
    lay_list(room.shelf, crl(ca, more=[extension]))
    assert room.state(person, ca) is UNKNOWN


@pytest.mark.parametrize(
    "point",
    [scope(only="users"), scope(LIST_URL)],
    ids=["only-users", "its-own-point"],
)
def test_a_list_of_its_own_part_counts(
    room: Room, ca: Identity, person: Identity, point: tuple[x509.ExtensionType, bool]
) -> None:
    lay_list(room.shelf, crl(ca, more=[point]))
    assert room.state(person, ca) is GOOD


def test_an_entry_that_is_not_understood_makes_the_list_useless_for_it(
    room: Room, ca: Identity, person: Identity
) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    lay_list(room.shelf, crl(ca, Entered(serial=serial(person), more=((unknown, True),))))
    assert room.state(person, ca) is UNKNOWN
    lay_list(room.shelf, crl(ca, Entered(serial=serial(person), reason=x509.ReasonFlags.remove_from_crl)))
    assert room.state(person, ca) is UNKNOWN


def test_a_list_counts_only_from_its_issuer(room: Room, ca: Identity, other: Identity, person: Identity) -> None:
    lay_list(room.shelf, crl(ca, by=other))  # forged under its name
    assert room.state(person, ca) is UNKNOWN
    stranger = issue(None, Wish(name="Stranger", key=ca.key, authority=True), at=AT)
    lay_list(room.shelf, crl(stranger, by=ca))  # its key, another name
    assert room.state(person, ca) is UNKNOWN
    octets = bytearray(crl(ca, Entered(serial=serial(person))))
    octets[octets.index(serial(person).to_bytes((serial(person).bit_length() + 8) // 8))] ^= 1
    lay_list(room.shelf, bytes(octets))  # altered
    assert room.state(person, ca) is UNKNOWN


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def test_an_authority_that_may_not_sign_lists_proves_nothing(room: Room) -> None:
    ca = issue(None, Wish(name="No lists", key=ec_key(), authority=True), at=AT)
    usage = dict.fromkeys(_USAGES, False) | {"key_cert_sign": True}
    builder = x509.CertificateBuilder().subject_name(ca.certificate.subject).issuer_name(ca.certificate.subject)
    builder = builder.public_key(ca.key.public_key()).serial_number(7)
    builder = builder.not_valid_before(AT - DAY).not_valid_after(AT + DAY)
    builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    mute = replace(ca, certificate=builder.sign(ca.key, hashes.SHA256()))
    person = issue(mute, Wish(name="x", key=ec_key(), sources=SOURCES), at=AT)
    lay_list(room.shelf, crl(mute))
    assert room.state(person, mute) is UNKNOWN


def test_silence_about_an_expired_certificate_means_nothing(room: Room, ca: Identity) -> None:
    """It may have been dropped from the list; unless the list keeps such."""
    old = issue(ca, Wish(name="x", key=ec_key(), sources=SOURCES, starts=-400 * DAY, lasts=390 * DAY), at=AT)
    signed_at = AT - 20 * DAY
    lay_list(room.shelf, crl(ca))
    assert room.state(old, ca, at=signed_at) is UNKNOWN
    keeps = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.60"), b"\x18\x0f20200101000000Z")
    lay_list(room.shelf, crl(ca, more=[(keeps, False)]))
    assert room.state(old, ca, at=signed_at) is GOOD
    lay_list(room.shelf, crl(ca, Entered(serial=serial(old), since=signed_at)))
    assert room.state(old, ca, at=signed_at) is REVOKED


def test_whoever_says_revoked_is_believed(room: Room, ca: Identity, person: Identity) -> None:
    lay_list(room.shelf, crl(ca, Entered(serial=serial(person))))
    lay_answer(room.shelf, person, answer(person, ca, Said(at=AT), by=appointed(ca)))
    assert room.state(person, ca) is REVOKED


def test_what_is_in_use_is_wanted_anew_though_it_still_counts(room: Room, ca: Identity, person: Identity) -> None:
    lay_list(room.shelf, crl(ca))
    assert room.ask(person, ca, now=AT + HOUR).wanted == ()
    told = room.ask(person, ca, now=AT + HOUR + timedelta(seconds=1))
    assert told.state is GOOD
    assert [one.kind for one in told.wanted] == [EvidenceKind.CRL]


def test_what_another_process_fetched_is_seen_at_once(room: Room, ca: Identity, person: Identity) -> None:
    there = Room.at(room.shelf.folder)
    assert (room.state(person, ca), there.state(person, ca)) == (UNKNOWN, UNKNOWN)
    lay_list(there.shelf, crl(ca))
    assert (room.state(person, ca), there.state(person, ca)) == (GOOD, GOOD)
    lay_list(there.shelf, crl(ca, Entered(serial=serial(person))))
    assert (room.state(person, ca), there.state(person, ca)) == (REVOKED, REVOKED)


def test_a_known_signer_costs_no_reading(
    room: Room, ca: Identity, person: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_list(room.shelf, crl(ca))
    assert room.state(person, ca) is GOOD
    monkeypatch.setattr(type(room.shelf), "find", None)
    monkeypatch.setattr(type(room.shelf), "read", None)
    assert room.state(person, ca) is GOOD


@pytest.mark.parametrize("suffix", [".crl", ".ocsp"])
def test_what_the_operator_laid_down_counts(tmp_path: Path, ca: Identity, suffix: str) -> None:
    place = tmp_path / "gov" / "lists"
    place.mkdir(parents=True)
    person = issue(ca, Wish(name="x", key=ec_key()), at=AT)
    octets = crl(ca) if suffix == ".crl" else answer(person, ca, by=appointed(ca))
    (place / f"one{suffix}").write_bytes(octets)
    (place / "broken.crl").write_bytes(b"")
    source = StoredRevocation(offline=OfflineLists(tmp_path))
    (note,) = source.check([person.certificate, ca.certificate], at=AT, now=AT).notes
    assert (note.state, note.origin) == (GOOD, f"one{suffix}")
    assert source.read(note.evidence) == octets


def test_offline_lists_follow_their_folder(tmp_path: Path, ca: Identity, person: Identity) -> None:
    seconds = [0.0]
    (tmp_path / "roots").mkdir()
    (tmp_path / "lists").mkdir()
    source = StoredRevocation(offline=OfflineLists(tmp_path, clock=lambda: seconds[0]))
    path = [person.certificate, ca.certificate]
    assert source.check(path, at=AT, now=AT).state is UNKNOWN
    pem = x509.load_der_x509_crl(crl(ca, Entered(serial=serial(person))))
    (tmp_path / "lists" / "ca.crl").write_bytes(pem.public_bytes(Encoding.PEM))
    seconds[0] = 1.0
    assert source.check(path, at=AT, now=AT).state is REVOKED


@pytest.mark.parametrize("reason", [None, x509.ReasonFlags.unspecified, x509.ReasonFlags.superseded])
def test_a_reason_that_nobody_told_is_not_unspecified(
    room: Room, ca: Identity, person: Identity, reason: x509.ReasonFlags | None
) -> None:
    """Tokens of a time-stamping authority outlive its revocation only for a reason that was told (RFC 3161 4)."""
    told = "" if reason is None else reason.value
    lay_list(room.shelf, crl(ca, Entered(serial=serial(person), reason=reason)))
    assert [(note.source, note.reason) for note in room.ask(person, ca).notes] == [("crl", told)]
    lay_list(room.shelf, crl(ca))
    said = Said(status=ocsp.OCSPCertStatus.REVOKED, since=AT - DAY, reason=reason)
    lay_answer(room.shelf, person, answer(person, ca, said))
    assert [(note.source, note.reason) for note in room.ask(person, ca).notes] == [("ocsp", told)]
