"""What an examiner is made of: trust, revocation, policy, the verifiers. Loaded in the nursery, not in the service."""

from __future__ import annotations

import logging
import mmap
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from envelopes import schema
from signing.examination import Examination
from signing.examiner import Examiner
from signing.judge import Judge
from signing.pdf.verifier import PdfVerifier
from signing.policy import Policy
from signing.verifier import Verifier
from trunk.settings import Settings
from trunk.workers import revocation
from trunk.workers.logging import configure
from trunk.workers.nursery import Work

_OURS: Final = ("signing", "envelopes", "trunk")


def work(settings: Settings) -> Work:
    """Stages 2 to 5 as an examiner does them. Raises ``ConfigurationError`` where nobody is trusted."""
    configure(settings.log)
    _hear_only_ours()
    schema.prepare()  # once, before examiners are born: they share it
    return in_house(settings)


def in_house(settings: Settings) -> Work:
    """The same without a hand on the process's log."""
    made = examiner(settings)

    def examine(octets: bytes | mmap.mmap, at: datetime) -> Examination:
        return made.examine(octets, at=at)

    return examine


def examiner(settings: Settings) -> Examiner:
    """Raises ``ConfigurationError`` where nobody is trusted."""
    trust, rules, source = revocation.trust(settings), policy(settings), revocation.source(settings)
    inside = PdfVerifier(Judge(trust, rules, revocation=source), folder=settings.path(Path("spool")))
    return Examiner(verifier=Verifier(trust, rules, revocation=source), attachments=inside)


def policy(settings: Settings) -> Policy:
    """What a signature must be."""
    return Policy(claim_max_age=timedelta(days=settings.signatures.claimed_time_age_days))


def _hear_only_ours() -> None:
    """Libraries quote what they look at: here they look at nothing but what callers sent."""
    root = logging.getLogger()
    for name in _OURS:
        logging.getLogger(name).setLevel(root.level)
    root.setLevel(logging.CRITICAL + 1)
