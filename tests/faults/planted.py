"""Mistakes that are made in systems like this one, and the smallest test of ours that must notice each.

Each is planted by exact text into a copy of the tree: a text that is not there exactly once is an error, so the list
cannot go out of date in silence.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PACKAGES = ("trunk", "queues", "envelopes", "signing", "edxml_schemas", "scripts")
_QUIETLY = ("-q", "-x", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:schemathesis")
_FAILED = 1  #: pytest's own code for "tests ran and some failed"; 2 to 5 mean that nothing was shown


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One place in the tree."""

    file: str
    right: str
    wrong: str


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """What somebody could have written, and what notices it."""

    name: str
    edits: tuple[Edit, ...]
    noticed_by: str  #: a test's id, as pytest takes it


def copy_tree(to: Path) -> Path:
    """A copy that tests can be run in; compiled files travel with it, so that only what is edited is compiled anew."""
    skipped = shutil.ignore_patterns("vectors", ".hypothesis", "build", "java")
    for name in (*_PACKAGES, "tests"):
        shutil.copytree(ROOT / name, to / name, ignore=skipped if name == "tests" else None)
    for name in ("setup.cfg", "pyproject.toml"):
        shutil.copy2(ROOT / name, to / name)
    return to


def plant(mistake: Mistake, tree: Path) -> None:
    for edit in mistake.edits:
        file = tree / edit.file
        text = file.read_text(encoding="utf-8")
        assert text.count(edit.right) == 1, f"{mistake.name}: {edit.file} has changed; plant it anew"
        file.write_text(text.replace(edit.right, edit.wrong), encoding="utf-8")


def run_tests(tests: Iterable[str], tree: Path) -> tuple[int, str]:
    """In ``tree``, and nowhere else: exit code and what was said."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *_QUIETLY, *tests],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "CI": ""},  # noqa: TID251  ours, in another tree
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def is_noticed(mistake: Mistake, tree: Path) -> tuple[bool, str]:
    """Whether the named test fails, and fails itself: not because the tree cannot be imported any more."""
    code, said = run_tests([mistake.noticed_by], tree)
    name = re.escape(mistake.noticed_by.partition("[")[0])
    return code == _FAILED and re.search(rf"^FAILED {name}", said, re.MULTILINE) is not None, said


MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        name="2xx before COMMIT",
        edits=(
            Edit(
                file="trunk/storage/group.py",
                right="            submission.keep(result)\n",
                wrong="            submission.keep(result)\n            submission.resolve()\n",
            ),
            Edit(
                file="trunk/storage/group.py",
                right='        """Give the answer that was kept."""\n',
                wrong="        if self.future.done():\n            return\n",
            ),
        ),
        noticed_by="tests/contract/test_ledger_scribe.py::test_nobody_is_answered_before_the_commit[sqlite]",
    ),
    Mistake(
        name="synchronous=NORMAL",
        edits=(
            Edit(
                file="trunk/storage/engine.py", right="PRAGMA synchronous = FULL", wrong="PRAGMA synchronous = NORMAL"
            ),
        ),
        noticed_by="tests/unit/storage/test_engine.py::test_sqlite_syncs_every_commit_and_keeps_its_references",
    ),
    Mistake(
        name="synchronous_commit=off",
        edits=(
            Edit(
                file="trunk/storage/engine.py", right='"synchronous_commit": "on"', wrong='"synchronous_commit": "off"'
            ),
        ),
        noticed_by="tests/unit/storage/test_engine.py::test_every_postgresql_connection_is_asked_to_wait_for_the_disk",
    ),
    Mistake(
        name="publish without confirm",
        edits=(
            Edit(
                file="queues/rabbitmq/publisher.py",
                right="        self._octets += parcel.size\n",
                wrong="        self._octets += parcel.size\n        pending.settle(None)\n",
            ),
        ),
        noticed_by="tests/unit/queues/test_publisher.py::test_the_loss_of_the_connection_fails_all_that_is_pending",
    ),
    Mistake(
        name="publish without mandatory",
        edits=(Edit(file="queues/rabbitmq/publisher.py", right="mandatory=True", wrong="mandatory=False"),),
        noticed_by="tests/unit/queues/test_publisher.py::test_no_more_than_the_window_is_in_flight",
    ),
    Mistake(
        name="transient messages",
        edits=(Edit(file="queues/rabbitmq/wire.py", right="_PERSISTENT: Final = 2", wrong="_PERSISTENT: Final = 1"),),
        noticed_by="tests/unit/queues/test_publisher.py::test_no_more_than_the_window_is_in_flight",
    ),
    Mistake(
        name="struck from the outbox whatever the broker says",
        edits=(
            Edit(
                file="trunk/application/dispatch.py",
                right="if fault is not None}",
                wrong="if fault is not None and False}",
            ),
        ),
        noticed_by="tests/faults/test_relay.py::test_what_the_broker_did_not_take_stays_in_the_outbox[sqlite]",
    ),
    Mistake(
        name="told the other hub before the commit",
        edits=(
            Edit(
                file="trunk/workers/uplink/downward.py",
                right="            outcome = self.intake(submission)\n",
                wrong="            self.client.say(item.doc_id, Word.DONE)\n"
                "            outcome = self.intake(submission)\n",
            ),
        ),
        noticed_by="tests/unit/workers/uplink/test_uplink_loops.py::"
        "test_nothing_is_said_to_the_hub_while_the_ledger_has_not_taken_it",
    ),
    Mistake(
        name="auto_ack",
        edits=(
            Edit(
                file="queues/rabbitmq/consumer.py",
                right="on_message_callback=on_message, consumer_tag=tag)",
                wrong="on_message_callback=on_message, consumer_tag=tag, auto_ack=True)",
            ),
        ),
        noticed_by="tests/unit/queues/test_consumer.py::test_a_message_is_acknowledged_when_its_handler_is_done",
    ),
    Mistake(
        name="acknowledged before the handler is done",
        edits=(
            Edit(
                file="queues/rabbitmq/consumer.py",
                right="        delivery = _Delivery(generation, method, properties, body)\n",
                wrong="        delivery = _Delivery(generation, method, properties, body)\n"
                "        self.settle(generation, int(method.delivery_tag or 0), Disposition.DONE)\n",
            ),
        ),
        noticed_by="tests/unit/queues/test_consumer.py::test_a_message_is_acknowledged_when_its_handler_is_done",
    ),
    Mistake(
        name="Exception: pass in the relay",
        edits=(
            Edit(
                file="trunk/workers/steps.py",
                right="        done = dispatch.run_once()\n",
                wrong="        try:\n            done = dispatch.run_once()\n"
                "        except Exception:\n            return Went.IDLE\n",
            ),
        ),
        noticed_by="tests/faults/test_relay.py::test_what_fails_in_the_relay_is_seen[sqlite]",
    ),
    Mistake(
        name="Exception: pass in every loop",
        edits=(
            Edit(
                file="trunk/workers/loops.py",
                right="            self.trouble = type(fault).__name__\n",
                wrong="            return Went.IDLE\n            self.trouble = type(fault).__name__\n",
            ),
        ),
        noticed_by="tests/unit/workers/test_loops.py::test_a_loop_in_trouble_says_so",
    ),
    Mistake(
        name="a retry that makes a new id",
        edits=(
            Edit(
                file="trunk/storage/outbox.py",
                right='message_id=f"{row.id}.{row.notice}"',
                wrong="message_id=f\"{row.id}.{__import__('secrets').token_hex(4)}\"",
            ),
        ),
        noticed_by="tests/contract/test_ledger_outbox.py::"
        "test_a_leased_entry_is_nobody_elses_until_the_lease_ends[sqlite]",
    ),
    Mistake(
        name="a repetition that makes a new envelope",
        edits=(
            Edit(
                file="trunk/domain/identity.py",
                right='{document_id}"',
                wrong="{document_id}{__import__('secrets').token_hex(4)}\"",
            ),
        ),
        noticed_by="tests/contract/test_ledger_entering.py::test_the_same_submission_again_gets_the_first_answer[sqlite]",
    ),
    Mistake(
        name="acknowledged without the fact",
        edits=(
            Edit(
                file="trunk/storage/book.py",
                right=" if done and one.acknowledgement]",
                wrong=" if one.acknowledgement]",
            ),
        ),
        noticed_by="tests/faults/test_acknowledging.py::test_who_lost_the_race_acknowledges_nothing",
    ),
    Mistake(
        name="reading the queue's body instead of the ledger",
        edits=(
            Edit(
                file="trunk/workers/steps.py",
                right="if delivery_of(message.id, message.body) is None:",
                wrong="if not message.body:",
            ),
        ),
        noticed_by="tests/faults/test_relay.py::test_a_notice_that_nobody_of_us_wrote_rings_nobody",
    ),
    Mistake(
        name="octets that nobody digests on their way out",
        edits=(
            Edit(
                file="trunk/http/content.py",
                right="        sound = hashlib.sha256(octets.source).hexdigest() == octets.sha256\n",
                wrong="        sound = True\n",
            ),
        ),
        noticed_by="tests/unit/http/test_deliveries_door.py::test_damaged_octets_in_memory_are_never_sent",
    ),
    Mistake(
        name="reconciler off",
        edits=(
            Edit(
                file="trunk/bootstrap/wiring.py",
                right='    loops["fetcher"] = judging.fetcher.loop()\n',
                wrong='    del loops["reconciler"]\n    loops["fetcher"] = judging.fetcher.loop()\n',
            ),
        ),
        noticed_by="tests/faults/test_relay.py::test_every_loop_that_a_promise_needs_is_run",
    ),
    Mistake(
        name="a reconciler that finds and does not mend",
        edits=(
            Edit(
                file="trunk/application/reconcile.py",
                right="if unqueued else 0,",
                wrong="if unqueued and False else 0,",
            ),
        ),
        noticed_by="tests/contract/test_reconciler.py::"
        "test_what_is_queued_without_a_notice_gets_one_and_only_one[sqlite]",
    ),
    Mistake(
        name="fsync of the file and not of its folder",
        edits=(Edit(file="trunk/storage/payloads.py", right="            _sync_folder(target.parent)\n", wrong=""),),
        noticed_by="tests/unit/storage/test_payloads.py::test_file_and_folders_are_synced_in_this_order",
    ),
    Mistake(
        name="wall clock in the loops' back-off",
        edits=(
            Edit(
                file="trunk/workers/loops.py",
                right="                self._stopping.wait(self._backoff())\n",
                wrong="                until = time.time() + self._backoff()\n"
                "                while time.time() < until and not self._stopping.wait(0.01):\n"
                "                    pass\n",
            ),
            Edit(file="trunk/workers/loops.py", right="import threading\n", wrong="import threading\nimport time\n"),
        ),
        noticed_by="tests/unit/workers/test_loops.py::test_a_clock_that_is_set_back_holds_up_no_loop",
    ),
    Mistake(
        name="wall clock in the back-off for a recipient",
        edits=(
            Edit(
                file="trunk/workers/patience.py",
                right="record is None or not record.since <= now < record.until",
                wrong="record is None or now >= record.until",
            ),
        ),
        noticed_by="tests/unit/workers/test_clocks.py::test_who_failed_before_the_clock_was_set_back_is_tried_again",
    ),
    Mistake(
        name="lease without fencing",
        edits=(
            Edit(
                file="trunk/storage/outbox.py",
                right="""execute(_STRIKE, {"ids": list(ids), "holder": owner})""",
                wrong="""execute(sa.delete(OUTBOX).where(OUTBOX.c.id.in_(ids)))""",
            ),
        ),
        noticed_by="tests/contract/test_ledger_outbox.py::test_only_the_owner_strikes[sqlite]",
    ),
    Mistake(
        name="journal outside the transaction",
        edits=(
            Edit(
                file="trunk/storage/ledger.py",
                right="        with told_as_ours(), self._turn, ExitStack() as committed, "
                "self._engine.begin() as connection:\n"
                "            book = Book(connection, self._operator)\n"
                "            yield book\n"
                "            committed.enter_context(self._chain.written(connection, book.lines))\n",
                wrong="        with told_as_ours(), self._turn:\n"
                "            with self._engine.begin() as connection:\n"
                "                book = Book(connection, self._operator)\n"
                "                yield book\n"
                "            with ExitStack() as committed, self._engine.begin() as connection:\n"
                "                committed.enter_context(self._chain.written(connection, book.lines))\n",
            ),
        ),
        noticed_by="tests/contract/test_ledger_journal.py::"
        "test_what_happens_and_its_line_are_committed_together[sqlite]",
    ),
    Mistake(
        name="latency counted from the send",
        edits=(
            Edit(
                file="trunk/load/open_model.py",
                right="return self.ended - self.due",
                wrong="return self.ended - self.began",
            ),
        ),
        noticed_by="tests/unit/load/test_open_model.py::test_latency_includes_the_wait_behind_slow_answers",
    ),
)

WORST = ("2xx before COMMIT", "synchronous=NORMAL", "publish without confirm", "reconciler off")
"""Planted in every run of the tests; the others by ``make faults``."""
