"""How urgent mail overtakes without starving the rest: of any window, a fifth belongs to the oldest.

Whoever takes mail in windows takes the most urgent first; but however much of it comes, at least one fifth of the
places goes to what has waited longest, whatever its urgency. So an ordinary letter with n older ones before it leaves
in n / (a fifth of a window) windows at the latest.
"""

from __future__ import annotations

from typing import Final

SHARE: Final = 5


def places_for_oldest(places: int) -> int:
    """How many of a window's ``places`` are for the oldest. A window of one place has no room for both."""
    return 0 if places < 2 else -(-places // SHARE)
