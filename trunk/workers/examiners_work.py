"""The name of an examiner's work, as the service tells it to the nursery: what it stands for is loaded there alone."""

from __future__ import annotations

from trunk.settings import Settings
from trunk.workers.nursery import Work


def examiners_work(settings: Settings) -> Work:
    """``trunk.workers.examining.work``. Raises ``ConfigurationError`` where nobody is trusted."""
    from trunk.workers import examining  # noqa: PLC0415  half the memory of a process that serves

    return examining.work(settings)
