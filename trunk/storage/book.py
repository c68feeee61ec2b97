"""The ledger open for writing: one transaction, in which everything happens or nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection

from trunk.domain.account import AccountRecord
from trunk.domain.agency import Agency
from trunk.domain.change_request import ChangeRequest, RequestState
from trunk.domain.control import OperatorKey
from trunk.domain.credential import KeyRecord, SystemRecord
from trunk.domain.delivery import Delivery, DeliveryId, EnvelopeId, Step
from trunk.domain.entry import Acceptance, Entry, EntryResult
from trunk.domain.operator import Operator
from trunk.domain.replaying import JobState
from trunk.domain.shared_secret import SharedSecretRecord
from trunk.domain.tracking import JournalEvent, StatusReport
from trunk.storage import accounts, change_requests, directory, leases, operators, purging, restoring, shared_secrets
from trunk.storage.bulk import Stored, insert_many
from trunk.storage.chain import Chain
from trunk.storage.engine import require_transaction
from trunk.storage.entering import ACKNOWLEDGED, TRUNK, Register
from trunk.storage.hub_links import HubLinkKeeper
from trunk.storage.mending import Mending
from trunk.storage.moving import Movement, Movements
from trunk.storage.outbox import Outbox, OutboxEntry
from trunk.storage.positions import Positions
from trunk.storage.purging import Purgeable
from trunk.storage.replays import ReplayKeeper
from trunk.storage.rows import journal_row, status_row
from trunk.storage.tables import STATUS_REPORT
from trunk.storage.views import View


class Book:
    """What can be written; ``view`` reads inside the same transaction."""

    def __init__(self, connection: Connection, operator: Operator | None = None) -> None:
        self.view = View(connection)
        self._connection = connection
        self._positions = Positions(connection)
        self._operator = operator
        self.lines: list[dict[str, Stored]] = []  #: of the journal, written when the transaction ends
        self._register = Register(connection, self._positions, self.lines)
        self._movements = Movements(connection, self._positions, self.lines)
        self._outbox = Outbox(connection)
        self.hub_links = HubLinkKeeper(connection)
        self.mending = Mending(connection, self.lines)
        self.replays = ReplayKeeper(connection)

    def accept(self, acceptances: Sequence[Acceptance]) -> list[EntryResult]:
        """Enter every submission that is new, whole; an answer for each, in order."""
        return self._register.accept(acceptances)

    def enter(self, entry: Entry, *, event: str = "acknowledged", actor: str) -> bool:
        """Enter one more envelope; ``False`` if its identity is there already."""
        return bool(self._register.enter([entry], event=event, actor=actor))

    def reserve(self, count: int) -> None:
        """Lock the order of inboxes now: before the first ``write`` where ``enter`` follows it.

        Accepting transactions lock that order first and deliveries later. One that does it the other way round
        may deadlock with them; nothing is lost then, but one of the two has to come again.
        """
        self._positions.reserve(count)

    def delivery(self, delivery_id: DeliveryId) -> Delivery | None:
        return self.view.delivery(delivery_id)

    def move(self, wanted: Sequence[Movement]) -> list[bool]:
        """Write steps down, each with its line in the journal and what it owes; of each, whether nobody was faster."""
        owed = [one.acknowledgement for one in wanted if one.acknowledgement is not None]
        if owed:
            self.reserve(sum(len(entry.deliveries) for entry in owed))  # before any delivery is locked, everywhere
        written = self._movements.write(wanted)
        due = [one.acknowledgement for one, done in zip(wanted, written, strict=True) if done and one.acknowledgement]
        if due:
            self._register.enter(due, event=ACKNOWLEDGED, actor=TRUNK)
        return written

    def write(self, step: Step, *, at: datetime, actor: str, reason: str = "") -> bool:
        """The same for one step that owes nothing."""
        return self.move([Movement(step=step, at=at, actor=actor, reason=reason)]) == [True]

    def write_all(self, steps: Sequence[Step], *, at: datetime, actor: str) -> set[DeliveryId]:
        """The same for many of one cause; the ids of those that were written."""
        written = self.move([Movement(step=step, at=at, actor=actor) for step in steps])
        return {step.before.id for step, done in zip(steps, written, strict=True) if done}

    def fetched(self, ids: Collection[DeliveryId], *, at: datetime) -> set[DeliveryId]:
        """Note that their octets leave the house for the first time; without those that did before or are recalled."""
        return self._movements.fetched(ids, at=at)

    def note(self, event: JournalEvent, *, envelope_id: EnvelopeId) -> None:
        """A line in the journal that no step writes."""
        self.lines.append(journal_row(event, envelope_id=envelope_id))

    def act(self, act: str, what: str) -> None:
        """A line in the journal for what an operator does here; ``what`` by ids and codes."""
        if self._operator is not None:
            self.note(self._operator.line(act, what), envelope_id=EnvelopeId(""))

    def enter_requests(self, requests: Sequence[ChangeRequest]) -> None:
        """Write down what recipients are asked."""
        change_requests.enter(self._connection, requests)

    def answer_request(self, request_id: str, state: RequestState, *, by: EnvelopeId, at: datetime) -> bool:
        """Close an open request; ``False`` if somebody has closed it before."""
        return change_requests.answer(self._connection, request_id, state, by=by, at=at)

    def hold_back_requests(self, delivery_id: DeliveryId, *, at: datetime) -> None:
        """Another hub held it back: the recalls that were open are closed without an answer."""
        change_requests.hold_back(self._connection, delivery_id, at=at)

    def record_status(self, report: StatusReport, *, about: EnvelopeId | None) -> None:
        insert_many(self._connection, STATUS_REPORT, [status_row(report, about=about)])

    def lease(self, limit: int, *, now: datetime, until: datetime, owner: str) -> list[OutboxEntry]:
        """Take up to ``limit`` notices out for ``owner`` until ``until``: the most urgent, then the oldest."""
        return self._outbox.lease(limit, now=now, until=until, owner=owner)

    def strike(self, ids: Sequence[int], *, owner: str) -> None:
        """They have left the house. Entries that are no longer ``owner``'s stay."""
        self._outbox.strike(ids, owner=owner)

    def release(self, ids: Sequence[int], *, owner: str, due_at: datetime) -> None:
        """Put back what could not be sent, to be taken again from ``due_at`` on."""
        self._outbox.release(ids, owner=owner, due_at=due_at)

    def take_work(self, name: str, *, owner: str, now: datetime, until: datetime) -> bool:
        """Whether the work of that name, which one process at a time does, is ``owner``'s until then."""
        return leases.take(self._connection, name, owner=owner, now=now, until=until)

    def release_work(self, name: str, *, owner: str) -> None:
        """Let another process have it."""
        leases.release(self._connection, name, owner=owner)

    def fallen_due(self, now: datetime, limit: int, *, ahead: datetime | None = None) -> list[Delivery]:
        """Deferred deliveries whose time has come, and then those whose time lies beyond ``ahead``: nobody defers for
        so long, so a clock was wrong. Two that ask at once get different ones.
        """
        return self._movements.fallen_due(now, limit, ahead=ahead)

    def outlived(self, now: datetime, limit: int) -> list[Delivery]:
        """Waiting deliveries whose lifetime has ended; two that ask at once get different ones."""
        return self._movements.outlived(now, limit)

    def requeue_dispatched(self, *, at: datetime, actor: str) -> int:
        """Put back everything that a broker without a memory had taken; how many deliveries."""
        return self._movements.requeue_dispatched(at=at, actor=actor)

    def purge(self, found: Sequence[Purgeable], *, at: datetime, actor: str) -> None:
        """Delete their octets; a line for each says that it was so. Lock the order of inboxes before seeking them."""
        purging.delete(self._connection, [one.sha256 for one in found])
        for one in found:
            line = JournalEvent(at=at, event=purging.PURGED, actor=actor, reason=one.sha256)
            self.note(line, envelope_id=one.envelope_id)

    def start_afresh(self, *, at: datetime, actor: str) -> int:
        """After a restore: everything that waits is offered anew, at places that no reader has passed.

        Replays that were running are stopped: by now they may have ended, or somebody may have stopped them.
        """
        restoring.start_afresh(self._connection, at=at)
        for job in self.replays.running():
            self.replays.end(job.id, JobState.STOPPED, at=at, because=restoring.STOPPED)
            self.act("replay_stopped", f"{job.id} {restoring.STOPPED}")
        return self.requeue_dispatched(at=at, actor=actor)

    def change_directory(self) -> None:
        """Begin to change the directory: what is read of it from here on, nobody else changes meanwhile."""
        directory.change(self._connection)

    def put_agency(self, agency: Agency, *, at: datetime | None = None, anew: bool = False) -> None:
        """Write the agency as it is now; it has changed ``at`` if anything differs, or if it is put ``anew``."""
        if directory.put_agency(self._connection, agency, at=at, anew=anew):
            self.act("agency_put", agency.code)

    def put_system(self, system: SystemRecord) -> None:
        directory.put_system(self._connection, system)
        self.act("system_put", f"{system.id} for {' '.join(sorted(system.agencies))}")

    def put_key(self, key: KeyRecord) -> None:
        directory.put_key(self._connection, key)
        self.act("key_issued", f"{key.id} of {key.system}")

    def revoke_key(self, key_id: str, *, at: datetime) -> bool:
        """Whether there was such a key that was not revoked yet."""
        return self._ended("key_revoked", key_id, done=directory.revoke_key(self._connection, key_id, at=at))

    def put_shared_secret(self, secret: SharedSecretRecord) -> None:
        shared_secrets.put(self._connection, secret)
        self.act("secret_issued", f"{secret.id} of {secret.system}")

    def retire_shared_secret(self, secret_id: str, *, at: datetime) -> bool:
        """Whether there was such a secret whose end was not as near yet."""
        return self._ended("secret_retired", secret_id, done=shared_secrets.retire(self._connection, secret_id, at=at))

    def put_account(self, account: AccountRecord) -> None:
        accounts.put(self._connection, account)
        self.act("password_issued", f"{account.id} of {account.system}")

    def retire_account(self, account_id: str, *, at: datetime) -> bool:
        """Whether there was such a password whose end was not as near yet."""
        return self._ended("password_retired", account_id, done=accounts.retire(self._connection, account_id, at=at))

    def put_operator_key(self, key: OperatorKey) -> None:
        operators.put(self._connection, key)
        self.act("operator_added", f"{key.operator} {key.role} {key.id}")

    def revoke_operator_key(self, key: OperatorKey, *, at: datetime) -> bool:
        """Whether it was not revoked before."""
        what = f"{key.operator} {key.id}"
        return self._ended("operator_revoked", what, done=operators.revoke(self._connection, key.id, at=at))

    def close_aside(self, number: int, *, at: datetime, by: str, reason: str) -> bool:
        """Whether it was open until now."""
        done = self.mending.close_aside(number, at=at, by=by, reason=reason)
        return self._ended("aside_closed", f"{number}: {reason}", done=done)

    def _ended(self, act: str, what: str, *, done: bool) -> bool:
        if done:
            self.act(act, what)
        return done

    def name_chains(self, chain: Chain, *, at: datetime) -> int:
        """See ``Ledger.name_chains``."""
        lines = chain.beside(self._connection, at=at)
        self.lines += lines
        return len(lines)

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part of the transaction that fails alone: an exception undoes what was written inside, and goes on."""
        held, lines = self._positions.held, len(self.lines)
        try:
            with self._connection.begin_nested():
                yield
        except BaseException:
            self._positions.held = held  # a counter that was moved inside has been moved back
            del self.lines[lines:]
            require_transaction(self._connection)  # else what the others wrote is gone, too
            raise
