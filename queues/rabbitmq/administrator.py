"""The door of ``trunk admin rabbitmq``: plan, apply, check, and a look at the dead letters."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from queues.estate import Act, Applied, DeadLetter, EstateError, Plan, Step
from queues.rabbitmq import topology
from queues.rabbitmq.differences import MOVER_USER, compare
from queues.rabbitmq.management import Management
from queues.rabbitmq.mover import Mover
from queues.rabbitmq.passwords import Passwords
from queues.rabbitmq.survey import Found, survey
from queues.rabbitmq.tls import verifying
from queues.rabbitmq.topology import User, Wanted
from queues.rabbitmq.tuning import Tuning
from queues.rabbitmq.wire import parameters

_ALL: Final = {"configure": r"^trunk\.", "write": r"^(trunk\..*|amq\.default)$", "read": r"^trunk\."}
_DEFAULT_USER: Final = "trunk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """Where RabbitMQ is and what should be in it; ``settle_seconds`` is longer than it takes RabbitMQ to count."""

    address: str  #: the service's URL; a password in it is not used
    management_url: str
    tuning: Tuning
    agencies: tuple[str, ...]
    consumers: tuple[str, ...]
    password_files: Mapping[str, Path]
    settle_seconds: float = 7.0

    @property
    def vhost(self) -> str:
        return unquote(urlsplit(self.address).path.removeprefix("/")) or "/"

    @property
    def user(self) -> str:
        return unquote(urlsplit(self.address).username or "") or _DEFAULT_USER


class Administrator:
    """Everything here raises ``EstateError``; ``OSError`` where a password cannot be written."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._tls = estate.tuning.tls or verifying()
        self._management = Management(estate.management_url, tls=self._tls)
        self._wanted: Wanted = topology.wanted(
            estate.tuning,
            vhost=estate.vhost,
            user=estate.user,
            agencies=estate.agencies,
            consumers=estate.consumers,
        )

    def plan(self) -> Plan:
        """What differs now."""
        return self._compare(survey(self._management, self._wanted.vhost))

    def apply(self, *, folder: Path | None = None, renew: Collection[str] = ()) -> Applied:
        """Mend all differences but the refused ones; ``renew`` names users that get another password."""
        found = survey(self._management, self._wanted.vhost)
        plan = self._compare(found)
        unknown = set(renew) - {user.name for user in self._wanted.users}
        if unknown:
            raise EstateError("RMQ-110", f"not a user of the trunk: {', '.join(sorted(unknown))}")
        passwords = Passwords(folder, self._estate.password_files, chance=partial(secrets.token_urlsafe, 24))
        if not found.vhost:
            self._management.put("vhosts", self._wanted.vhost)
        done = [step for step in plan.differences if step.act is not Act.REFUSE]
        self._make_users(done, found, passwords, renew)
        self._make_policies(done)
        if any(step.kind in ("exchange", "queue", "binding") for step in done):
            with self._mover() as mover:
                self._move(done, plan, mover)
        return passwords.applied([*done, *(_renewed(name) for name in sorted(renew))])

    def dead_letters(self, most: int) -> list[DeadLetter]:
        """The oldest, which stay where they are."""
        with self._mover() as mover:
            return mover.dead_letters(most)

    def settle(self, decide: Callable[[DeadLetter], bool], most: int) -> int:
        """Remove the dead letters of which ``decide`` says so."""
        with self._mover() as mover:
            return mover.settle(decide, most)

    def _compare(self, found: Found) -> Plan:
        return compare(self._wanted, found, administrator=self._management.user)

    def _make_users(self, steps: list[Step], found: Found, passwords: Passwords, renew: Collection[str]) -> None:
        users = {user.name: user for user in self._wanted.users}
        made = set()
        for step in steps:
            if step.act is Act.DELETE and step.kind in ("user", "permission"):
                place = (self._wanted.vhost,) if step.kind == "permission" else ()
                self._management.delete(f"{step.kind}s", *place, step.name)
            elif step.kind == "user" and step.act is Act.MAKE:
                self._put_user(users[step.name], passwords.of(step.name))
                made.add(step.name)
            elif step.kind == "user":
                self._put_tags(users[step.name], found.users[step.name])
            elif step.name in users:
                self._put_rights(step.kind, users[step.name])
        for name in set(renew) - made:
            self._put_user(users[name], passwords.of(name, anew=True))

    def _put_tags(self, user: User, known: Mapping[str, Any]) -> None:
        """The password stays: a user that is put without one has none any more."""
        kept = {key: known[key] for key in ("password_hash", "hashing_algorithm") if key in known}
        self._management.put("users", user.name, body={"tags": ",".join(user.tags), **kept})

    def _put_rights(self, kind: str, user: User) -> None:
        if kind == "permission":
            self._management.put("permissions", self._wanted.vhost, user.name, body=user.permissions)
        elif kind == "topic-permission":
            self._management.put("topic-permissions", self._wanted.vhost, user.name, body=user.topic_permissions)
        elif kind == "limit":
            for name, value in user.limits.items():
                self._management.put("user-limits", user.name, name, body={"value": value})

    def _put_user(self, user: User, password: str) -> None:
        self._management.put("users", user.name, body={"password": password, "tags": ",".join(user.tags)})

    def _make_policies(self, steps: list[Step]) -> None:
        for step in steps:
            if step.kind == "policy":
                body = self._wanted.policies[step.name]
                self._management.put("policies", self._wanted.vhost, step.name, body=body)
            elif step.kind == "operator-policy":
                body = self._wanted.operator_policies[step.name]
                self._management.put("operator-policies", self._wanted.vhost, step.name, body=body)

    def _move(self, steps: list[Step], plan: Plan, mover: Mover) -> None:
        blocked = {step.name for step in plan.refused}
        if not blocked & {topology.DEAD_LETTERS, *topology.EXCHANGES}:
            mover.make_exchanges()
        queues = self._wanted.queues

        def named(act: Act) -> dict[str, Any]:
            chosen = [step.name for step in steps if step.kind == "queue" and step.act is act]
            return {name: queues[name] for name in chosen if name in queues}

        mover.make(named(Act.MAKE))
        for step in steps:
            if step.kind == "binding":
                mover.bind(step.name)
            elif step.kind == "queue" and step.act is Act.DELETE:
                mover.drop(step.name)
        mover.migrate(named(Act.MIGRATE), self._held)

    def _held(self, queue: str) -> int:
        """How many messages are in a queue, also those that consumers have and have not acknowledged yet."""
        there = self._management.get("queues", self._wanted.vhost, queue, query="columns=messages")
        return int((there or {}).get("messages") or 0)

    @contextmanager
    def _mover(self) -> Iterator[Mover]:
        """A connection as a user that lives as long as this block: nobody has to keep its password."""
        name, password = MOVER_USER + secrets.token_hex(6), secrets.token_urlsafe(24)
        self._management.put("users", name, body={"password": password, "tags": ""})
        try:
            self._management.put("permissions", self._wanted.vhost, name, body=_ALL)
            tuning = replace(self._estate.tuning, tls=self._tls)
            wiring = parameters(_with_account(self._estate.address, name, password), tuning)
            mover = Mover(wiring, newborn_seconds=tuning.newborn_seconds, settle_seconds=self._estate.settle_seconds)
            try:
                yield mover
            finally:
                mover.close()
        finally:
            self._management.delete("users", name)


def _renewed(name: str) -> Step:
    return Step(act=Act.CHANGE, kind="user", name=name, what="another password")


def _with_account(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    _, _, place = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{place}").geturl()
