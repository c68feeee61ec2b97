"""What is posted verifies: by the receiver in docs/push.md, which is another implementation than the one that signs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from signing.http_message import RequestSigner
from tests.push_receiver import Receiver, receiver
from tests.unit.http.fakes import delivery, envelope
from trunk.application.handover import Content
from trunk.domain.endpoint import Endpoint, EndpointRules
from trunk.workers.push.letters import LetterWriter
from trunk.workers.push.trial import Trial
from trunk.workers.push.wire import Letter, Limits, NotSentError, Wire

KEY = ec.generate_private_key(ec.SECP256R1())
URL = "https://qlvb.example.vn/edoc?a=1"
RULES = EndpointRules(private_hosts=("localhost:*",))
Receive = Callable[..., tuple[int, dict[str, str]]]


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the receiver looks at its own clock


def writer(rules: EndpointRules = RULES) -> LetterWriter:
    return LetterWriter(rules=rules, signer=RequestSigner(KEY, key_id="ab" * 32), folder=Path("/nowhere"), now=now)


@pytest.fixture(scope="module")
def receive() -> Receive:
    text = (Path(__file__).parents[4] / "docs/push.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    room: dict[str, Any] = {}
    exec(code, room)  # noqa: S102  our own document
    found: Receive = room["receive"]
    return found


def _given(letter: Letter, **other: str) -> dict[str, str]:
    return {name.lower(): value for name, value in letter.headers.items()} | other


def _asked(receive: Receive, headers: Mapping[str, str], body: bytes, url: str = URL) -> tuple[int, dict[str, str]]:
    return receive(headers, body, KEY=KEY.public_key(), URL=url, store={})


def test_the_receiver_of_the_document_takes_what_we_sign(receive: Receive) -> None:
    letter = writer().challenge(Endpoint(url=URL), "nonce-1")
    assert isinstance(letter.source, bytes)
    assert _asked(receive, _given(letter), letter.source) == (200, {"sha256": letter.sha256, "challenge": "nonce-1"})


def test_the_receiver_takes_nothing_that_was_changed(receive: Receive) -> None:
    letter = writer().challenge(Endpoint(url=URL), "nonce-1")
    assert isinstance(letter.source, bytes)
    given = _given(letter)
    assert _asked(receive, given, letter.source + b" ")[0] == 400
    assert _asked(receive, given, letter.source, URL + "2")[0] == 401
    for name in ("trunk-delivery-id", "trunk-envelope-id", "trunk-delivery-version", "trunk-kind", "content-type"):
        assert _asked(receive, {**given, name: "other"}, letter.source)[0] == 401, name
    created = re.sub(r"created=\d+", "created=1", given["signature-input"])
    assert _asked(receive, {**given, "signature-input": created}, letter.source)[0] == 401
    fewer = given["signature-input"].replace('"trunk-kind"', "").replace(" )", ")")
    assert _asked(receive, {**given, "signature-input": fewer}, letter.source)[0] == 401


def test_the_key_is_called_as_the_agency_calls_it() -> None:
    named, plain = (
        writer().challenge(Endpoint(url=URL, key_id=key_id), "n").headers["Signature-Input"] for key_id in ("truc", "")
    )
    assert 'keyid="truc"' in named
    assert f'keyid="{"ab" * 32}"' in plain


def test_an_endpoint_that_the_settings_no_longer_allow_gets_nothing() -> None:
    with pytest.raises(NotSentError, match="not_allowed"):
        writer(EndpointRules(ports=(8443,))).challenge(Endpoint(url=URL), "n")


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("right", "confirmed"),
        ("echo", "no_digest"),
        ("digest-only", "no_challenge"),
        ("200", "no_digest"),
        ("404", "status_404"),
        ("302", "redirect"),
    ],
)
def test_only_who_says_nonce_and_digest_back_has_proven_it(mode: str, code: str) -> None:
    limits = Limits(silence_seconds=20, total_seconds=20, slowest_octets=10**6)
    with receiver(mode) as there:
        tried = Trial(letters=writer(), wire=Wire(limits), new_nonce=lambda: "n0").run(Endpoint(url=there.url))
    assert (tried.code, tried.proven) == (code, code == "confirmed")
    assert _kinds(there) == ["challenge"]


def _kinds(there: Receiver) -> list[str]:
    return [one.headers["trunk-kind"] for one in there.posts]


def test_a_replay_is_said_and_the_receiver_of_the_document_takes_it(receive: Receive) -> None:
    octets = b"<edXML/>"
    at = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    carried = envelope(sha256=hashlib.sha256(octets).hexdigest(), size=len(octets))
    road, replayed = (
        writer().mail(Endpoint(url=URL), Content(envelope=carried, delivery=one, octets=octets))
        for one in (delivery(), delivery(replayed_at=at))
    )
    assert "Trunk-Replayed-At" not in road.headers
    assert replayed.headers["Trunk-Replayed-At"] == "2026-11-22T08:30:00.000+00:00"
    assert _asked(receive, _given(replayed), octets)[0] == 200
    assert replayed.headers["Signature-Input"].partition(")")[0] == road.headers["Signature-Input"].partition(")")[0]
