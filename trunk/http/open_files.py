"""How many files this process may have open, and how many connections that leaves room for.

A connection holds its socket, and a file while a large body comes or goes. Whoever opens connections must not be able
to take those away that the trunk needs itself: without one no ledger answers and no examiner starts.
"""

from __future__ import annotations

import resource
from typing import Final

import structlog

log = structlog.get_logger()

RESERVE: Final = 256  #: of the ledger, the broker, examiners, posts, fetches, the log, what libraries open
_OF_A_CONNECTION: Final = 2
_FEWEST: Final = 16
_ENDLESS: Final = 1 << 20


def raise_limit() -> None:
    """Ask for as many as the system allows; the log says how many. To be called where a process begins to serve."""
    soft, hard = (_plain(limit) for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    if soft < hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError) as fault:
            told = type(fault).__name__
            log.warning("open_files", files=soft, connections=connections_within(soft), not_raised=told)
            return
    log.info("open_files", files=max(soft, hard), connections=connections_within(max(soft, hard)))


def allowed() -> int:
    """How many it may have open now."""
    return _plain(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def most_allowed() -> int:
    """How many it may ask for."""
    return _plain(resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def connections_within(files: int) -> int:
    """How many connections there may be at once where ``files`` may be open."""
    return max((files - RESERVE) // _OF_A_CONNECTION, _FEWEST)


def most_of_one(asked: int, connections: int) -> int:
    """Of ``connections``, those that one address may hold, which is ``asked`` but where nobody else would find room."""
    return min(asked, connections - connections // 8)


def _plain(limit: int) -> int:
    return _ENDLESS if limit == resource.RLIM_INFINITY else limit
