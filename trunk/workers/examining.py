"""What an examiner is made of: trust, revocation, policy, the verifiers. Loaded in the nursery, not in the service."""

from __future__ import annotations

from datetime import timedelta

from signing.examination import Examiner
from signing.policy import Policy
from signing.trust import TrustStore
from signing.verifier import Verifier
from trunk.errors import ConfigurationError
from trunk.settings import Settings
from trunk.workers.nursery import Work


def work(settings: Settings) -> Work:
    """Stages 2 to 5 as an examiner does them. Raises ``ConfigurationError`` where nobody is trusted."""
    return make_examiner(settings).examine


def make_examiner(settings: Settings) -> Examiner:
    """Raises ``ConfigurationError`` where nobody is trusted."""
    folder = settings.path(settings.signatures.trust_folder)
    try:
        trust = TrustStore.from_folder(folder)
    except (OSError, ValueError) as error:
        remedy = f"put the roots you trust into {folder / 'roots'} as *.pem (see [signatures] trust_folder)"
        raise ConfigurationError(f"no signature can be judged: {error}; {remedy}") from error
    policy = Policy(claim_max_age=timedelta(days=settings.signatures.claimed_time_age_days))
    return Examiner(verifier=Verifier(trust, policy))
