"""Comparing what is with what should be, without a broker."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from queues import names
from queues.estate import REMEDIES, Act, EstateError, Step
from queues.rabbitmq import Tuning, topology
from queues.rabbitmq.differences import compare
from queues.rabbitmq.management import Management, path
from queues.rabbitmq.survey import Found, FoundQueue, tags
from queues.rabbitmq.tls import verifying

H41, H42 = names.encode("H41"), names.encode("H42")
WANTED = topology.wanted(Tuning(), vhost="edoc", user="trunk", agencies=["H41", "H42"], consumers=["H42"])


def as_wanted() -> Found:
    queues = {name: FoundQueue(arguments=arguments, messages=0, octets=0) for name, arguments in WANTED.queues.items()}
    dead = FoundQueue(arguments=topology.dead_letter_queue(), messages=0, octets=0)
    return Found(
        vhost=True,
        users={user.name: {"tags": list(user.tags)} for user in WANTED.users},
        permissions={user.name: user.permissions for user in WANTED.users},
        topic_permissions={user.name: user.topic_permissions for user in WANTED.users},
        limits={user.name: user.limits for user in WANTED.users},
        policies=WANTED.policies,
        operator_policies=WANTED.operator_policies,
        exchanges=topology.EXCHANGES,
        queues={**queues, topology.DEAD_LETTERS: dead},
        bindings=frozenset(
            {
                (topology.DEAD_LETTERS, topology.DEAD_LETTERS, ""),
                *((topology.DELIVERIES, name, name) for name in queues),
            }
        ),
    )


def steps(found: Found) -> list[tuple[Act, str, str, str]]:
    plan = compare(WANTED, found, administrator="admin")
    return [(step.act, step.kind, step.name, step.code) for step in plan.steps]


def with_queue(name: str, **changes: Any) -> Found:
    found = as_wanted()
    there = replace(found.queues[name], **changes) if name in found.queues else FoundQueue(arguments={}, **changes)
    return replace(found, queues={**found.queues, name: there})


def test_what_is_as_it_should_be_needs_no_step() -> None:
    assert steps(as_wanted()) == []


def test_an_empty_node_needs_everything() -> None:
    made = compare(WANTED, Found(), administrator="admin").steps
    assert {step.act for step in made} == {Act.MAKE}
    assert made[0].kind == "vhost"
    assert {step.name for step in made if step.kind == "queue"} == {topology.DEAD_LETTERS, H41, H42}


OTHER = {**WANTED.queues[H41], "x-max-length": 5}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (with_queue(H41, arguments=OTHER), [(Act.MIGRATE, "queue", H41, "")]),
        (with_queue(H41, arguments=OTHER, messages=None), [(Act.MIGRATE, "queue", H41, "")]),
        (with_queue(H41, arguments={"x-queue-type": "classic"}), [(Act.MIGRATE, "queue", H41, "")]),
        (with_queue(H41, arguments=OTHER, messages=10**6), [(Act.REFUSE, "queue", H41, "RMQ-101")]),
        (with_queue(H41, arguments=OTHER, octets=10**12), [(Act.REFUSE, "queue", H41, "RMQ-101")]),
        (with_queue(topology.moving_name(H41), messages=3), [(Act.MIGRATE, "queue", H41, "")]),
        (with_queue(names.encode("gone"), messages=0), [(Act.DELETE, "queue", names.encode("gone"), "")]),
        (with_queue(names.encode("gone"), messages=1), [(Act.REFUSE, "queue", names.encode("gone"), "RMQ-102")]),
        (with_queue("trunk.moving.gone", messages=1), [(Act.REFUSE, "queue", "trunk.moving.gone", "RMQ-102")]),
        (
            with_queue(topology.DEAD_LETTERS, arguments={}),
            [(Act.REFUSE, "queue", topology.DEAD_LETTERS, "RMQ-103")],
        ),
        (with_queue(topology.DEAD_LETTERS, messages=2), [(Act.NOTE, "queue", topology.DEAD_LETTERS, "")]),
    ],
)
def test_queues(found: Found, expected: list[tuple[Act, str, str, str]]) -> None:
    assert steps(found) == expected


def test_users() -> None:
    found = as_wanted()
    foreign = {
        "admin": {"tags": ["administrator"]},
        "guest": {"tags": []},
        "trunk.agency.H99": {"tags": []},
        "trunk.agency.H98": {"tags": []},
        "trunk.mover-1": {"tags": []},
    }
    rights = {"configure": "", "write": "", "read": ".*"}
    found = replace(
        found,
        users={**found.users, **foreign},
        permissions={**found.permissions, "guest": rights, "trunk.agency.H98": rights},
        elsewhere=frozenset({"trunk.agency.H98"}),
    )
    assert steps(found) == [
        (Act.NOTE, "user", "guest", ""),
        (Act.DELETE, "permission", "trunk.agency.H98", ""),
        (Act.DELETE, "user", "trunk.agency.H99", ""),
        (Act.DELETE, "user", "trunk.mover-1", ""),
    ]


def test_every_refusal_has_a_remedy_and_an_error_has_its_own() -> None:
    for code, remedy in REMEDIES.items():
        assert EstateError(code, "x").remedy == remedy
    assert Step(act=Act.NOTE, kind="", name="").code == ""


def test_names_of_queues_are_taken_literally_in_rights() -> None:
    assert topology.agency_user("H41.01").read == r"^trunk\.to\.H41\.01$"
    assert topology.agency_user("a+b").read == r"^trunk\.to\.a%2Bb$"
    assert len(topology.moving_name(names.encode("ữ" * 300))) <= 255


def test_tags_are_read_as_every_version_writes_them() -> None:
    assert tags({"tags": "a,b"}) == tags({"tags": ["b", "a"]}) == ["a", "b"]
    assert tags({"tags": ""}) == tags({}) == []


def test_addresses_of_the_api() -> None:
    assert path("vhosts", "/", "a b#?") == "/vhosts/%2F/a%20b%23%3F"
    for url in ("amqp://x", "https://", "rabbit:15671"):
        with pytest.raises(EstateError):
            Management(url, tls=verifying())
