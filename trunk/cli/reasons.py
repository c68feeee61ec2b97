"""Reasons of what administrators do, and refusals of use cases as endings of a command."""

from __future__ import annotations

from trunk.cli.exits import EndingError, NotFoundError, RefusedError, WrongUsageError
from trunk.cli.words import Language
from trunk.domain.control import fair_reason
from trunk.domain.outcome import Rejected
from trunk.domain.rejection import CATALOGUE, Nature


def required_reason(text: str, *, example: str) -> str:
    """The reason as it is kept. Raises ``WrongUsageError``."""
    reason = fair_reason(text)
    if not isinstance(reason, Rejected):
        return reason
    if not text.strip():
        raise WrongUsageError("--reason is required", remedy=f"it goes into the journal: --reason '{example}'")
    flaw = reason.flaws[0]
    raise WrongUsageError(f"{flaw.code}: --reason: {flaw.expected}")


def refused(rejected: Rejected, language: Language) -> EndingError:
    """The first reason, in the reader's language."""
    flaw, refusal = rejected.flaws[0], CATALOGUE[rejected.code]
    kind = NotFoundError if refusal.nature is Nature.NOT_FOUND else RefusedError
    about = f" ({flaw.got})" if flaw.got else ""
    return kind(f"{rejected.code}: {language.of(refusal.title)}{about}", remedy=language.of(refusal.remedy))
