"""The ledger open for reading. Everything in one view is as it was at one moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection

from signing.evidence import Evidence
from trunk.domain.account import AccountRecord
from trunk.domain.agency import Agency, Directory, SystemId
from trunk.domain.change_request import ChangeRequest
from trunk.domain.control import OperatorKey
from trunk.domain.credential import KeyRecord, SystemRecord
from trunk.domain.delivery import AgencyCode, Delivery, DeliveryId, DeliveryState, EnvelopeId
from trunk.domain.entry import AcceptedEnvelope, Carried, EnvelopeKind, EnvelopeRecord, Payload
from trunk.domain.relation import RelatedDocument, Spoken
from trunk.domain.shared_secret import SharedSecretRecord
from trunk.domain.tracking import (
    WHOLE_INBOX,
    EnvelopeTrack,
    InboxCursor,
    InboxPage,
    InboxSelection,
    Listed,
    ListedStatus,
    Search,
    StatusSearch,
)
from trunk.domain.unmatched import Known
from trunk.storage import (
    accounts,
    directory,
    envelopes,
    evidence,
    inbox,
    journal,
    lists,
    matching,
    operators,
    outbox,
    purging,
    related,
    shared_secrets,
    statuses,
    tracks,
)
from trunk.storage.chain import Head
from trunk.storage.hub_links import HubLinks
from trunk.storage.journal import Checked, Line
from trunk.storage.mending import Looking
from trunk.storage.punctuality import Times
from trunk.storage.purging import Purgeable
from trunk.storage.replays import Replays
from trunk.storage.symptoms import Symptoms


class View:
    """What can be asked of the ledger."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def directory(self) -> Directory:
        return directory.directory(self._connection)

    def directory_version(self) -> int:
        """A number that every change of an agency raises."""
        return directory.version(self._connection)

    def agencies_changed_since(self, version: int) -> list[Agency]:
        """What changed after that version of the directory, merged and closed ones too; all for one that never was."""
        return directory.changed_since(self._connection, version)

    def key(self, key_id: str) -> KeyRecord | None:
        return directory.key(self._connection, key_id)

    def keys(self, system: SystemId) -> list[KeyRecord]:
        return directory.keys(self._connection, system)

    def shared_secrets(self, name: str) -> list[SharedSecretRecord]:
        """Secrets of that name, oldest first."""
        return shared_secrets.of_name(self._connection, name)

    def shared_secrets_of(self, system: SystemId) -> list[SharedSecretRecord]:
        return shared_secrets.of_system(self._connection, system)

    def account(self, account_id: str) -> AccountRecord | None:
        return accounts.by_id(self._connection, account_id)

    def accounts(self, username: str) -> list[AccountRecord]:
        """Passwords of that user name, oldest first."""
        return accounts.of_username(self._connection, username)

    def accounts_of(self, system: SystemId) -> list[AccountRecord]:
        return accounts.of_system(self._connection, system)

    def system(self, system_id: SystemId) -> SystemRecord | None:
        return next(iter(directory.systems(self._connection, only=system_id)), None)

    def systems(self) -> list[SystemRecord]:
        return directory.systems(self._connection)

    def operator_key(self, key_id: str) -> OperatorKey | None:
        return operators.by_id(self._connection, key_id)

    def operator_keys(self) -> list[OperatorKey]:
        return operators.every(self._connection)

    @property
    def replays(self) -> Replays:
        """Which deliveries a replay means, and orders of many."""
        return Replays(self._connection)

    @property
    def hub_links(self) -> HubLinks:
        """Mail that crosses to other hubs and from them."""
        return HubLinks(self._connection)

    @property
    def looking(self) -> Looking:
        """For the reconciler: what no step of the trunk could have left so."""
        return Looking(self._connection)

    @property
    def symptoms(self) -> Symptoms:
        """For the doctor: what stands still."""
        return Symptoms(self._connection)

    def accepted_at(self, envelope_id: EnvelopeId) -> datetime | None:
        return envelopes.accepted_at(self._connection, envelope_id)

    def with_envelope(self, delivery_id: DeliveryId) -> tuple[Delivery, EnvelopeRecord] | None:
        """A delivery and what it carries, without the octets."""
        return envelopes.with_envelope(self._connection, delivery_id)

    def with_envelopes(self, ids: Collection[DeliveryId]) -> dict[DeliveryId, tuple[Delivery, EnvelopeRecord]]:
        """The same for many; unknown ones are left out."""
        return envelopes.with_envelopes(self._connection, ids)

    def octets(self, digests: Collection[str]) -> dict[str, bytes]:
        """Payloads that are held in the ledger itself, by digest; larger ones are files of the payload store."""
        return envelopes.octets(self._connection, digests)

    def with_octets(self, delivery_id: DeliveryId) -> tuple[Delivery, EnvelopeRecord, Payload | None] | None:
        """The same with where its octets are; ``None`` for those if they were deleted."""
        return envelopes.with_octets(self._connection, delivery_id)

    def delivery(self, delivery_id: DeliveryId) -> Delivery | None:
        return envelopes.delivery(self._connection, delivery_id)

    def envelope(self, envelope_id: EnvelopeId) -> EnvelopeRecord | None:
        return envelopes.by_id(self._connection, envelope_id)

    def by_identity(self, identity: str) -> EnvelopeRecord | None:
        return envelopes.by_identity(self._connection, identity)

    def find(self, reference: str, *, seen_by: Collection[AgencyCode] | None = None) -> list[EnvelopeRecord]:
        """Newest first: one envelope by its id or a delivery's, else documents by DocumentId or document code.

        Where no document answers to the reference, the statuses that speak of it. ``seen_by``: only what these
        agencies sent or receive.
        """
        return envelopes.find(self._connection, reference, seen_by=seen_by)

    def rejections(self, reference: str) -> list[EnvelopeRecord]:
        """Acknowledged rejections of a document by its DocumentId or code; newest first."""
        return envelopes.rejections(self._connection, reference)

    def notices_ready(self, now: datetime) -> bool:
        """Whether there is anything in the outbox to be taken."""
        return outbox.is_ready(self._connection, now)

    def payload(self, sha256: str) -> Payload | None:
        return envelopes.payload(self._connection, sha256)

    def evidence(self, sha256: str) -> Evidence | None:
        """What verdicts rest on, by its digest."""
        return evidence.find(self._connection, sha256)

    def accepted(self, envelope_id: EnvelopeId) -> AcceptedEnvelope | None:
        return envelopes.accepted(self._connection, envelope_id)

    def accepted_as(self, identity: str) -> AcceptedEnvelope | None:
        """The same by the identity of the message."""
        return envelopes.accepted_as(self._connection, identity)

    def same_octets(self, *, sender: AgencyCode, document_id: str, sha256: str) -> list[AcceptedEnvelope]:
        """Every acceptance of these octets from ``sender``, the oldest first."""
        return envelopes.same_octets(self._connection, sender=sender, document_id=document_id, sha256=sha256)

    def carried(
        self, spoken: Spoken, *, senders: Collection[AgencyCode], recipients: Collection[AgencyCode] | None = None
    ) -> list[Carried]:
        """Deliveries of the documents that are spoken of: what the recipient has before what it has not yet."""
        return matching.carried(self._connection, spoken, senders=senders, recipients=recipients)

    def stand(self, deliveries: Collection[DeliveryId]) -> frozenset[tuple[DeliveryId, DeliveryState, bool]]:
        """Where these deliveries are, and whether anybody has fetched them."""
        return matching.stand(self._connection, deliveries)

    def said_of(self, delivery_id: DeliveryId) -> frozenset[str]:
        """Codes of the statuses that its recipient has given."""
        return statuses.codes_of(self._connection, delivery_id)

    def track(self, envelope_id: EnvelopeId) -> EnvelopeTrack | None:
        return tracks.track(self._connection, envelope_id)

    def related(self, envelope_id: EnvelopeId) -> list[RelatedDocument]:
        """What a document says of others, and what others say of it; the oldest of them first."""
        envelope = self.envelope(envelope_id)
        return [] if envelope is None else related.related(self._connection, envelope)

    def seen(self, ids: Collection[EnvelopeId], *, by: Collection[AgencyCode]) -> frozenset[EnvelopeId]:
        """Which of these envelopes the agencies ``by`` sent or receive."""
        return tracks.seen(self._connection, ids, by=by)

    def requests(self, deliveries: Collection[DeliveryId]) -> dict[DeliveryId, list[ChangeRequest]]:
        """Recalls and updates that were asked of the recipients of these deliveries; oldest first."""
        return tracks.requests(self._connection, deliveries)

    def statuses(self, search: StatusSearch) -> list[ListedStatus]:
        """Business statuses, newest first."""
        return statuses.search(self._connection, search)

    def status(self, envelope_id: EnvelopeId) -> ListedStatus | None:
        """The business status that this message says."""
        return statuses.by_envelope(self._connection, envelope_id)

    def known(
        self,
        *,
        document_ids: Collection[str],
        keys: Collection[str],
        seen_by: Collection[AgencyCode] | None = None,
    ) -> list[Known]:
        """Documents of these names on their way to their recipients; ``seen_by``: only of these agencies."""
        return statuses.known(self._connection, document_ids=document_ids, keys=keys, seen_by=seen_by)

    def inbox(
        self,
        agencies: Collection[AgencyCode],
        *,
        after: InboxCursor | None,
        limit: int,
        only: InboxSelection = WHOLE_INBOX,
    ) -> InboxPage:
        return inbox.page(self._connection, agencies, after=after, limit=limit, only=only)

    def waiting(self, agencies: Collection[AgencyCode], only: InboxSelection) -> int:
        """How many deliveries wait for ``agencies``."""
        return inbox.count(self._connection, agencies, only)

    def newest_position(self, agencies: Collection[AgencyCode]) -> dict[AgencyCode, int]:
        """Of waiting deliveries; agencies without any are left out."""
        return inbox.newest_position(self._connection, agencies)

    def offered(self, agency: AgencyCode, *, each: int, without: Collection[DeliveryId]) -> list[tuple[Delivery, int]]:
        """The first ``each`` of every urgency that may be handed over now, and their places in the inbox."""
        return inbox.offered(self._connection, agency, each=each, without=without)

    def search(self, search: Search) -> list[Listed]:
        return lists.search(self._connection, search)

    def times(self) -> Times:
        """Of documents on their way: who is late, and how quick everybody is."""
        return Times(self._connection)

    def is_purged(self, envelope_id: EnvelopeId) -> bool:
        """Whether its octets were deleted when their time had ended."""
        return purging.is_purged(self._connection, envelope_id)

    def purgeable(self, kind: EnvelopeKind, before: datetime, limit: int) -> list[Purgeable]:
        """Envelopes of that kind to which nothing has happened since, and for which nothing is open."""
        return purging.purgeable(self._connection, kind, before, limit)

    def journal_heads(self) -> list[Head]:
        """The last line of every chain of the journal."""
        return journal.heads(self._connection)

    def journal_size(self) -> int:
        return journal.count(self._connection)

    def check_journal(self, *, against: Sequence[Head] = (), passed: Callable[[int], None]) -> Checked:
        """Whether the journal is as it was written; ``passed`` is told how many lines were read."""
        return journal.check(self._connection, against=against, passed=passed)

    def journal(self, *, since: datetime | None, actor: str, envelope_id: str, limit: int) -> Sequence[Line]:
        """The newest lines of the journal that are asked for, the oldest of them first."""
        return journal.lines(self._connection, since=since, actor=actor, envelope_id=envelope_id, limit=limit)

    def depth(self) -> dict[str, int]:
        """``outbox``, and waiting deliveries by state; finished ones are not counted."""
        return lists.depth(self._connection)
