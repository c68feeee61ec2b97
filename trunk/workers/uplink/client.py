"""What the other hub can be asked, and what its answers mean: done, refused for good, or come again.

Error numbers: 10, 18, 19, 21, 22 and 23 are about the message and will not change; 15 says that our secret is wrong,
which somebody must mend; 20, other numbers, server errors and whatever is no answer of the protocol mean "come again".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from trunk.workers.uplink.exchange import Exchange, File, HubFaultError, is_server_fault

PERMANENT: Final = frozenset({"10", "18", "19", "21", "22", "23"})
_NOT_LET_IN: Final = "15"
_OK: Final = ("OK", "0")
_MOST_WORDS: Final = 64 * 2**10
_MOST_LIST: Final = 32 * 2**20
_ID: Final = re.compile(r"[!-~]{1,128}")
_DAY: Final = "%Y/%m/%d"


class Messages(StrEnum):
    """Which list is asked for."""

    DOCUMENTS = "edoc"
    STATUSES = "status"


class Word(StrEnum):
    """What the hub is told of a message that it holds for us."""

    PROCESSING = "processing"
    DONE = "done"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Refused:
    """The hub will not do it, however often it is asked."""

    number: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A message that the hub holds for one of our agencies."""

    doc_id: str
    to: str = ""
    trace: tuple[str, ...] = ()  #: hubs that have had it, as that hub tells


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of what we sent, at one receiver."""

    to: str
    status: str  #: ``receiveStatus``
    words: str = ""
    state: str = ""  #: what a trunk like ours says besides, exactly; ``status`` has three words for everything


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An agency in the hub's address book."""

    code: str
    name: str
    old_code: str = ""
    parent: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that may be a message. Not ``framed``: nobody knows whether it is whole."""

    framed: bool


@dataclass(frozen=True, slots=True)
class Client:
    """Speaks to one hub. Every method raises ``HubFaultError`` where there is no answer that counts."""

    exchange: Exchange
    most_octets: int = field(default=200 * 2**20)  #: of a message

    def send(
        self, file: File, *, kind: Messages, sender: str, to: Sequence[str], trace: Sequence[str]
    ) -> str | Refused:
        """sendEdoc: the hub's id of the message. Raises ``UnfitError`` too."""
        parameters = {
            "servicetype": "eDoc",
            "messagetype": kind.value,
            "from": sender,
            "to": json.dumps(list(to), separators=(",", ":")),
            "trace": json.dumps(list(trace), separators=(",", ":")),
        }
        said = _judged(self.exchange.ask("sendEdoc", parameters, file=file, most=_MOST_WORDS))
        if isinstance(said, Refused):
            return said
        doc_id = _text(said.get("DocId"))
        if not _ID.fullmatch(doc_id):
            raise HubFaultError("no_id", whole=False)
        return doc_id

    def waiting(self, kind: Messages, *, day: Any = None) -> list[Item]:
        """getReceivedEdocList, of one day or of whatever the hub shows."""
        days = {} if day is None else {"fromDate": day.strftime(_DAY), "toDate": day.strftime(_DAY)}
        parameters = {"servicetype": "eDoc", "messagetype": kind.value, **days}
        items = (_item(row) for row in self._rows("getReceivedEdocList", parameters))
        return [item for item in items if item is not None]

    def download(self, doc_id: str, into: Path) -> Downloaded | Refused:
        """downloadEdoc into a file. What cannot be a message is none: clients of old took error pages for mail."""
        parameters = {"servicetype": "eDoc", "docId": doc_id}
        reply = self.exchange.download("downloadEdoc", parameters, into=into, most=self.most_octets)
        start = reply.octets.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
        if start.startswith(b"{"):
            said = _judged(type(reply)(status=reply.status, octets=into.read_bytes()[:_MOST_WORDS]))
            if isinstance(said, Refused):
                return said
            raise HubFaultError("no_file", whole=False)
        if reply.status != HTTPStatus.OK or not start or start.startswith((b"<html", b"<!doctype html")):
            raise HubFaultError(f"status_{reply.status}" if reply.status != HTTPStatus.OK else "no_file", whole=False)
        return Downloaded(framed=reply.framed)

    def say(self, doc_id: str, word: Word, description: str = "") -> Refused | None:
        """updateStatus."""
        plain = "".join(letter if " " <= letter <= "~" else "?" for letter in description[:200])
        parameters = {"servicetype": "eDoc", "docId": doc_id, "status": word.value}
        if plain:
            parameters["description"] = plain
        said = _judged(self.exchange.ask("updateStatus", parameters, body=b"{}", most=_MOST_WORDS))
        return said if isinstance(said, Refused) else None

    def fates(self, doc_id: str) -> list[Fate]:
        """getSentEdocList of one message: a row for each receiver."""
        rows = self._rows("getSentEdocList", {"servicetype": "eDoc", "messagetype": "edoc", "docId": doc_id})
        return [
            Fate(
                to=_text(row.get("toCode")),
                status=_text(row.get("receiveStatus")).lower(),
                words=_text(row.get("receiveStatusDesc")),
                state=_text(row.get("state")),
            )
            for row in rows
            if _text(row.get("senderDocId")) in ("", doc_id)
        ]

    def agencies(self) -> list[Entry]:
        """getAgenciesList."""
        rows = self._rows("getAgenciesList", {"servicetype": "eDoc"})
        return [
            Entry(
                code=_text(row.get("code")).strip(),
                name=" ".join(_text(row.get("name")).split()),
                old_code=_text(row.get("oldCode")).strip(),
                parent=_text(row.get("pid")).strip(),
                email=_text(row.get("mail")).strip(),
            )
            for row in rows
        ]

    def changes(self, version: str) -> tuple[str, frozenset[str]]:
        """getSynchronizeUnit: the newest version, and the codes of agencies that were closed."""
        rows = list(self._rows("getSynchronizeUnit", {"servicetype": "eDoc", "version": version}))
        versions = [int(text) for row in rows if (text := str(row.get("version", ""))).isdecimal()]
        closed = frozenset(_text(row.get("code")) for row in rows if str(row.get("deleted")).lower() in ("true", "1"))
        return str(max(versions, default=version)), closed

    def _rows(self, operation: str, parameters: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        said = _judged(self.exchange.ask(operation, parameters, most=_MOST_LIST))
        if isinstance(said, Refused):
            raise HubFaultError(f"refused_{said.number}", whole=False)
        data = said.get("data")
        if not isinstance(data, list):
            raise HubFaultError("no_list", whole=False)
        return (row for row in data if isinstance(row, dict))


def _judged(reply: Any) -> Mapping[str, Any] | Refused:
    """What an answer says, or that it is a refusal for good. Raises ``HubFaultError`` where it means "later"."""
    try:
        said = json.loads(reply.octets)
    except (ValueError, RecursionError) as error:  # an outage page is no answer
        raise HubFaultError(f"status_{reply.status}" if reply.status != HTTPStatus.OK else "no_json") from error
    if not isinstance(said, dict) or "status" not in said:
        raise HubFaultError(f"status_{reply.status}")
    status, number = _text(said.get("status")).upper(), _text(said.get("ErrorCode"))
    if number == _NOT_LET_IN:
        raise HubFaultError("secret", told=True)
    if is_server_fault(reply.status):
        raise HubFaultError(f"status_{reply.status}")
    if (status, number or "0") == _OK and reply.status in (HTTPStatus.OK, HTTPStatus.CREATED):
        return said
    if number in PERMANENT:
        return Refused(number, _text(said.get("ErrorDesc")))
    raise HubFaultError(f"number_{number[:8]}" if number.isalnum() else "no_number", whole=False)


def _item(row: Mapping[str, Any]) -> Item | None:
    doc_id, trace = _text(row.get("docId")), row.get("trace")
    if not _ID.fullmatch(doc_id):
        return None
    hubs = trace if isinstance(trace, list) else []
    return Item(doc_id=doc_id, to=_text(row.get("to")), trace=tuple(one for one in hubs[:100] if isinstance(one, str)))


def _text(value: Any) -> str:
    """Numbers are texts in some hubs and not in others."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
