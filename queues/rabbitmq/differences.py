"""What is there against what should be there: pure comparing, which the tool prints, performs and checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from queues import names
from queues.estate import REMEDIES, Act, Plan, Step
from queues.rabbitmq import topology
from queues.rabbitmq.survey import Found, FoundQueue, tags
from queues.rabbitmq.topology import User, Wanted

MOVER_USER: Final = "trunk.mover-"  # of one run of apply; one that stays behind belongs to a run that was killed


def compare(wanted: Wanted, found: Found, *, administrator: str) -> Plan:
    """All differences. ``administrator`` is who asks, whose own rights are nobody's fault."""
    return Plan(
        steps=(
            *([] if found.vhost else [Step(act=Act.MAKE, kind="vhost", name=wanted.vhost)]),
            *_users(wanted, found, administrator),
            *_policies("policy", wanted.policies, found.policies),
            *_limits(wanted, found),
            *_exchanges(found),
            *_dead_letters(found),
            *_queues(wanted, found),
            *_bindings(wanted, found),
            *_surplus(wanted, found),
        )
    )


def refusal(kind: str, name: str, code: str, what: str) -> Step:
    return Step(act=Act.REFUSE, kind=kind, name=name, what=what, code=code, remedy=REMEDIES[code])


def _users(wanted: Wanted, found: Found, administrator: str) -> Iterator[Step]:
    for user in wanted.users:
        if user.name == administrator:
            yield Step(act=Act.NOTE, kind="user", name=user.name, what="is the administrator: left as it is")
        else:
            yield from _user(user, found)
    known = {user.name for user in wanted.users} | {administrator}
    for name in sorted(found.users.keys() - known):
        if name.startswith(MOVER_USER) or (name.startswith(topology.AGENCY_USER) and name not in found.elsewhere):
            yield Step(act=Act.DELETE, kind="user", name=name, what="has no business here any more")
        elif name.startswith(topology.AGENCY_USER) and name in found.permissions:
            yield Step(act=Act.DELETE, kind="permission", name=name, what="has no business here any more")
        elif name in found.permissions:
            what = " ".join(f"{right}={regex}" for right, regex in found.permissions[name].items())
            yield Step(act=Act.NOTE, kind="user", name=name, what=f"not ours, and has rights here: {what}")


def _user(user: User, found: Found) -> Iterator[Step]:
    there = found.users.get(user.name)
    if there is None:
        yield Step(act=Act.MAKE, kind="user", name=user.name, what=", ".join(user.tags))
    elif tags(there) != sorted(user.tags):
        words = f"tags {','.join(tags(there)) or 'none'} → {','.join(user.tags) or 'none'}"
        yield Step(act=Act.CHANGE, kind="user", name=user.name, what=words)
    yield from _table("permission", user.name, user.permissions, found.permissions.get(user.name))
    yield from _table("topic-permission", user.name, user.topic_permissions, found.topic_permissions.get(user.name))
    yield from _table("limit", user.name, user.limits, found.limits.get(user.name))


def _table(kind: str, name: str, wanted: Mapping[str, Any], there: Mapping[str, Any] | None) -> Iterator[Step]:
    there = there or {}
    if all(there.get(key) == value for key, value in wanted.items()):
        return
    changes = [f"{k}: {there.get(k, 'none')} → {v}" if there else f"{k}={v}" for k, v in _changed(wanted, there)]
    yield Step(act=Act.CHANGE if there else Act.MAKE, kind=kind, name=name, what=", ".join(changes))


def _changed(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in wanted.items() if there.get(key) != value]


def _policies(kind: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Step]:
    for name, policy in wanted.items():
        yield from _table(kind, name, policy, found.get(name))


def _limits(wanted: Wanted, found: Found) -> Iterator[Step]:
    """A limit that is lowered below what a queue holds may drop it, if somebody made that queue without our rules."""
    full = sorted(
        name
        for name, there in found.queues.items()
        if name in wanted.queues and too_small(wanted.queues[name], there) is not None
    )
    for step in _policies("operator-policy", wanted.operator_policies, found.operator_policies):
        yield refusal(step.kind, step.name, "RMQ-101", f"{full[0]} holds more; {step.what}") if full else step


def _exchanges(found: Found) -> Iterator[Step]:
    for name, kind in topology.EXCHANGES.items():
        there = found.exchanges.get(name)
        if there is None:
            yield Step(act=Act.MAKE, kind="exchange", name=name, what=kind)
        elif there != kind:
            yield refusal("exchange", name, "RMQ-104", f"is of type {there}, not {kind}")


def _dead_letters(found: Found) -> Iterator[Step]:
    there = found.queues.get(topology.DEAD_LETTERS)
    if there is None:
        yield Step(act=Act.MAKE, kind="queue", name=topology.DEAD_LETTERS)
    elif dict(there.arguments) != topology.dead_letter_queue():
        yield refusal("queue", topology.DEAD_LETTERS, "RMQ-103", "was made with other arguments")
    elif there.messages:
        yield Step(
            act=Act.NOTE, kind="queue", name=topology.DEAD_LETTERS, what=f"{there.messages} messages wait for a person"
        )


def _queues(wanted: Wanted, found: Found) -> Iterator[Step]:
    for name, arguments in wanted.queues.items():
        there = found.queues.get(name)
        if topology.moving_name(name) in found.queues:
            yield Step(act=Act.MIGRATE, kind="queue", name=name, what="a migration that was not finished goes on")
        elif there is None:
            yield Step(act=Act.MAKE, kind="queue", name=name)
        elif dict(there.arguments) != dict(arguments):
            yield _other_arguments(name, arguments, there)


def _other_arguments(name: str, arguments: Mapping[str, Any], there: FoundQueue) -> Step:
    keys = sorted({*arguments, *there.arguments})
    changes = ", ".join(
        f"{key.removeprefix('x-')}: {there.arguments.get(key, 'none')} → {arguments.get(key, 'none')}"
        for key in keys
        if there.arguments.get(key) != arguments.get(key)
    )
    if (fault := too_small(arguments, there)) is not None:
        return refusal("queue", name, "RMQ-101", f"{fault}; {changes}")
    held = "unknown" if there.messages is None else there.messages
    return Step(act=Act.MIGRATE, kind="queue", name=name, what=f"{changes}; messages in it: {held}")


def too_small(arguments: Mapping[str, Any], there: FoundQueue) -> str | None:
    """Why what is in the queue would not find room in one with these arguments."""
    if (there.messages or 0) > arguments["x-max-length"]:
        return f"{there.messages} messages are in it, more than {arguments['x-max-length']}"
    if (there.octets or 0) > arguments["x-max-length-bytes"]:
        return f"{there.octets} octets are in it, more than {arguments['x-max-length-bytes']}"
    return None


def _bindings(wanted: Wanted, found: Found) -> Iterator[Step]:
    """Those of new queues and exchanges are made with them."""
    dead = (topology.DEAD_LETTERS, topology.DEAD_LETTERS, "")
    for exchange, queue, key in (dead, *((topology.DELIVERIES, name, name) for name in wanted.queues)):
        migrating = topology.moving_name(queue) in found.queues
        there = queue in found.queues and exchange in found.exchanges and not migrating
        if there and (exchange, queue, key) not in found.bindings:
            yield Step(act=Act.MAKE, kind="binding", name=queue, what=f"to {exchange}")


def _surplus(wanted: Wanted, found: Found) -> Iterator[Step]:
    moving = {topology.moving_name(name) for name in wanted.queues}
    for name in sorted(found.queues.keys() - wanted.queues.keys() - moving - {topology.DEAD_LETTERS}):
        held = found.queues[name].messages
        if held:
            yield refusal("queue", name, "RMQ-102", f"no agency has it, and {held} messages are in it")
        elif name.startswith(names.PREFIX):
            yield Step(act=Act.DELETE, kind="queue", name=name, what="no agency has it, nothing is in it")
