"""Signed test vectors that must be refused, or wait, for whose certificate it is: trust, validity, revocation, time."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta

from scripts import handmade_letter as hand
from scripts.make_test_pki import Identity, Wish, ec_key, impostor, issue, look_alikes
from scripts.signed_workshop import AT, Workshop
from scripts.stamping import TokenWish, stamp

_AFTER_REVOCATION = AT - timedelta(hours=12)
_MOST = 4  #: authorities that a message may bring


def rejected(shop: Workshop) -> dict[str, dict[str, bytes]]:
    def signed(*names: str) -> dict[str, bytes]:
        return {name: shop.by(name) for name in names}

    return {
        "SIG-104": _tokens(shop),
        "SIG-201": _without_certificate(shop),
        "SIG-202": _strangers(shop),
        "SIG-203": signed("expired"),
        "SIG-204": signed("not-yet-valid"),
        "SIG-205": signed("authority-signs", "server", "wrong-usage", "no-usage", "tsa", "ocsp"),
        "SIG-206": {
            **signed("revoked", "revoked-lately", "person-of-revoked-ca", "government-revoked"),
            # the claim is older than the revocation, and nobody but the revoked signer vouches for it
            "claimed-before-revocation": _claimed_before(shop),
            "stamped-after-revocation": shop.stamped(
                shop.token(at=_AFTER_REVOCATION), signer=shop.alone("revoked-lately"), time="2026-11-20T09:00:00+07:00"
            ),
        },
        "SIG-207": {
            "from-the-future": shop.dated("2026-11-22T10:06:00+07:00"),
            "far-future": shop.dated("2099-01-01T00:00:00Z"),
        },
        "SIG-301": signed("person-of-listless-ca", "person-of-stale-list-ca", "person-of-forged-list-ca"),
        "SIG-302": {"authority-not-sent": _sign(shop.alone("person-of-distant-ca"))},
    }


def _sign(signer: Identity) -> bytes:
    return hand.sign(hand.document(), signer)


def _claimed_before(shop: Workshop) -> bytes:
    return shop.dated("2026-11-20T09:00:00+07:00", signer=shop.alone("revoked-lately"))


def _strangers(shop: Workshop) -> dict[str, bytes]:
    own_root = issue(None, Wish(name="Tự ký", key=ec_key()), at=AT)
    further = issue(shop.pki["ca"], Wish(name="CA thêm", key=ec_key(), authority=True), at=AT)
    too_far = issue(further, Wish(name="Quá xa", key=ec_key()), at=AT)
    by_leaf = issue(shop.pki["person-p256"], Wish(name="Do người ký", key=ec_key()), at=AT)
    return {
        "another-root-person": _sign(shop.alone("another-root-person")),
        "another-root-sent-along": _sign(
            replace(shop.pki["another-root-person"], issuers=(shop.pki["other-root"].certificate,))
        ),
        "self-signed": _sign(own_root),
        "impostor-of-the-whole-path": _sign(impostor(shop.pki)),
        "look-alike-authorities": _sign(look_alikes(_MOST, at=AT)),
        "name-constraints-outside": shop.by("constrained-outside"),
        "path-longer-than-allowed": _sign(replace(too_far, issuers=(further.certificate,))),
        "issued-by-a-person": _sign(replace(by_leaf, issuers=(shop.pki["ca"].certificate,))),
        "domain-for-stamps-only": _sign(shop.alone("stamp-person")),
    }


def _tokens(shop: Workshop) -> dict[str, bytes]:
    def by(name: str, wish: TokenWish = TokenWish()) -> bytes:  # noqa: B008 - frozen
        return shop.stamped(shop.token(by=name, wish=wish))

    stranger = issue(shop.pki["other-root"], Wish(name="TSA", key=ec_key()), at=AT)

    def sha1(octets: bytes) -> str:
        digest = hashlib.sha1(octets, usedforsecurity=False).digest()
        token = stamp(digest, by=shop.alone("tsa"), at=AT, wish=TokenWish(algorithm="sha1"))
        return hand.timestamp(token, c14n=hand.EXCLUSIVE)

    def unknown(octets: bytes) -> str:
        return hand.timestamp(stamp(hashlib.sha256(octets).digest(), by=stranger, at=AT), c14n=hand.EXCLUSIVE)

    return {
        "over-another-signature": shop.stamped(shop.token(over=b"x")),
        "of-an-unknown-authority": shop.stamped(unknown),
        "from-the-future": shop.stamped(shop.token(at=AT + timedelta(minutes=6))),
        "garbage": shop.stamped(lambda _: hand.timestamp(b"0\x03\x02\x01\x01", c14n=hand.EXCLUSIVE)),
        "bit-flipped": by("tsa", TokenWish(corrupt=True)),
        "another-certificate-named": by("tsa", TokenWish(named=shop.pki["stamp-tsa"].certificate)),
        "without-certificate": by("tsa", TokenWish(certificates=())),
        "by-a-person": by("person-p384"),
        "purpose-not-critical": by("tsa-not-critical"),
        "also-for-mail": by("tsa-of-all-trades"),
        "by-an-expired-authority": by("expired-tsa"),
        "by-a-revoked-authority": by("revoked-tsa"),
        "sha1-imprint": shop.stamped(sha1),
        "one-good-one-bad": shop.stamped(shop.token(), shop.token(over=b"x")),
    }


def _without_certificate(shop: Workshop) -> dict[str, bytes]:
    named = "{<}KeyInfo>{<}X509Data>{<}X509SubjectName>CN=x{/}X509SubjectName>{/}X509Data>{/}KeyInfo>"
    letter = hand.document()
    junk = b64encode(b"0\x82\x01\x00" + bytes(256)).decode()
    only_junk = (
        f"{{<}}KeyInfo>{{<}}X509Data>{{<}}X509Certificate>{junk}{{/}}X509Certificate>{{/}}X509Data>{{/}}KeyInfo>"
    )
    return {
        "no-key-info": hand.sign(hand.styled(letter, key_info=""), shop.signer),
        "only-a-name": hand.sign(hand.styled(letter, key_info=named), shop.signer),
        "junk": hand.sign(hand.styled(letter, key_info=only_junk), shop.signer),
        "broken": shop.changed("<ds:X509Certificate>", "<ds:X509Certificate>AAAA"),
    }
