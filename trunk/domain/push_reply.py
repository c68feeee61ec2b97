"""What a recipient's answer to a push means. Law: only the right digest says that it has the mail, never 200 alone.

A failure may be *lasting* (the same request will fail again: nearly always somebody must mend an address), and it may
be the *recipient's* rather than the letter's: then its other mail need not be tried for a while.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

_DIGEST_LENGTH: Final = 64
_TEMPORARY: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.LOCKED}
)
_OF_THE_LETTER: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.LOCKED,
    }
)
_SUCCESS, _REDIRECTS, _SERVERS = range(200, 300), range(300, 400), range(500, 600)
LONGEST_ASKED: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came back: the status, and the digests that the answer names in its header and its body."""

    status: int
    digests: tuple[str, ...] = ()  #: as written
    whole: bool = True  #: the request had left whole when the answer came
    retry_after: str = ""
    challenge: str = ""  #: the nonce that it says back
    flaw: str = ""  #: a word why its body does not count: too_large, encoded, no_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What it means. ``code``: a word for the journal, the log and figures."""

    code: str
    confirmed: bool = False
    lasting: bool = False
    recipients: bool = True  #: the recipient is to blame, not this letter
    again_after: timedelta = field(default=timedelta())  #: what it asked for, bounded


CONFIRMED: Final = Verdict(code="confirmed", confirmed=True, recipients=False)


def judge(said: Said, *, sha256: str, now: datetime) -> Verdict:
    """Whether the recipient has exactly these octets, or what to make of it."""
    if said.status in _SUCCESS:
        return _success(said, sha256)
    if said.status in _REDIRECTS:
        return Verdict(code="redirect", lasting=True)
    wait = asked_wait(said.retry_after, now=now)
    of_letter = said.status in _OF_THE_LETTER
    lasting = said.status not in _SERVERS and said.status not in _TEMPORARY
    return Verdict(code=f"status_{said.status}", lasting=lasting, recipients=not of_letter, again_after=wait)


def asked_wait(text: str, *, now: datetime) -> timedelta:
    """``Retry-After``, seconds or a date, between nothing and an hour; what is not understood asks for nothing."""
    try:
        if text.isascii() and text.isdecimal():
            wait = timedelta(seconds=int(text[:9]))
        else:
            then = parsedate_to_datetime(text)
            wait = (then if then.tzinfo else then.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, OverflowError):
        return timedelta()
    return min(max(wait, timedelta()), LONGEST_ASKED)


def _success(said: Said, sha256: str) -> Verdict:
    told = {digest.strip().lower() for digest in said.digests}
    if not said.whole:
        return Verdict(code="early_answer")
    if not told or said.flaw:
        return Verdict(code=said.flaw or "no_digest", lasting=True)
    right = told == {sha256} and len(sha256) == _DIGEST_LENGTH
    return CONFIRMED if right else Verdict(code="wrong_digest", recipients=False)
