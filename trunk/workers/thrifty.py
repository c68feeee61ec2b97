"""How often a process looks for objects that hold each other and nobody else."""

from __future__ import annotations

import gc
from typing import Final

_YOUNG: Final = 20_000
_MIDDLE: Final = 20
_OLD: Final = 50


def collect_seldom() -> None:
    """What is there now stays as long as the process, and is looked at no more (children share its pages); what comes
    is looked at every 20,000 objects instead of 700: a submission makes some thousand, of which none is left."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
