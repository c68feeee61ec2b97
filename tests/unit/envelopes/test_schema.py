"""Both schema libraries, and what the house adds to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from lxml.etree import _Element

from edxml_schemas import CATALOGUE, MessageKind
from envelopes import violations
from envelopes.errors import EnvelopeCode
from envelopes.schema import ValidXml, counts, prepare, validate
from envelopes.skeleton import parse
from scripts import form_refusals, form_vectors
from scripts.form_vectors import change, written
from tests.unit.envelopes.examine import faults, parsed, valid

ACCEPTED = {name: octets for name, octets in form_vectors.accepted().items() if len(octets) < 20_000}
PARSEABLE = {
    f"{code}-{name}": octets
    for code, family in form_refusals.rejected().items()
    for name, octets in family.items()
    if code >= EnvelopeCode.MISSING or name == "addressees"
}
COMPILED = {kind: etree.XMLSchema(file=str(CATALOGUE[kind].path)) for kind in MessageKind}
NAMES = ["OrganId", "To", "From", "Subject", "Place", "StatusCode", "Attachment", "Bussiness", "Signature", "Reference"]
TEXTS = [
    "",
    " ",
    "x",
    "0",
    "5",
    "2026/05/04",
    "2026/13/45",
    "31/12/2026 08:30",
    "x" * 36,
    "Y91\u200b",
    "G12 ",
    "\t",
    "true",
]
QCVN = form_vectors.QCVN


def _agree(root: _Element) -> bool:
    """Both libraries' one opinion, for both kinds of message."""
    opinions = []
    for kind, compiled in COMPILED.items():
        quick = compiled.validate(root)
        assert violations.wording(kind).is_valid(root, use_location_hints=False) is quick, compiled.error_log
        opinions.append(quick)
    return any(opinions)


@pytest.mark.parametrize("octets", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_both_libraries_accept_every_accepted_vector(octets: bytes) -> None:
    assert _agree(parsed(octets).root)


@pytest.mark.parametrize("octets", PARSEABLE.values(), ids=PARSEABLE.keys())
def test_both_libraries_agree_on_every_rejected_vector_that_can_be_parsed(octets: bytes) -> None:
    _agree(parsed(octets).root)


def _remove(element: _Element, _: str) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _double(element: _Element, _: str) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.append(deepcopy(element))


def _rename(element: _Element, word: str) -> None:
    element.tag = f"{{{QCVN}}}{NAMES[len(word) % len(NAMES)]}"


def _say(element: _Element, word: str) -> None:
    element.text = word


def _say_behind(element: _Element, word: str) -> None:
    element.tail = word


def _mark(element: _Element, word: str) -> None:
    element.set("Id", word)


def _mark_strangely(element: _Element, word: str) -> None:
    element.set("strange", word)


def _stuff(element: _Element, word: str) -> None:
    etree.SubElement(element, f"{{{QCVN}}}{NAMES[len(word) % len(NAMES)]}").text = word


def _stuff_strangely(element: _Element, word: str) -> None:
    etree.SubElement(element, "{urn:strange}Element").text = word


def _move_to_the_end(element: _Element, _: str) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.append(element)


def _comment(element: _Element, _: str) -> None:
    if len(element):  # one inside a value never comes so far
        element.insert(0, etree.Comment("a remark"))


MUTATIONS: list[Callable[[_Element, str], None]] = [
    _remove, _double, _rename, _say, _say_behind, _mark, _mark_strangely, _stuff, _stuff_strangely,
    _move_to_the_end, _comment,
]  # fmt: skip

words = st.one_of(
    st.sampled_from(TEXTS), st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40)
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(ACCEPTED)),
    st.lists(st.tuples(st.integers(0, 500), st.sampled_from(MUTATIONS), words), min_size=1, max_size=4),
)
def test_both_libraries_agree_however_a_message_is_bent(
    name: str, mutations: list[tuple[int, Callable[[_Element, str], None], str]]
) -> None:
    root = parsed(ACCEPTED[name]).root
    for place, mutate, word in mutations:
        elements = [element for element in root.iter("*") if "\ufffe" not in word and "\uffff" not in word]
        if elements:
            mutate(elements[place % len(elements)], word)
    _agree(root)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(ACCEPTED)),
    st.lists(st.tuples(st.integers(0, 500), st.sampled_from(MUTATIONS[:-1]), st.sampled_from(TEXTS)), max_size=3),
)
def test_a_message_is_valid_or_has_faults_with_line_and_path(
    name: str, mutations: list[tuple[int, Callable[[_Element, str], None], str]]
) -> None:
    root = parsed(ACCEPTED[name]).root
    for place, mutate, word in mutations:
        elements = list(root.iter("*"))
        mutate(elements[place % len(elements)], word)
    if root.tag != f"{{{QCVN}}}edXML":
        return
    tree = parse(etree.tostring(root, encoding="UTF-8", xml_declaration=True))
    if isinstance(tree, tuple):
        return  # a comment came to stand in a value
    found = validate(tree)
    assert isinstance(found, ValidXml) or found
    for fault in () if isinstance(found, ValidXml) else found:
        assert fault.line
        assert fault.path.startswith("/edXML")


def test_all_missing_fields_are_named_at_once_with_the_path_where_they_belong() -> None:
    octets = PARSEABLE["ENV-101-everything"]
    header = "/edXML/edXML:edXMLEnvelope/edXML:edXMLHeader/edXML:MessageHeader"
    assert {fault.path for fault in faults(octets)} == {
        f"{header}/edXML:{name}" for name in ("From", "DocumentId", "Code", "PromulgationInfo", "Subject")
    }


def test_faults_of_every_kind_come_together_in_the_order_of_their_lines() -> None:
    octets = change(written(), "<edXML:Priority>1<", "<edXML:Priority>9<")
    octets = change(octets, "<edXML:CodeNumber>27</edXML:CodeNumber>", "<edXML:Odd/>")
    octets = change(octets, "<edXML:Subject>", "<edXML:Subject>1</edXML:Subject><edXML:Subject>")
    octets = change(octets, "JVBERi0", "JVBER*0")
    found = faults(octets)
    assert [fault.code for fault in found] == ["ENV-101", "ENV-102", "ENV-105", "ENV-103", "ENV-204"]
    assert sorted(fault.line or 0 for fault in found) == [fault.line for fault in found]


def test_the_second_of_three_addressees_is_named_by_its_index() -> None:
    octets = change(written(), ">X07<", f">{'X' * 36}<")
    (fault,) = faults(octets)
    assert fault.path.endswith("/edXML:MessageHeader/edXML:To[2]/edXML:OrganId")
    assert (fault.code, fault.expected) == (EnvelopeCode.TOO_LONG, "at most 35 characters")


def test_prefixes_in_a_path_are_the_senders() -> None:
    octets = written().replace(b"edXML:", b"q:").replace(b"xmlns:edXML", b"xmlns:q")
    (fault,) = faults(octets.replace(b"<q:Priority>1<", b"<q:Priority>9<"))
    assert fault.path == "/edXML/q:edXMLEnvelope/q:edXMLHeader/q:MessageHeader/q:OtherInfo/q:Priority"


def test_the_quick_log_speaks_if_the_wordy_library_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(violations, "faults", lambda *_: [])
    (fault,) = faults(change(written(), "<edXML:Priority>1<", "<edXML:Priority>9<"))
    assert (fault.code, fault.path[-14:]) == (EnvelopeCode.BAD_VALUE, "edXML:Priority")


def test_preparing_builds_what_the_first_refusal_needs() -> None:
    violations.wording.cache_clear()
    prepare()
    assert violations.wording.cache_info().currsize == len(MessageKind)


def test_the_kind_is_told_by_content() -> None:
    assert valid(ACCEPTED["new"]).kind is MessageKind.DOCUMENT
    assert valid(ACCEPTED["status-13"]).kind is MessageKind.STATUS
    assert valid(ACCEPTED["acknowledgement"]).kind is MessageKind.STATUS


def test_counts_are_read_from_the_schema_files() -> None:
    document, status = counts(MessageKind.DOCUMENT), counts(MessageKind.STATUS)
    assert {len(rules) for rules in document.values()} == {2, 4, 16}
    assert {len(rules) for rules in status.values()} == {2, 4}


def test_an_acknowledgement_needs_one_of_our_codes() -> None:
    (fault,) = faults(change(ACCEPTED["acknowledgement"], "<edXML:StatusCode>92<", "<edXML:StatusCode>03<"))
    assert fault.code is EnvelopeCode.UNEXPECTED
    assert fault.path.endswith("/ack:Acknowledgement")


def test_a_real_signature_may_stand_in_the_header_and_nowhere_else() -> None:
    signature = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:Any/></ds:Signature>'
    assert valid(change(written(), "</edXML:edXMLHeader>", f"{signature}</edXML:edXMLHeader>"))
    (fault,) = faults(change(written(), "<AttachmentEncoded>", f"{signature}<AttachmentEncoded>"))
    assert (fault.code, fault.path) == (EnvelopeCode.UNEXPECTED, "/edXML/ds:Signature")


def test_ids_for_signatures_may_stand_on_header_manifest_and_bussiness() -> None:
    octets = written()
    for name in ("MessageHeader", "Bussiness"):
        octets = change(octets, f"<edXML:{name}>", f'<edXML:{name} Id="id-{name}">')
    octets = change(octets, "<edXML:edXMLManifest ", '<edXML:edXMLManifest Id="m" ')
    assert valid(octets)
    (fault,) = faults(change(octets, 'Id="m"', 'Id="7 m"'))
    assert (fault.code, fault.path[-22:]) == (EnvelopeCode.BAD_VALUE, "/edXML:edXMLManifest/@Id"[-22:])


@pytest.mark.parametrize("count", [3_000, 40_000])
def test_thousands_of_faults_are_told_briefly_and_soon(count: int) -> None:
    many = "<edXML:Odd>1</edXML:Odd>" * count
    octets = change(written(), "<edXML:Subject>", f"{many}<edXML:Subject>")
    begun = time.process_time()
    found = faults(octets)
    assert time.process_time() - begun < 10
    assert 0 < len(found) <= 200
    assert found[0].code is EnvelopeCode.UNEXPECTED
    assert found[0].path.startswith("/edXML/edXML:edXMLEnvelope/edXML:edXMLHeader/edXML:MessageHeader/edXML:Odd")


def test_a_very_large_message_has_its_faults_worded_from_the_quick_log() -> None:
    octets = written(to_places=("Nơi nhận",) * 7_000)
    for old, new in (
        ("<edXML:Priority>1<", "<edXML:Priority>9<"),
        (">X07<", f">{'X' * 36}<"),
        (">27<", "><"),
        ("<edXML:CodeNotation>STN-VP</edXML:CodeNotation>", ""),
        ("<edXML:Content>", '<edXML:Content strange="1">'),
    ):
        octets = change(octets, old, new)
    assert {fault.code for fault in faults(octets)} == {"ENV-101", "ENV-102", "ENV-103", "ENV-104"}
    assert all(fault.path.count("/") > 4 for fault in faults(octets))


def test_threads_do_not_mix_their_messages_up() -> None:
    good, bad = written(), PARSEABLE["ENV-101-everything"]

    def judged(number: int) -> set[str]:
        found = validate(parsed(bad if number % 2 else good))
        return set() if isinstance(found, ValidXml) else {str(fault.code) for fault in found}

    with ThreadPoolExecutor(max_workers=4) as pool:
        opinions = list(pool.map(judged, range(120)))
    assert opinions == [{"ENV-101"} if number % 2 else set() for number in range(120)]
