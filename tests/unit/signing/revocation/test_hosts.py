from __future__ import annotations

import pytest

from signing.revocation.hosts import Hosts, is_global

HOSTS = Hosts(public=("ocsp.example.vn", "*.ca.vn", "odd.vn:8080", "any.vn:*"), private=("127.0.0.1:8081", "[::1]:*"))


@pytest.mark.parametrize(
    "url",
    [
        "http://ocsp.example.vn/responder",
        "http://OCSP.example.vn:80/responder",
        "https://ocsp.example.vn/x?y=z",
        "http://crl.ca.vn/1.crl",
        "http://a.b.ca.vn/1.crl",
        "http://odd.vn:8080/",
        "http://any.vn:12345/",
        "http://127.0.0.1:8081/crl",
        "http://[::1]:99/crl",
        "http://ocsp.example.vn./responder",
    ],
)
def test_named_hosts_are_allowed(url: str) -> None:
    assert HOSTS.allows(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "http://example.vn/",
        "http://ocsp.example.vn.evil.net/",
        "http://evil.net/ocsp.example.vn",
        "http://evil.net#ocsp.example.vn",
        "http://ocsp.example.vn@evil.net/",
        "http://evil.net@ocsp.example.vn/",
        "http://ocsp.example.vn:8080/",
        "http://ocsp.example.vn:99999/",
        "http://ocsp.example.vn:0/",
        "http://any.vn:0/",
        "gopher://any.vn:70/",
        "ftp://any.vn:21/",
        "http://odd.vn/",
        "http://ca.vn/",
        "http://notca.vn/",
        "ftp://ocsp.example.vn/",
        "file:///etc/passwd",
        "ldap://ocsp.example.vn/",
        "//ocsp.example.vn/",
        "http://127.0.0.1/",
        "http://127.0.0.1:8082/",
        "http://ocsp.example.vn/a b",
        "http://ocsp.example.vn/\r\nHost: evil",
        "http://ocsp.example.vn/" + "a" * 3000,
        "http://ocsp。example。vn/",
    ],
)
def test_nothing_else_is(url: str) -> None:
    assert not HOSTS.allows(url)


def test_only_private_hosts_may_be_in_the_own_network() -> None:
    assert HOSTS.allows_private("http://127.0.0.1:8081/")
    assert not HOSTS.allows_private("http://ocsp.example.vn/")


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - an address to be refused
        ("10.1.2.3", False),
        ("192.168.1.1", False),
        ("172.16.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("feff::1", False),
        ("192.88.99.1", False),
        ("::ffff:192.88.99.1", False),
        ("192.88.98.1", True),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("2001:0:a00:1::", False),
        ("", False),
        ("2130706433", False),
        ("localhost", False),
    ],
)
def test_only_addresses_of_the_internet_are_global(address: str, known: bool) -> None:  # noqa: FBT001
    assert is_global(address) is known
