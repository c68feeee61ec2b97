"""What other hubs say beyond what agencies' systems say: for whom they bring mail, and which hubs have had it.

From anybody else ``to`` is a hint that nobody needs and ``trace`` is not heard: neither may steer mail.
"""

from __future__ import annotations

import json
from typing import Any, Final

from trunk.application.handover import Failed, GivenBack, Relayed, Taken, Word
from trunk.domain.agency import Caller, HubSide
from trunk.domain.delivery import Delivery, DeliveryState
from trunk.domain.entry import EnvelopeRecord
from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code, is_final
from trunk.http.problems import RefusedError, insist
from trunk.http.vxp.doors import Turn

_MAX_IDS: Final = 1000
_MAX_LETTERS: Final = 64
_EXPECTED: Final = "a code, or a JSON array of codes"


async def bringing(turn: Turn) -> Caller:
    """The caller as it is in sendEdoc: our uplink's system brings mail of whoever is beyond."""
    caller = turn.call.caller
    if not turn.means.push_system or caller.system != turn.means.push_system:
        return caller
    directory = await turn.ask(turn.doors.registry.directory)
    beyond = frozenset(agency.code for agency in directory.agencies if agency.beyond)
    return Caller(system=caller.system, agencies=beyond, hub=HubSide.ABOVE)


def ids(turn: Turn, caller: Caller, name: str) -> tuple[str, ...]:
    """The signed parameter ``name`` of a hub: one id, or a JSON array of ids; nothing where it does not say it."""
    text = insist(turn.signed.one(name)) if caller.hub is not None else ""
    if not text:
        return ()
    said = _array(text) if text.startswith("[") else [text]
    if not isinstance(said, list) or not 0 < len(said) <= _MAX_IDS or not all(map(_is_id, said)):
        raise RefusedError(refuse(Code.BAD_REQUEST, path=name, expected=_EXPECTED, got=text))
    return tuple(said)


def passed(turn: Turn, envelope: EnvelopeRecord) -> dict[str, Any]:
    """What a list tells a hub besides: the hubs that have had the message, ourselves the last."""
    return {} if turn.call.caller.hub is None else {"trace": [*envelope.trace, turn.means.trunk_id]}


def exactly(turn: Turn, delivery: Delivery) -> dict[str, Any]:
    """The state of what a hub sent: ``receiveStatus`` has three words, and its ``fail`` may mean that we try again."""
    return {} if turn.call.caller.hub is None else {"state": delivery.state}


def word_of_failure(caller: Caller, reason: str) -> Word:
    """``fail``: of a hub it is final where it begins with a code that says so, or says that it was recalled."""
    if caller.hub is not None and reason == DeliveryState.RECALLED:
        return GivenBack()
    return Failed(reason, final=is_final(reason))


def word_of_success(caller: Caller, sha256: str, *, done: bool) -> Word | None:
    """``done``, or ``processing``: heard, and of a hub the word that it is responsible now. ``None``: no news."""
    if done:
        return Taken(sha256)
    return None if caller.hub is None else Relayed()


def _array(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_id(said: Any) -> bool:
    return isinstance(said, str) and 0 < len(said) <= _MAX_LETTERS and said.isprintable() and " " not in said
