"""``trunk`` with an ear: a line on standard input arms a fail point while it is at work; its last word says where.

    python -m scripts.soak.mortal LAST_WORDS --config trunk.toml serve

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


def confess(last_words: str) -> None:
    """Let the fail point at which we die be written into this file: whoever counts faults must not take one death
    for another."""
    file = os.open(last_words, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    failpoints.witness(lambda name: os.write(file, f"{name}\n".encode()))


if __name__ == "__main__":
    confess(sys.argv.pop(1))
    threading.Thread(target=listen, daemon=True).start()
    main()
