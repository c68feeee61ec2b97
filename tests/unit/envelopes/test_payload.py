from __future__ import annotations

import hashlib
from base64 import b64encode
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envelopes.payload import Decoder, describe

WHITE = [" ", "\t", "\r", "\n", "\r\n", "&#13;", "&#xD;", "&#10;", "&#x0a;"]


def _cut(text: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in pairwise(at)]


@given(
    st.binary(max_size=300), st.lists(st.tuples(st.integers(0, 400), st.sampled_from(WHITE))), st.lists(st.integers())
)
def test_base64_with_any_white_space_in_any_chunks_decodes_to_its_octets(
    octets: bytes, white: list[tuple[int, str]], cuts: list[int]
) -> None:
    text = b64encode(octets).decode()
    for at, space in sorted(white, reverse=True):
        place = min(at, len(b64encode(octets)))
        text = text[:place] + space + text[place:]
    content = describe(_cut(text.encode(), cuts))
    assert content.fault == ""
    assert (content.size, content.sha256) == (len(octets), hashlib.sha256(octets).hexdigest())
    assert content.head == octets[:1024]
    assert content.line_ends == text.count("\n")


@given(
    st.binary(min_size=1, max_size=120),
    st.integers(0, 200),
    st.sampled_from("-_*%.,:;<&é\0\x0b\xa0"),
    st.lists(st.integers()),
)
def test_a_foreign_character_anywhere_is_found(octets: bytes, at: int, character: str, cuts: list[int]) -> None:
    text = b64encode(octets).decode()
    place = at % (len(text) + 1)
    assert describe(_cut((text[:place] + character + text[place:]).encode(), cuts)).fault


@given(st.binary(min_size=1, max_size=90), st.lists(st.integers()))
def test_text_that_lost_its_end_is_found(octets: bytes, cuts: list[int]) -> None:
    assert describe(_cut(b64encode(octets)[:-1], cuts)).fault


@given(st.binary(min_size=1, max_size=90), st.binary(min_size=1, max_size=30), st.lists(st.integers()))
def test_padding_stands_at_the_end_only(octets: bytes, more: bytes, cuts: list[int]) -> None:
    padded = b64encode(octets + b"x" * (3 - len(octets) % 3 - 1) if len(octets) % 3 != 1 else octets)
    if padded.endswith(b"="):
        assert describe(_cut(padded + b64encode(more), cuts)).fault


def test_a_fault_knows_how_many_lines_stood_before_it() -> None:
    text = b"QUJD\nQUJD\nQU*D\nQUJD\n"
    content = describe([text])
    assert (content.fault, content.fault_line_ends, content.line_ends) == ("character '*'", 2, 4)
    late = describe([b"QUJD\n" * 5, text])
    assert (late.fault_line_ends, late.line_ends) == (7, 9)


@pytest.mark.parametrize("text", [b"", b" \r\n\t", b"&#13;\n"])
def test_nothing_but_white_space_is_an_empty_file_and_no_fault(text: bytes) -> None:
    content = describe([text])
    assert (content.size, content.fault) == (0, "")


@pytest.mark.parametrize("broken", [b"QUJD&#1\n3;QUJD", b"QUJD&#\r13;", b"QUJD&#1&#13;3;", b"QUJD& #13;", b"QUJD&#13"])
def test_a_reference_is_whole_wherever_the_chunks_end(broken: bytes) -> None:
    """No parser would take these: neither do we, who decode without one."""
    for cut in range(len(broken) + 1):
        assert describe([broken[:cut], broken[cut:]]).fault
    for size in range(1, 5):
        assert describe([broken[at : at + size] for at in range(0, len(broken), size)]).fault


def test_a_decoder_never_holds_more_than_one_chunk() -> None:
    decoder = Decoder()
    decoded = [len(decoder.feed(b"QUJDRA" * 100)) for _ in range(4)]
    decoder.finish()
    assert sum(decoded) == 600 * 4 * 3 // 4
