"""What is in RabbitMQ now, as far as it is ours: read through the management API, never changed in here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from queues import names
from queues.rabbitmq import topology
from queues.rabbitmq.management import Management

_COLUMNS: Final = "columns=name,arguments,durable,messages,message_bytes"
_PERMISSIONS: Final = ("configure", "write", "read")
_POLICY: Final = ("pattern", "apply-to", "priority", "definition")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundQueue:
    """A queue of ours; what is in it is None while RabbitMQ has not counted yet."""

    arguments: Mapping[str, Any]
    messages: int | None = None
    octets: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One virtual host, and the users of the node."""

    vhost: bool = False
    users: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    permissions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()  # who has rights in other virtual hosts
    topic_permissions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    limits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    operator_policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    exchanges: Mapping[str, str] = field(default_factory=dict)
    queues: Mapping[str, FoundQueue] = field(default_factory=dict)
    bindings: frozenset[tuple[str, str, str]] = frozenset()  # exchange, queue, routing key


def survey(management: Management, vhost: str) -> Found:
    """Look at everything. Raises ``EstateError``."""
    granted = management.get("permissions") or []
    users = {one["name"]: {**one, "tags": tags(one)} for one in management.get("users") or []}
    limits = {one["user"]: one["value"] for one in management.get("user-limits") or []}
    elsewhere = frozenset(one["user"] for one in granted if one["vhost"] != vhost)
    if management.get("vhosts", vhost) is None:
        return Found(users=users, limits=limits, elsewhere=elsewhere)
    return Found(
        vhost=True,
        users=users,
        permissions={one["user"]: _only(_PERMISSIONS, one) for one in granted if one["vhost"] == vhost},
        elsewhere=elsewhere,
        topic_permissions={
            one["user"]: _only(("exchange", "write", "read"), one)
            for one in management.get("vhosts", vhost, "topic-permissions") or []
            if one["exchange"] == topology.DELIVERIES
        },
        limits=limits,
        policies=_policies(management, "policies", vhost),
        operator_policies=_policies(management, "operator-policies", vhost),
        exchanges=_exchanges(management, vhost),
        queues=_queues(management, vhost),
        bindings=_bindings(management, vhost),
    )


def tags(user: Mapping[str, Any]) -> list[str]:
    """RabbitMQ says them as a list or, before 3.9, as text with commas."""
    told = user.get("tags", "")
    words: Iterable[str] = told.split(",") if isinstance(told, str) else told
    return sorted(word for word in words if word)


def _only(keys: Iterable[str], table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: table[key] for key in keys if key in table}


def _policies(management: Management, kind: str, vhost: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: _only(_POLICY, one) for one in management.get(kind, vhost) or []}


def _exchanges(management: Management, vhost: str) -> dict[str, str]:
    found = {name: management.get("exchanges", vhost, name) for name in topology.EXCHANGES}
    return {name: one["type"] for name, one in found.items() if one is not None}


def _queues(management: Management, vhost: str) -> dict[str, FoundQueue]:
    return {
        one["name"]: FoundQueue(
            arguments=one.get("arguments") or {}, messages=one.get("messages"), octets=one.get("message_bytes")
        )
        for one in management.get("queues", vhost, query=_COLUMNS) or []
        if one["name"].startswith((names.PREFIX, topology.MOVING)) or one["name"] == topology.DEAD_LETTERS
    }


def _bindings(management: Management, vhost: str) -> frozenset[tuple[str, str, str]]:
    return frozenset(
        (exchange, one["destination"], one["routing_key"])
        for exchange in topology.EXCHANGES
        for one in management.get("exchanges", vhost, exchange, "bindings", "source") or []
        if one["destination_type"] == "queue"
    )
