"""Trying an endpoint: a signed challenge goes there, and whoever has it says its nonce and its digest back.

An endpoint that answers is an agency's by its own word: mail may go there. A mere echo does not pass, nor a page that
says 200 to everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from trunk.domain.endpoint import Endpoint
from trunk.domain.push_reply import judge
from trunk.workers.push.letters import CHALLENGE, LetterWriter
from trunk.workers.push.wire import NotSentError, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came back. ``code``: ``confirmed``, or a word for what went wrong."""

    code: str
    status: int = 0  #: of HTTP; 0: no answer

    @property
    def proven(self) -> bool:
        return self.code == "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Sends challenges."""

    letters: LetterWriter
    wire: Wire
    new_nonce: Callable[[], str]

    def run(self, endpoint: Endpoint) -> Tried:
        """One challenge, to its end."""
        nonce = self.new_nonce()
        try:
            letter = self.letters.challenge(endpoint, nonce)
            said = self.wire.post(letter)
        except NotSentError as fault:
            return Tried(code=fault.reason)
        octets = letter.source if isinstance(letter.source, bytes) else b""
        verdict = judge(said, sha256=hashlib.sha256(octets).hexdigest(), now=self.letters.now())
        if verdict.confirmed and said.challenge != nonce:
            return Tried(code=f"no_{CHALLENGE}", status=said.status)
        return Tried(code=verdict.code, status=said.status)
