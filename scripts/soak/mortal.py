"""``trunk`` with an ear: a line on standard input arms a fail point while it is at work.

    python -m scripts.soak.mortal --config trunk.toml serve

The trunk itself can be armed at its start only; here a fault is to strike a process that has long been serving.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from trunk import failpoints
from trunk.__main__ import main

NEVER = 10**12  #: as a count: not armed any more


def listen() -> None:
    """Until nobody speaks any more: whoever started us is gone, and we go with them."""
    for line in sys.stdin:
        failpoints.arm(line.strip())
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=listen, daemon=True).start()
    main()
