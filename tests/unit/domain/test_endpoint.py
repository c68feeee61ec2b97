"""Which addresses mail may be posted to: what two readers could read differently is refused."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from trunk.domain.endpoint import Endpoint, EndpointRules, UnfitUrl

RULES = EndpointRules()
HOUSE = EndpointRules(private_hosts=("qlvb.noi-bo", "10.1.2.3:8080", "*.so.vn:*", "[fd00::1]"))

GOOD = {
    "https://qlvb.example.vn/edoc": "https://qlvb.example.vn/edoc",
    "HTTPS://QLVB.Example.VN:443": "https://qlvb.example.vn/",
    "https://qlvb.example.vn:8443/a?b=c": "https://qlvb.example.vn:8443/a?b=c",
    "https://tỉnh.example.vn/": "https://xn--tnh-dlz.example.vn/",
    "https://qlvb.example.vn?x": "https://qlvb.example.vn/?x",
    "https://8.8.8.8/": "https://8.8.8.8/",
    "https://[2001:4860:4860:0::8888]/": "https://[2001:4860:4860::8888]/",
    "https://qlvb.example.vn/a%20b": "https://qlvb.example.vn/a%20b",
}
BAD = [
    "", "qlvb.example.vn", "//qlvb.example.vn/", "http://qlvb.example.vn/", "ftp://qlvb.example.vn/", "https:///x",
    "https://", "https:/qlvb.example.vn/", "https:qlvb.example.vn", "file:///etc/passwd", "gopher://example.vn/",
    "https://user@qlvb.example.vn/", "https://user:pass@qlvb.example.vn/", "https://good.vn@evil.vn/",
    "https://qlvb.example.vn/#part", "https://qlvb.example.vn\\@evil.vn/", "https:\\\\qlvb.example.vn/",
    "https://qlvb.example.vn /", " https://qlvb.example.vn/", "https://qlvb.example.vn/\n", "https://qlvb.example.vn/\t",
    "https://qlvb.example.vn/\x00", "https://qlvb.example.vn:0/", "https://qlvb.example.vn:65536/",
    "https://qlvb.example.vn:22/", "https://qlvb.example.vn:443:443/", "https://qlvb.example.vn:/",
    "https://qlvb.example.vn:4４3/", "https://qlvb.example.vn./", "https://.example.vn/", "https://a..vn/",
    "https://-a.vn/", "https://a_b.vn/", "https://%71lvb.example.vn/", "https://localhost/", "https://LOCALHOST/",
    "https://intranet/", "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f.1/",
    "https://0x7f000001/", "https://0177.0.0.1/", "https://1.2.3/", "https://1.2.3.4.5/", "https://10.0.0.1/",
    "https://172.16.0.1/", "https://192.168.1.1/", "https://169.254.169.254/", "https://100.64.0.1/", "https://0.0.0.0/",
    "https://255.255.255.255/", "https://224.0.0.1/", "https://[::1]/", "https://[::]/", "https://[::ffff:10.0.0.1]/",
    "https://[64:ff9b::a00:1]/", "https://[fe80::1%25eth0]/", "https://[fd00::1]/", "https://[fe80::1]/", "https://[::1/",
    "https://[not]/", "https://１２７.0.0.1/", "https://127。0。0。1/", "https://①②⑦.0.0.1/", "https://exa\u200bmple.vn\u2028/",
    "https://qlvb.example.vn/ơ", "https://qlvb.example.vn/%zz", "https://qlvb.example.vn/<x>",
    "https://" + "a" * 64 + ".vn/",
    "https://qlvb.example.vn/" + "a" * 2000, "javascript:alert(1)", "https://ex℀mple.vn/",
]  # fmt: skip


@pytest.mark.parametrize("written", GOOD)
def test_an_address_has_one_form(written: str) -> None:
    read = RULES.read(written)
    assert read == GOOD[written]
    assert RULES.read(str(read)) == read


@pytest.mark.parametrize("written", BAD)
def test_what_is_not_plain_or_not_of_the_internet_is_refused_with_a_remedy(written: str) -> None:
    read = RULES.read(written)
    assert isinstance(read, UnfitUrl)
    assert read.what
    assert read.remedy


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://qlvb.noi-bo/", True),
        ("https://qlvb.noi-bo/", True),
        ("http://qlvb.noi-bo:8443/", False),
        ("https://qlvb.noi-bo:8443/", True),  # as of the internet, like any other name: it must have an address there
        ("http://x.qlvb.noi-bo/", False),
        ("http://10.1.2.3:8080/", True),
        ("http://10.1.2.3/", False),
        ("http://10.1.2.4:8080/", False),
        ("http://a.so.vn:9999/", True),
        ("http://so.vn:9999/", False),
        ("https://[fd00::1]/", True),
        ("https://[fd00::2]/", False),
        ("http://user@qlvb.noi-bo/", False),
    ],
)
def test_hosts_of_the_house_are_allowed_by_name(url: str, *, allowed: bool) -> None:
    assert isinstance(HOUSE.read(url), str) is allowed


def test_a_private_host_is_private_and_no_other() -> None:
    assert HOUSE.private("https://qlvb.noi-bo/")
    assert not HOUSE.private("https://x.qlvb.noi-bo/")
    assert not HOUSE.private("https://qlvb.example.vn/")


_LETTERS = st.text(alphabet=st.sampled_from("ahttps:/.@#?%\\[]0127x \t\n-_~vnỉ。８"), max_size=40)


@given(st.one_of(st.text(max_size=60), _LETTERS, _LETTERS.map("https://".__add__)))
def test_what_is_taken_all_readers_read_alike(written: str) -> None:
    read = RULES.read(written)
    if isinstance(read, UnfitUrl):
        return
    ours, theirs = urlsplit(read), URL(read, encoded=True)
    assert ours.scheme == theirs.scheme == "https"
    assert ours.hostname == theirs.host
    assert (ours.port or 443) == theirs.port
    assert theirs.user is None
    assert str(theirs) == read
    assert theirs.port in RULES.ports
    assert RULES.read(read) == read


def test_a_proof_holds_for_the_address_with_its_authorities() -> None:
    told = Endpoint(url="https://a.vn/", ca_file="ca.pem", proven="https://a.vn/ ca.pem")
    assert told.open
    assert not Endpoint(url="https://a.vn/", proven="https://a.vn/ ca.pem").open
    assert not Endpoint(url="https://b.vn/", ca_file="ca.pem", proven="https://a.vn/ ca.pem").open
    assert not Endpoint().open
