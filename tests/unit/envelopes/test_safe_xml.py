"""The parser's law, beyond what the vectors show."""

from __future__ import annotations

import socket
import time

import pytest

from envelopes import safe_xml
from envelopes.errors import EnvelopeCode
from envelopes.limits import Limits
from envelopes.safe_xml import Tree
from envelopes.shape import Refusal
from scripts.form_vectors import change, written
from tests.unit.envelopes.examine import codes, document, faults, parsed

LIMITS = Limits()


def _into_header(text: str) -> bytes:
    return change(written(), "<edXML:Subject>", f"{text}<edXML:Subject>")


def test_comments_between_elements_are_tolerated_and_recorded() -> None:
    assert parsed(_into_header("<!-- XML 102 -->")).has_comments
    assert parsed(change(written(), "<edXML ", "<!-- before --><edXML ")).has_comments
    assert parsed(written() + b"<!-- behind -->").has_comments
    assert not parsed(written()).has_comments
    assert not parsed(change(written(), "Minh Sơn", "<![CDATA[<!-- no comment -->]]>")).has_comments


def test_a_comment_hides_nothing_behind_it() -> None:
    octets = change(written(), "<edXML:Subject>", "<edXML:Subject><!-- a -->")
    assert codes(octets) == {EnvelopeCode.COMMENT}
    assert codes(change(written(), "</edXML:Subject>", "<!-- a --></edXML:Subject>")) == {EnvelopeCode.COMMENT}


def test_cdata_is_text_like_any_other() -> None:
    octets = change(written(), "Minh Sơn", "<![CDATA[Minh <Sơn> &amp;]]>")
    assert document(octets).sender.in_charge == "UBND tỉnh Minh <Sơn> &amp;"


def test_an_instruction_in_a_comment_or_in_cdata_is_none() -> None:
    assert document(_into_header("<!-- <?php ?> -->"))
    assert document(change(written(), "Minh Sơn", "<![CDATA[<?php ?>]]>"))


@pytest.mark.parametrize(
    "uri",
    [
        "http://www.w3.org/2001/XInclude",
        "http://www.w3.org/2001/XInclu&#100;e",
        "http://www.w3.org/2001/XMLSchema-instance",
    ],
)
def test_foreign_attributes_are_found_however_their_namespace_is_spelt(uri: str) -> None:
    octets = _into_header(f'<a xmlns:x="{uri}" x:y="1"/>')
    assert codes(octets) == {EnvelopeCode.INSTRUCTION}


def test_namespaces_in_scope_are_counted_not_those_side_by_side() -> None:
    side_by_side = '<edXML:Odd xmlns:a="urn:a"/>' * 30
    assert codes(_into_header(side_by_side)) == {EnvelopeCode.UNEXPECTED}
    nested = "".join(f'<a xmlns:n{n}="urn:n">' for n in range(15)) + "</a>" * 15
    assert codes(_into_header(nested)) == {EnvelopeCode.TOO_MANY}


def test_xml_1_1_and_other_encodings_are_not_guessed_at() -> None:
    for encoding in ("ISO-8859-1", "UTF-7", "utf8x", "cp1258"):
        octets = change(written(), 'encoding="UTF-8"', f'encoding="{encoding}"')
        assert codes(octets) == {EnvelopeCode.WRONG_ENCODING}
    assert document(change(written(), 'encoding="UTF-8"', "encoding='utf-8' standalone='yes'"))
    assert document(written().split(b"\n", 1)[1])


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    external = '<!DOCTYPE edXML [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]>\n<edXML '
    assert codes(change(written(), "<edXML ", external)) == {EnvelopeCode.DTD}


@pytest.mark.parametrize(
    "flood",
    [
        "<a/>" * 900_000,
        "<a " + " ".join(f'a{n}=""' for n in range(90_000)) + "/>",
        "<a " + " ".join(f'xmlns:a{n}="u"' for n in range(20_000)) + "/>",
        "<a>" * 3_000 + "</a>" * 3_000,
        "<!---->" * 90_000 + "<a/>",
    ],
    ids=["elements", "attributes", "namespaces", "depth", "comments"],
)
def test_floods_are_refused_before_they_cost_anything(flood: str) -> None:
    octets = _into_header(flood)
    begun = time.process_time()
    assert faults(octets)
    assert time.process_time() - begun < 3


@pytest.mark.parametrize("junk", [b"<" * 9_000_000, b"<a>" + b"x" * 9_000_000, b"<a>" + b">" * 9_000_000])
def test_heaps_of_junk_are_refused_unparsed(junk: bytes) -> None:
    begun = time.process_time()
    assert codes(junk) == {EnvelopeCode.TEXT_TOO_LONG}
    assert time.process_time() - begun < 1


def test_the_parser_answers_with_a_tree_or_a_refusal() -> None:
    assert isinstance(safe_xml.parse(b"<a/>", limits=LIMITS), Tree)
    assert isinstance(safe_xml.parse(b"<a>", limits=LIMITS), Refusal)
