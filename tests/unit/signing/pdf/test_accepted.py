"""Good documents pass, with everything that a receiver may want to know."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from pyhanko.pdf_utils.reader import HistoricalResolver

from scripts import handmade_pdf as pdf
from scripts.handmade_cms import CmsWish
from scripts.handmade_pdf import Signing
from scripts.make_signed_pdf import PADES, Workshop
from scripts.make_test_pki import Pki
from signing.certificate import fingerprint
from signing.evidence import EvidenceKind, RevocationState
from signing.judge import Judge
from signing.pdf import PdfVerifier
from signing.pdf.reading import StrictReader
from signing.pdf.survey import survey
from signing.pdf.usages import Ways
from signing.trust import TrustStore
from signing.verdict import Indication, Place, Role, TimeSource
from tests.unit.signing.conftest import AT
from tests.unit.signing.pdf.conftest import Look, Revocation, codes


def test_what_is_good_passes(good: dict[str, bytes], look: Look) -> None:
    for name, octets in good.items():
        verdicts = look(octets)
        assert verdicts, name
        assert all(verdict.passed for verdict in verdicts), (name, codes(verdicts))
        store_behind = name == "store-behind-the-last"
        assert verdicts[-1].covered == (("revision 2 of 3",) if store_behind else ("file",)), name
        assert ("dss" in verdicts[-1].later_changes) is store_behind, name
        assert [verdict.order for verdict in verdicts] == list(range(1, len(verdicts) + 1)), name


def test_every_signature_is_told_apart(good: dict[str, bytes], look: Look, pki: Pki) -> None:
    first, second, third = look(good["person-person-organisation"])
    assert [verdict.path for verdict in (first, second, third)] == ["Signature1", "Signature2", "Signature3"]
    signers = [verdict.signer for verdict in (first, second, third)]
    assert [signer.role for signer in signers if signer] == [Role.PERSON, Role.PERSON, Role.ORGANISATION]
    assert first.covered == ("revision 2 of 4",)
    assert second.covered == ("revision 3 of 4",)
    assert first.later_changes == ("metadata", "signature")
    assert third.later_changes == ()
    assert first.place is Place.ATTACHMENT
    assert first.profile == "adbe.pkcs7.detached"
    assert (first.algorithm, first.digest_algorithm) == ("rsa-sha256", "sha256")
    assert [link.fingerprint for link in first.chain] == [
        fingerprint(pki[name].certificate) for name in ("person", "ca", "root")
    ]
    assert (first.claimed_time, first.signing_time_source) == (AT - timedelta(minutes=10), TimeSource.CLAIMED)
    assert {item.kind for item in first.evidence} == {EvidenceKind.CERTIFICATE}


def test_the_json_names_nobody(good: dict[str, bytes], look: Look) -> None:
    told = json.dumps([verdict.as_data() for verdict in look(good["one-person"])], ensure_ascii=False)
    assert "001085000001" not in told
    assert "Nguyễn" not in told


@pytest.mark.parametrize(
    "name", ["Nguyen Van Thu", "CCCD 001085000001", "Signature_001085000001", "Sig12345", "field 7"]
)
def test_a_field_may_be_called_by_somebodys_name(shop: Workshop, look: Look, name: str) -> None:
    _, verdict = look(shop.signed(shop.signed(), how=Signing(field=name, wish=shop.plain())))
    assert verdict.passed
    assert name not in json.dumps(verdict.as_data())
    assert verdict.path == "field 2"


def test_a_timestamp_proves_the_time(good: dict[str, bytes], look: Look, pki: Pki) -> None:
    (verdict,) = look(good["pades-t"])
    assert verdict.profile == "PAdES-T"
    assert (verdict.signing_time, verdict.signing_time_source) == (AT - timedelta(minutes=9), TimeSource.TIMESTAMP)
    assert verdict.stamp is not None
    assert verdict.stamp.authority == fingerprint(pki["tsa"].certificate)
    assert verdict.stamp.evidence in {item.sha256 for item in verdict.evidence if item.kind is EvidenceKind.TIMESTAMP}


def test_a_timestamp_over_the_document_proves_the_time_of_those_before_it(good: dict[str, bytes], look: Look) -> None:
    signed, stamped = look(good["document-timestamp"])
    assert (signed.signing_time_source, signed.stamp) == (TimeSource.TIMESTAMP, stamped.stamp)
    assert stamped.profile == "ETSI.RFC3161"
    assert (stamped.signer, stamped.signing_time_source) == (None, TimeSource.TIMESTAMP)


def test_a_timestamp_proves_nothing_about_what_comes_after_it(shop: Workshop, look: Look) -> None:
    stamped = shop.stamped(shop.pades())
    *_, last = look(shop.second(stamped))
    assert last.passed
    assert last.stamp is None


def test_who_was_revoked_after_a_timestamp_signed_well(trust: TrustStore, pki: Pki, shop: Workshop, look: Look) -> None:
    certificate = pki["person"].certificate
    told = Revocation({certificate: RevocationState.REVOKED}, since=AT - timedelta(minutes=1))
    by = PdfVerifier(Judge(trust, revocation=told))
    (stamped,) = look(shop.pades(stamps=(shop.stamper(),)), by=by)
    (claimed,) = look(shop.pades(), by=by)
    assert stamped.passed
    assert codes([claimed]) == [["SIG-206"]]


def test_the_time_in_the_dictionary_counts_where_none_is_signed(shop: Workshop, look: Look) -> None:
    at = AT - timedelta(hours=3)
    how = Signing(wish=CmsWish(names_certificate=True), kind=PADES, written=at)
    (verdict,) = look(shop.signed(how=how))
    assert (verdict.claimed_time, verdict.signing_time_source) == (at, TimeSource.CLAIMED)


def test_an_old_claim_does_not_count(shop: Workshop, look: Look) -> None:
    (verdict,) = look(shop.wished(claimed=AT - timedelta(days=30)))
    assert (verdict.signing_time, verdict.signing_time_source) == (AT, TimeSource.ACCEPTANCE)


def test_an_unsigned_document_has_no_verdict(look: Look) -> None:
    assert look(pdf.document()) == ()
    assert look(pdf.field_painted(pdf.document())) == ()
    assert look(b"no PDF, with /ByteRange") == ()


def test_only_certificates_that_issued_are_steps(shop: Workshop, look: Look, pki: Pki) -> None:
    crowd = [pki[name].certificate for name in ("government-ca", "organisation", "other-root", "cross-ca", "revoked")]
    (verdict,) = look(shop.wished(certificates=[*crowd, *pki["person"].chain, *crowd]))
    assert verdict.passed
    assert len(verdict.chain) == 3


def test_ways_are_those_that_pyhanko_would_walk(good: dict[str, bytes], read: Callable[[bytes], StrictReader]) -> None:
    """Their number may differ in nothing, since each one that is not cleared refuses a change."""
    reader = read(good["person-person-organisation"])
    seen = survey(reader)
    for revision in range(reader.xrefs.total_revisions):
        theirs, ours = HistoricalResolver(reader, revision), Ways(seen.graph(revision))
        theirs._load_reverse_xref_cache()
        for reference in reader.xrefs.explicit_refs_in_revision(0) | reader.xrefs.explicit_refs_in_revision(revision):
            walked = {way.path for way in theirs._get_usages_of_ref(reference)}
            assert ours.to((reference.idnum, reference.generation)) <= walked
            if reference.idnum not in (2, 3):  # the page tree, entered by one way
                assert ours.to((reference.idnum, reference.generation)) == walked


def test_an_old_annex_whose_certificate_has_expired_since_is_unproved(shop: Workshop, look: Look) -> None:
    years_later = AT + timedelta(days=1200)
    annex = shop.signed()
    (verdict,) = look(annex, at=years_later)
    assert verdict.indication is Indication.INDETERMINATE
    assert (verdict.unproved, verdict.sub_indication) == (True, "OUT_OF_BOUNDS_NO_POE")
    assert (codes((verdict,)), verdict.wanted) == ([["SIG-303"]], ())
    assert verdict.signer is not None
    (changed,) = look(annex.replace(b"595", b"596", 1), at=years_later)
    assert (changed.failed, codes((changed,))) == (True, [["SIG-101"]])
    (unclaimed,) = look(shop.signed(how=Signing(wish=CmsWish(claimed=None))), at=years_later)
    assert (unclaimed.failed, codes((unclaimed,))) == (True, [["SIG-203"]])
    (stamped,) = look(shop.pades(stamps=(shop.stamper(),)), at=years_later)
    assert stamped.passed


def test_four_signatures_have_room_on_a_page(shop: Workshop, look: Look) -> None:
    octets = shop.signed()
    for number in range(2, 6):
        box = (0, 80 * number, 350, 80 * number + 80)
        octets = shop.signed(octets, how=Signing(field=f"Signature{number}", wish=shop.plain(), box=box))
    assert codes(look(octets)) == [[]] * 5


def test_a_page_is_as_large_as_what_is_shown_of_it(shop: Workshop, look: Look) -> None:
    cropped = pdf.document(page=b"/CropBox [-9 400 300 9999]")
    how = Signing(field="Signature2", wish=shop.plain(), box=(0, 400, 300, 600))
    assert codes(look(shop.signed(shop.signed(cropped), how=how))) == [["SIG-402"], []]
    assert codes(look(shop.signed(shop.signed(), how=how))) == [[], []]
