"""The floor: the bare work in C that no trunk can do without, measured beside it in the same run.

Read the octets, SHA-256 once over them, parse and canonicalise the envelope without its payload, one RSA-2048
verification. The only script that touches lxml itself: it measures the library, not the house.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

_PAYLOAD = re.compile(rb"(ContentTransferEncoded[^>]*>)[^<]{64,}")


def accept_milliseconds(envelope: bytes, *, rounds: int = 300) -> float:
    """CPU milliseconds of the floor for one envelope, median."""
    return _median(bare(envelope), rounds)


def bare(envelope: bytes) -> Callable[[], None]:
    """The floor for one envelope, to be called once for each time it is to be done."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signature = key.sign(b"x", padding.PKCS1v15(), hashes.SHA256())
    public = key.public_key()
    skeleton = _PAYLOAD.sub(rb"\1token", envelope)

    def once() -> None:
        hashlib.sha256(io.BytesIO(envelope).read()).digest()
        tree = etree.fromstring(skeleton)  # noqa: TID251  our own octets; the library is what is measured
        etree.tostring(tree, method="c14n", exclusive=True)
        public.verify(signature, b"x", padding.PKCS1v15(), hashes.SHA256())

    return once


def sync_milliseconds(folder: Path, *, rounds: int = 100) -> float:
    """One bare fdatasync of 4 KiB on ``folder``'s disk, median wall milliseconds."""
    with tempfile.TemporaryFile(dir=folder) as file:

        def once() -> None:
            os.pwrite(file.fileno(), b"x" * 4096, 0)
            os.fdatasync(file.fileno())

        return _median(once, rounds, clock=time.perf_counter)


def _median(once: Callable[[], None], rounds: int, *, clock: Callable[[], float] = time.process_time) -> float:
    times = []
    for _ in range(rounds):
        started = clock()
        once()
        times.append(clock() - started)
    return statistics.median(times) * 1000
