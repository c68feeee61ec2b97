"""Processor time by kind of thread."""

from __future__ import annotations

import threading
import time

from trunk.http.thread_time import processor_seconds


def test_threads_of_one_kind_are_one_and_time_is_their_own() -> None:
    over = threading.Event()
    spun = [threading.Event(), threading.Event()]

    def spin(done: threading.Event) -> None:
        began = time.thread_time()
        while time.thread_time() - began < 0.05:
            pass
        done.set()
        over.wait()

    threads = [threading.Thread(target=spin, args=(done,), name=f"spinner-{n}") for n, done in enumerate(spun)]
    threads.append(threading.Thread(target=over.wait, name="idler"))
    for thread in threads:
        thread.start()
    try:
        assert all(done.wait(60) for done in spun)
        told = processor_seconds()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert told["spinner"] >= 0.1
    assert told["idler"] < 0.05
    assert told["http"] > 0
