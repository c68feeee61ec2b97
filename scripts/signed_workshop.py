"""What every family of signed test vectors is made with: one PKI, one usual signer, and ways to sign wrongly."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from scripts import handmade_letter as hand
from scripts.handmade_letter import Letter, Ref
from scripts.make_test_pki import Identity, Pki
from scripts.stamping import TokenWish, stamp

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
CLAIMED = "2026-11-22T09:00:00+07:00"

TWO_FILES = (("tep-1", b"%PDF-1"), ("tep-2", b"%PDF-2"))
PLACEHOLDER = (
    "<Signature><SignedInfo/><KeyInfo><X509Data><X509Certificate>MIIFqTCCBJG</X509Certificate></X509Data></KeyInfo>"
    "</Signature>"
)
#: Where the schema lets anything stand: the usual place to hide what was signed.
OTHER_PLACE = "<edXML:OtherInfo><edXML:ReplyFors>{hidden}</edXML:ReplyFors></edXML:OtherInfo></edXML:MessageHeader>"


class Workshop:
    """Signs letters, right and wrong."""

    def __init__(self, pki: Pki) -> None:
        self.pki = pki
        self.signer = self.alone("person-p256")

    def alone(self, name: str) -> Identity:
        """Without the authorities: they come from the trust folder."""
        return replace(self.pki[name], issuers=())

    def by(self, name: str) -> bytes:
        """An honest signature over an honest letter by somebody, with what of authorities the trust folder lacks."""
        held = {self.pki[one].certificate for one in ("ca", "government-ca")}
        who = self.pki[name]
        return hand.sign(hand.document(), replace(who, issuers=tuple(one for one in who.issuers if one not in held)))

    def changed(self, before: str, after: str, *, letter: Letter | None = None) -> bytes:
        """Signed, and then changed in one place."""
        return change(hand.sign(letter or hand.document(), self.signer), before, after)

    def with_refs(self, change_refs: Callable[[list[Ref]], list[Ref]], letter: Letter | None = None) -> bytes:
        letter = letter or hand.document()
        return hand.sign(letter, self.signer, refs=change_refs(letter.refs()))

    def dated(
        self,
        time: str = CLAIMED,
        *,
        named: Identity | None = None,
        target: str = "Signature",
        signer: Identity | None = None,
    ) -> bytes:
        """XAdES-B."""
        who = signer or self.signer
        tail, ref = hand.properties(named or who, time=time, target=target)
        letter = hand.styled(hand.document(), tail=tail)
        return hand.sign(letter, who, refs=[*letter.refs(), ref])

    def stamped(
        self,
        *unsigned: Callable[[bytes], str],
        signer: Identity | None = None,
        time: str = CLAIMED,
        whole: bool = False,
    ) -> bytes:
        """XAdES with unsigned properties, each made from the canonical SignatureValue."""
        who = signer or self.signer
        tail, ref = hand.properties(who, time=time)

        def all_of_them(octets: bytes) -> str:
            return hand.unsigned(*(one(octets) for one in unsigned))

        letter = hand.styled(hand.document(), tail=tail, stamps=(all_of_them,))
        return hand.sign(letter, who, refs=[letter.whole(), ref] if whole else [*letter.refs(), ref])

    def token(
        self,
        *,
        by: str = "tsa",
        at: datetime = AT,
        over: bytes | None = None,
        wish: TokenWish = TokenWish(),  # noqa: B008 - frozen
    ) -> Callable[[bytes], str]:
        """A timestamp property; ``over``: of these octets instead of the signature's."""
        authority = self.alone(by)

        def made(octets: bytes) -> str:
            digest = hashlib.sha256(octets if over is None else over).digest()
            return hand.timestamp(stamp(digest, by=authority, at=at, wish=wish), c14n=hand.EXCLUSIVE)

        return made


def change(octets: bytes, before: str, after: str) -> bytes:
    """One change in the one place where ``before`` stands."""
    if octets.count(before.encode()) != 1:
        raise ValueError(before)
    return octets.replace(before.encode(), after.encode())
