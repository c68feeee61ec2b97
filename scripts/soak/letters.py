"""What agencies write: documents, signed beforehand in a process of their own, and what they say about them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Final

from envelopes.model import Business, BusinessKind
from scripts.province import Province, document_id
from scripts.soak.agencies import Letter
from scripts.soak.oracle import Sent

_LARGE: Final = b"%PDF-1.7\n" + bytes(range(256)) * 1_200  # above the spool limit once it is base64
_LARGE_SHARE: Final = 0.03

_province: Province | None = None


class Desk:
    """Writes for all agencies. Made before any thread is: its process is forked, since keys do not travel."""

    def __init__(self, province: Province) -> None:
        global _province  # noqa: PLW0603  of the writing process: its only state
        _province = province
        self._province = province
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("fork"), initializer=os.nice, initargs=(5,))
        self.pids = [self._pool.submit(os.getpid).result()]

    async def document(self, number: str, sender: str, recipients: Sequence[str], *, large: bool = False) -> Letter:
        """A signed document."""
        loop = asyncio.get_running_loop()
        octets = await loop.run_in_executor(self._pool, _write, number, sender, tuple(recipients), large)
        return _letter(octets, number, sender, recipients)

    def received(self, agency: str, item: Any) -> Letter:
        """Status 03: the people of ``agency`` have taken a document in."""
        envelope = item["envelope"]
        number = envelope["document_id"].split(",")[2].partition("/")[0]
        octets = self._province.status(number, "03", reporter=agency, sender=envelope["sender"])
        return _letter(octets, number, agency, (envelope["sender"],), kind="status")

    def recall(self, document: Letter) -> Letter:
        """Status 13, to all recipients."""
        sender = document.sent.sender
        octets = self._province.status(document.number, "13", reporter=sender, sender=sender, description="gửi nhầm")
        return _letter(octets, document.number, sender, document.sent.recipients, kind="status")

    async def revocation(self, number: str, document: Letter) -> Letter:
        """A document that takes another one back, to the same recipients."""
        sent, loop = document.sent, asyncio.get_running_loop()
        octets = await loop.run_in_executor(
            self._pool, _write_revocation, number, sent.sender, sent.recipients, document.number
        )
        return _letter(octets, number, sent.sender, sent.recipients)

    def forged(self, document: Letter) -> Letter:
        """The same with one letter of its text changed: the signature does not fit any more."""
        octets = document.octets.replace("V/v chạy thử".encode(), "V/v chay thử".encode(), 1)
        return _letter(octets, document.number, document.sent.sender, document.sent.recipients)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def large(chance: random.Random) -> bool:
    """Whether the next document is one of the large ones."""
    return chance.random() < _LARGE_SHARE


def _letter(octets: bytes, number: str, sender: str, recipients: Sequence[str], *, kind: str = "document") -> Letter:
    return Letter(octets, Sent(hashlib.sha256(octets).hexdigest(), sender, tuple(recipients), kind), number)


def _write(number: str, sender: str, recipients: tuple[str, ...], large: bool) -> bytes:  # noqa: FBT001
    assert _province is not None  # noqa: S101  forked with it
    content = _LARGE + number.encode() if large else b"%PDF-1.7\n" + number.encode()
    return _province.signed(number, sender=sender, recipients=recipients, content=content)


def _write_revocation(number: str, sender: str, recipients: tuple[str, ...], revoked: str) -> bytes:
    assert _province is not None  # noqa: S101  forked with it
    back = Business(kind=BusinessKind.REVOKE, document_id=document_id(revoked, sender=sender), reason="Ban hành nhầm")
    return _province.signed(number, sender=sender, recipients=recipients, business=back)
