"""Every combination of policy, header, attachments, roles and mandates, by the tables of docs/adr/0008."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from signing.errors import SigningCode
from signing.report import AttachmentReport, Report
from signing.verdict import Finding, Indication, Place, Role, Signer, Stamp, TimeSource, Verdict
from trunk.domain.agency import Agency, Mandate
from trunk.domain.delivery import AgencyCode
from trunk.domain.rejection import Code
from trunk.domain.signature_policy import (
    BUILT_IN,
    REQUIRED,
    EnvelopeSignature,
    Policies,
    SignaturePolicy,
    Trouble,
    Uncertain,
    Weighed,
)
from trunk.domain.weighing import findings_of_header, weigh

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
OURS, THEIRS = "aa" * 32, "bb" * 32
AGENCY = Agency(code=AgencyCode("A01"), name="A", mandates=(Mandate(fingerprint=OURS),))
DOCUMENT = Path(__file__).parents[3] / "docs" / "adr" / "0008-policies-and-evidence.md"
STATUS = "a status"
OVER_HUB = "over a hub"
PLACES = {"envelope": "header", "cid:main": "main document", "cid:other": "another attachment"}


@dataclass(frozen=True)
class Kind:
    """One signature as the tables name it."""

    standing: str  #: none, placeholder, broken, unproved, uncertain, valid
    role: Role = Role.PERSON
    mandated: bool = False
    known: bool = True  #: whose it is

    @property
    def row(self) -> str:
        if not self.known:
            return f"{self.standing}, not known whose"
        if self.standing in ("uncertain", "valid"):
            return f"{self.standing}, {'mandated' if self.mandated else 'not mandated'}"
        return self.standing

    @property
    def counts(self) -> bool:
        return not self.known or (self.mandated and self.standing in ("uncertain", "valid"))


def tables() -> dict[str, dict[str, dict[str, str]]]:
    """Table by the head of its first column, then row, then policy."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    heads: list[str] = []
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            heads = []
        elif not heads:
            heads = cells
            found[heads[0]] = {}
        elif not cells[0].startswith("---"):
            found[heads[0]][cells[0]] = dict(zip(heads[1:], cells[1:], strict=True))
    return found


TABLES = tables()
SIGNED = [
    Kind(standing, role, mandated) for standing in ("uncertain", "valid") for role in Role for mandated in (True, False)
]
NOT_KNOWN = Kind("uncertain", known=False)
HEADERS = [Kind("none"), Kind("placeholder"), Kind("broken"), NOT_KNOWN, *SIGNED]
INSIDE = [None, Kind("broken"), Kind("unproved", mandated=True), NOT_KNOWN, *SIGNED]
CODES = {
    "none": SigningCode.UNSIGNED,
    "placeholder": SigningCode.PLACEHOLDER,
    "broken": SigningCode.DIGEST_MISMATCH,
    "uncertain": SigningCode.REVOCATION_UNKNOWN,
}
CODES_INSIDE = {
    "broken": SigningCode.PDF_CHANGED,
    "unproved": SigningCode.UNPROVED,
    "uncertain": SigningCode.CHAIN_INCOMPLETE,
}


def signer(kind: Kind) -> Signer:
    return Signer(
        fingerprint=OURS if kind.mandated else THEIRS,
        subject_uid="",
        serial="1",
        issuer="CN=CA",
        not_before=NOW,
        not_after=NOW,
        role=kind.role,
        key_bits=2048,
    )


def verdict(kind: Kind, *, inside: bool = False, **changes: Any) -> Verdict:
    indications = {"valid": Indication.TOTAL_PASSED, "broken": Indication.TOTAL_FAILED}
    code = (CODES_INSIDE if inside or not kind.known else CODES).get(kind.standing)
    made = Verdict(
        indication=indications.get(kind.standing, Indication.INDETERMINATE),
        place=Place.ATTACHMENT if inside else Place.ENVELOPE,
        signer=None if kind.standing in ("none", "placeholder") or not kind.known else signer(kind),
        algorithm="rsa-sha256",
        digest_algorithm="sha256",
        signing_time=NOW,
        findings=() if code is None else (Finding(code=code),),
    )
    return replace(made, **changes)


def report(header: Kind, main: Kind | None, other: Kind | None, *, to_the_end: bool = True) -> Report:
    covered = ("file",) if to_the_end else ("revision 1 of 2",)
    files = (("main", main), ("other", other))
    return Report(
        at=NOW,
        envelope=verdict(header),
        attachments=tuple(
            AttachmentReport(
                content_id=name,
                main=name == "main",
                file="pdf",
                verdicts=()
                if kind is None
                else (verdict(kind, inside=True, covered=covered if kind.standing == "valid" else ()),),
            )
            for name, kind in files
        ),
    )


def expected(name: str, header: Kind, main: Kind | None, other: Kind | None, *, to_the_end: bool) -> set[str]:
    """The answers that the tables give."""
    given = [TABLES["header"][header.row][name]]
    given += [TABLES["attachment"][kind.row][name] for kind in (main, other) if kind]
    if any(answer.startswith("refuse") for answer in given):
        return set(given) - {"–"}
    ways = [way for way in counting(header, main, other, to_the_end=to_the_end) if way in TABLES["counts"]]
    answers = [TABLES["counts"][way][name] for way in ways or ["nothing"]]
    given += ["–"] if "–" in answers else [min(answers, key=lambda answer: ("SIG-403" not in answer, answer))]
    return set(given) - {"–"}


def counting(header: Kind, main: Kind | None, other: Kind | None, *, to_the_end: bool) -> Iterator[str]:
    places = zip(PLACES.values(), (header, main, other), strict=True)
    for place, kind in places:
        if kind is not None and kind.counts:
            cut = place == "main document" and kind.standing == "valid" and not to_the_end
            yield f"{kind.role if kind.known else 'not known whose'}, {place}{', not to the end' if cut else ''}"


def told(weighed: Weighed) -> set[str]:
    """What was decided, in the tables' words. Temporary reasons beside permanent ones are told too."""
    return {
        *(f"{'again' if flaw.code in {'SIG-301', 'SIG-302'} else 'refuse'} {flaw.code}" for flaw in weighed.flaws),
        *(f"mark {code}" for code in weighed.because),
    }


def policy(name: str) -> SignaturePolicy:
    return REQUIRED.of_statuses() if name == STATUS else BUILT_IN[name]


def test_the_tables_know_every_policy_and_every_case() -> None:
    assert set(TABLES) == {"header", "attachment", "counts", OVER_HUB}
    for rows in TABLES.values():
        assert all(set(row) == {*BUILT_IN, STATUS} for row in rows.values())
    assert {kind.row for kind in HEADERS} == set(TABLES["header"])
    assert {kind.row for kind in INSIDE if kind} == set(TABLES["attachment"])


@pytest.mark.parametrize("name", [*BUILT_IN, STATUS])
def test_every_combination_is_decided_as_the_tables_say(name: str) -> None:
    tried = 0
    for header, main, other, to_the_end in itertools.product(HEADERS, INSIDE, INSIDE, (True, False)):
        found = weigh(policy(name), report(header, main, other, to_the_end=to_the_end), AGENCY, at=NOW)
        wanted = expected(name, header, main, other, to_the_end=to_the_end)
        assert told(found) == wanted, (header, main, other, to_the_end)
        tried += 1
    assert tried == 16 * 16 * 16 * 2


def expected_over_hub(name: str, header: Kind, files: tuple[Kind | None, Kind | None], *, to_the_end: bool) -> set[str]:
    """The same where nobody is known to be mandated: the fourth table, and the others for what it does not name."""
    rows = TABLES[OVER_HUB]
    told = rows.get(f"header: {header.row}", TABLES["header"].get(header.row, {}))[name]
    given = {*told.split(", "), *(TABLES["attachment"][kind.row][name] for kind in files if kind)} - {"–"}
    if any(answer.startswith("refuse") for answer in given):
        return given
    ways = list(counting(header, *files, to_the_end=to_the_end))  # only those who are not known can count
    answers = [TABLES["counts"][way][name] for way in ways if way in TABLES["counts"]]
    if answers and "–" in answers:
        return given
    roles = policy(name).roles
    would = any(
        kind.standing in ("uncertain", "valid") and kind.known and kind.role in roles
        for kind in (header, *files)
        if kind
    )
    nothing = rows["counts: nothing, and somebody signed who would"] if would else TABLES["counts"]["nothing"]
    return (given | {answers[0] if answers else nothing[name]}) - {"–"}


@pytest.mark.parametrize("name", [*BUILT_IN, STATUS])
def test_over_a_hub_nobody_is_mandated_who_was_not_named_here(name: str) -> None:
    untold = replace(AGENCY, mandates=())
    nobody = [kind for kind in HEADERS if not kind.mandated], [kind for kind in INSIDE if not (kind and kind.mandated)]
    for header, main, other in itertools.product(nobody[0], nobody[1], nobody[1]):
        one = report(header, main, other)
        wanted = expected_over_hub(name, header, (main, other), to_the_end=True)
        weighed = weigh(policy(name), one, untold, at=NOW, over_hub=True)
        assert told(weighed) == wanted, (header, main, other)
        assert not weighed.counted
        assert told(weigh(policy(name), one, AGENCY, at=NOW, over_hub=True)) == told(
            weigh(policy(name), one, AGENCY, at=NOW)
        )


def test_a_broken_signature_in_the_header_passes_no_policy() -> None:
    laxest = SignaturePolicy(
        envelope_signature=EnvelopeSignature.OPTIONAL,
        personal=BUILT_IN["deliver-marked"].personal,
        roles=frozenset(Role),
        attachments=Trouble.MARK,
        uncertain=Uncertain.MARK,
    )
    broken = report(Kind("broken", mandated=True), Kind("valid", mandated=True), None)
    assert [flaw.code for flaw in weigh(laxest, broken, AGENCY, at=NOW).flaws] == [Code.DIGEST_MISMATCH]
    assert [flaw.code for flaw in findings_of_header(broken)] == [Code.DIGEST_MISMATCH]


@pytest.mark.parametrize(
    "findings", [(), (Finding(code=SigningCode.UNTRUSTED),), (Finding(code=SigningCode.REVOCATION_UNKNOWN),) * 2]
)
def test_what_no_time_can_mend_is_not_waited_for(findings: tuple[Finding, ...]) -> None:
    odd = replace(report(Kind("none"), None, None), envelope=verdict(Kind("valid", mandated=True)))
    odd = replace(odd, envelope=replace(odd.envelope, indication=Indication.INDETERMINATE, findings=findings))
    waits = bool(findings) and all(finding.code == "SIG-301" for finding in findings)
    flaws = weigh(BUILT_IN["deliver-marked"], odd, AGENCY, at=NOW).flaws
    assert bool(flaws) is not waits


def test_an_unproved_signature_behind_one_that_counts_is_as_good_as_broken() -> None:
    ours, old = Kind("valid", mandated=True), Kind("unproved")
    signed = report(ours, ours, None)
    first = verdict(ours, inside=True, covered=("revision 1 of 2",), order=1)
    second = verdict(old, inside=True, order=2)
    both = replace(signed, attachments=(replace(signed.attachments[0], verdicts=(first, second)),))
    for name in ("required", "required-on-main-document"):
        assert [flaw.code for flaw in weigh(BUILT_IN[name], both, AGENCY, at=NOW).flaws] == [Code.SIGNING_TIME_UNPROVED]
    before = replace(first, order=2, covered=("file",)), replace(second, order=1)
    turned = replace(signed, attachments=(replace(signed.attachments[0], verdicts=(before[1], before[0])),))
    assert not weigh(BUILT_IN["required-on-main-document"], turned, AGENCY, at=NOW).flaws


def test_a_security_store_may_stand_behind_the_last_signature_of_the_main_document() -> None:
    ours = Kind("valid", mandated=True)
    stored = verdict(ours, inside=True, covered=("revision 2 of 3",), later_changes=("dss", "metadata"))
    signed = report(Kind("none"), ours, None)
    signed = replace(signed, attachments=(replace(signed.attachments[0], verdicts=(stored,)),))
    assert not weigh(BUILT_IN["required-on-main-document"], signed, AGENCY, at=NOW).flaws


def test_temporary_reasons_stand_behind_the_permanent_ones() -> None:
    both = report(Kind("uncertain", mandated=True), Kind("broken"), None)
    assert [flaw.code for flaw in weigh(REQUIRED, both, AGENCY, at=NOW).flaws] == [
        Code.PDF_CHANGED,
        Code.REVOCATION_UNKNOWN,
    ]


@pytest.mark.parametrize("signed_at", [NOW, NOW - timedelta(days=2)])
@pytest.mark.parametrize("span", [(None, NOW), (NOW - timedelta(days=1), None)])
def test_a_mandate_must_hold_when_it_was_signed_and_when_it_is_accepted(
    signed_at: datetime, span: tuple[datetime | None, datetime | None]
) -> None:
    start, end = span
    agency = replace(AGENCY, mandates=(Mandate(fingerprint=OURS, valid_from=start, valid_until=end),))
    claimed = replace(
        report(Kind("none"), None, None),
        envelope=verdict(Kind("valid", mandated=True), signing_time=signed_at, signing_time_source=TimeSource.CLAIMED),
    )
    codes = [flaw.code for flaw in weigh(REQUIRED, claimed, agency, at=NOW).flaws]
    assert (codes == []) is (start is not None and signed_at == NOW)


@pytest.mark.parametrize(
    ("change", "got"),
    [
        ({"signature_methods": frozenset({"ecdsa-sha256"})}, "rsa-sha256"),
        ({"digest_algorithms": frozenset({"sha512"})}, "sha256"),
        ({"min_rsa_bits": 3072}, "2048 bits"),
    ],
)
def test_a_narrower_policy_is_asked_of_every_signature_that_counts(change: dict[str, Any], got: str) -> None:
    narrow = replace(REQUIRED, name="narrow", **change)
    valid, foreign = Kind("valid", mandated=True), Kind("valid")
    header = weigh(narrow, report(valid, None, None), AGENCY, at=NOW)
    assert [(flaw.code, flaw.got) for flaw in header.flaws] == [(Code.WEAK_ALGORITHM, got)]
    optional = replace(narrow, envelope_signature=EnvelopeSignature.OPTIONAL)
    inside = weigh(optional, report(Kind("none"), valid, foreign), AGENCY, at=NOW)
    assert [(flaw.code, flaw.path) for flaw in inside.flaws] == [(Code.WEAK_ALGORITHM, "cid:main")]
    marked = weigh(replace(optional, attachments=Trouble.MARK), report(Kind("none"), valid, None), AGENCY, at=NOW)
    assert Code.WEAK_ALGORITHM in marked.because
    assert not marked.counted


def test_a_key_of_unknown_size_is_not_large_enough() -> None:
    told_nothing = replace(signer(Kind("valid", mandated=True)), key_bits=0)
    one = replace(report(Kind("none"), None, None), envelope=verdict(Kind("valid"), signer=told_nothing))
    flaws = weigh(replace(REQUIRED, min_rsa_bits=1), one, AGENCY, at=NOW).flaws
    assert [flaw.code for flaw in flaws] == [Code.WEAK_ALGORITHM]


def test_xml_may_use_several_digests_and_all_of_them_are_asked() -> None:
    several = replace(
        report(Kind("none"), None, None),
        envelope=verdict(Kind("valid", mandated=True), digest_algorithm="sha256,sha512"),
    )
    for allowed, refused in (({"sha512"}, True), ({"sha256", "sha512"}, False)):
        narrow = replace(REQUIRED, digest_algorithms=frozenset(allowed))
        assert bool(weigh(narrow, several, AGENCY, at=NOW).flaws) is refused


def test_an_uncertain_timestamp_over_the_document_is_nobodys_signature() -> None:
    stamp = Stamp(at=NOW, authority="cc", domain="stamps", evidence="dd")
    stamped = verdict(NOT_KNOWN, inside=True, stamp=stamp)
    main = AttachmentReport(content_id="main", main=True, file="pdf", verdicts=(stamped,))
    one = Report(at=NOW, envelope=verdict(Kind("valid", Role.ORGANISATION, mandated=True)), attachments=(main,))
    assert [flaw.code for flaw in weigh(REQUIRED, one, AGENCY, at=NOW).flaws] == [
        Code.NO_PERSONAL_SIGNATURE,
        Code.CHAIN_INCOMPLETE,
    ]


def test_an_unknown_name_is_the_strictest_and_every_relaxation_is_named() -> None:
    assert Policies().named("no such") is REQUIRED
    assert REQUIRED.relaxations == ()
    assert all(policy.relaxations for policy in BUILT_IN.values() if policy is not REQUIRED)
    assert len(BUILT_IN["deliver-marked"].relaxations) == 4


def test_what_was_decided_is_told_as_data() -> None:
    marked = weigh(BUILT_IN["deliver-marked"], report(Kind("none"), None, None), AGENCY, at=NOW)
    assert marked.as_data() == {
        "name": "deliver-marked",
        "outcome": "marked",
        "because": ["SIG-001", "SIG-008"],
        "counted": [],
    }
    taken = weigh(REQUIRED, report(Kind("valid", mandated=True), None, None), AGENCY, at=NOW)
    assert (taken.as_data()["outcome"], taken.counted) == ("accepted", ("envelope",))
    assert replace(taken, named="gone").as_data()["named"] == "gone"
