"""Revocation from lists in hand, where the service has folders."""

from __future__ import annotations

from collections.abc import Iterable

from signing.revocation.lists import RevocationList
from signing.revocation.offline import OfflineLists
from signing.revocation.stored import StoredRevocation


class _Given(OfflineLists):
    """Lists instead of a folder of them."""

    def __init__(self, lists: Iterable[RevocationList]) -> None:
        self.lists, self.answers, self.edition = tuple(lists), (), 0

    def refresh(self) -> int:
        return self.edition


def revocation(lists: Iterable[bytes]) -> StoredRevocation:
    """Of lists in DER; one that cannot be read says nothing, as in a folder."""
    return StoredRevocation(offline=_Given(one for der in lists if (one := _list(der)) is not None))


def _list(der: bytes) -> RevocationList | None:
    try:
        return RevocationList(der, origin="vectors")
    except ValueError:
        return None
