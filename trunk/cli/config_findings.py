"""What ``trunk config check`` looks for: what keeps the trunk from starting, what is risky, what is worth knowing.

Law: each relaxation of a strict default is named here; a setting that weakens something without a finding is a bug.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from trunk.application.deadlines import check_country
from trunk.application.policies import policies
from trunk.cli import config_push, config_rabbitmq, config_uplink
from trunk.cli.config_finding import Finding, Weight, is_loopback, longer, open_to_others
from trunk.cli.world import World
from trunk.domain.agency import Agency
from trunk.domain.signature_policy import Policies
from trunk.errors import ConfigurationError, TrunkError
from trunk.http.open_files import connections_within, most_allowed, most_of_one
from trunk.settings import Settings

if TYPE_CHECKING:
    from trunk.cli.config_trust import Trusted


_FEW_ADDRESSES = 256


def look_into(world: World, *, workers: int) -> list[Finding]:
    """Everything there is to say, errors first. Raises ``ConfigurationError`` if the settings cannot be read at all."""
    from trunk.cli import config_revocation, config_trust  # noqa: PLC0415  heavy

    settings = world.settings
    trust = config_trust.read(settings)
    found = [
        *_network(settings),
        *_stores(settings, workers),
        *_seal(settings),
        *_vxp(settings),
        *_lgsp(settings),
        *config_trust.findings(trust),
        *config_revocation.findings(settings, trust, now=world.doors.now()),
        *_examination(settings),
        *_policies(settings),
        *_clocks(settings),
        *config_uplink.findings(settings),
        *config_push.findings(settings),
        *_tests(settings),
        *_ledger(world, trust),
    ]
    return sorted(found, key=lambda finding: list(Weight).index(finding.weight))


def _network(settings: Settings) -> Iterator[Finding]:
    if not is_loopback(settings.http.host):
        yield Finding(
            weight=Weight.WARNING,
            key="http.host",
            text=f"{settings.http.host} is reached from other machines, and the trunk itself speaks no TLS",
            remedy="listen on 127.0.0.1 behind a TLS proxy, or let a firewall admit the proxy alone",
        )
    yield from _watchers(settings)
    wanted, files = settings.http.connections_per_peer, most_allowed()
    connections = connections_within(files)
    if most_of_one(wanted, connections) < wanted:
        yield Finding(
            weight=Weight.WARNING,
            key="http.connections_per_peer",
            text=f"{wanted} of one address, and a process here may open {files} files: {connections} connections",
            remedy="LimitNOFILE=65536 in the unit (a shell has its own: ulimit -Hn), or fewer of one address",
        )


def _watchers(settings: Settings) -> Iterator[Finding]:
    for network in settings.http.metrics_from:
        many = ipaddress.ip_network(network).num_addresses > _FEW_ADDRESSES
        yield Finding(
            weight=Weight.WARNING if many else Weight.NOTE,
            key="http.metrics_from",
            text=f"{network} may see how each agency's delivery goes",
            remedy="name the machine that collects the meters, and no more" if many else "",
        )


def _stores(settings: Settings, workers: int) -> Iterator[Finding]:
    for key, read in _urls(settings):
        try:
            url = read()
        except ConfigurationError as error:
            yield Finding(weight=Weight.ERROR, key=key, text=str(error), remedy="mend the file or the setting")
            continue
        yield from _password_in_file(settings, key)
        yield from _file_of_url(settings, key)
        if key == "broker":
            yield from config_rabbitmq.findings(settings, url)
    if settings.broker.url_file is None and settings.embedded:
        yield from _embedded(workers)


def _urls(settings: Settings) -> tuple[tuple[str, Callable[[], str]], ...]:
    return ("database", lambda: settings.database_url), ("broker", lambda: settings.broker_url)


def _password_in_file(settings: Settings, key: str) -> Iterator[Finding]:
    section = settings.database if key == "database" else settings.broker
    if ":" in section.url.partition("://")[2].rpartition("@")[0]:
        yield Finding(
            weight=Weight.WARNING,
            key=f"{key}.url",
            text="a password stands in the settings",
            remedy=f"write the URL into a file of mode 600 and name it in {key}.url_file",
        )


def _file_of_url(settings: Settings, key: str) -> Iterator[Finding]:
    file = settings.database.url_file if key == "database" else settings.broker.url_file
    if file is not None:
        yield from open_to_others(settings.path(file), f"{key}.url_file")
    if key == "broker":
        for name in ("password_file", "key_file", "management_url_file"):
            if (secret := getattr(settings.broker, name)) is not None:
                yield from open_to_others(settings.path(secret), f"broker.{name}")


def _embedded(workers: int) -> Iterator[Finding]:
    yield Finding(weight=Weight.NOTE, key="broker.url", text="the embedded broker serves one machine")
    if workers > 1:
        yield Finding(
            weight=Weight.WARNING,
            key="broker.url",
            text=f"the embedded broker lives in each of the {workers} processes: a waiting inbox request may be "
            "woken late (nothing is lost)",
            remedy="use RabbitMQ (amqp://…) with several workers",
        )


def _seal(settings: Settings) -> Iterator[Finding]:
    for key in ("seal_key_file", "seal_certificate_file"):
        file = settings.path(getattr(settings.signatures, key))
        if not os.access(file, os.R_OK):
            yield Finding(
                weight=Weight.ERROR,
                key=f"signatures.{key}",
                text=f"{file} cannot be read",
                remedy="trunk init makes one in a new folder; or name yours",
            )
    yield from open_to_others(settings.path(settings.signatures.seal_key_file), "signatures.seal_key_file")


def _vxp(settings: Settings) -> Iterator[Finding]:
    yield from open_to_others(settings.path(settings.vxp.key_file), "vxp.key_file")
    if settings.vxp.administrators:
        yield Finding(
            weight=Weight.WARNING,
            key="vxp.administrators",
            text=f"{settings.vxp.administrators} may change the directory with words that VXP does not sign",
            remedy="keep it empty and use trunk admin agency; else admit these systems over TLS only",
        )


def _lgsp(settings: Settings) -> Iterator[Finding]:
    yield from open_to_others(settings.path(settings.lgsp.key_file), "lgsp.key_file")
    if settings.lgsp.administrators:
        yield Finding(
            weight=Weight.WARNING,
            key="lgsp.administrators",
            text=f"{settings.lgsp.administrators} may change the directory with a token and a secret that travel",
            remedy="keep it empty and use trunk admin agency; else admit these systems over TLS only",
        )
    if settings.lgsp.token_minutes > type(settings.lgsp)().token_minutes:
        yield Finding(
            weight=Weight.WARNING,
            key="lgsp.token_minutes",
            text=f"a token that was seen by others holds for up to {settings.lgsp.token_minutes:g} minutes",
            remedy="30: clients log in anew after 29",
        )


def _examination(settings: Settings) -> Iterator[Finding]:
    told = settings.examination
    if not told.processes:
        yield Finding(
            weight=Weight.WARNING,
            key="examination.processes",
            text="messages are examined in the serving process: no limit on time and memory can be held",
            remedy="2 or more",
        )
    yield from longer(told, "examination", ("seconds", "seconds_per_mib", "memory_mib"))


def _policies(settings: Settings) -> Iterator[Finding]:
    """Each relaxation of a policy that was written here; the built-in ones are named where an agency has them."""
    try:
        known = policies(settings.signatures.policies).by_name
    except ConfigurationError as error:
        yield Finding(weight=Weight.ERROR, key="signatures.policies", text=str(error), remedy="mend the settings")
        return
    for name in settings.signatures.policies:
        for relaxation in known[name].relaxations:
            yield Finding(
                weight=Weight.WARNING,
                key=f"signatures.policies.{name}",
                text=relaxation,
                remedy='the strictest is "required"',
            )


def _deadlines(settings: Settings) -> Iterator[Finding]:
    deadlines = settings.deadlines
    try:
        check_country(deadlines.country)
    except ConfigurationError as error:
        remedy = "mend the setting; the trunk does not start with it"
        yield Finding(weight=Weight.ERROR, key="deadlines.country", text=str(error), remedy=remedy)
    if deadlines.urgent_fetch_minutes > settings.delivery.lifetime_days * 24 * 60:
        yield Finding(
            weight=Weight.WARNING,
            key="deadlines.urgent_fetch_minutes",
            text="an urgent delivery expires before it is overdue",
            remedy="make it shorter than delivery.lifetime_days",
        )


def _clocks(settings: Settings) -> Iterator[Finding]:
    delivery, default = settings.delivery, type(settings.delivery)()
    yield from _deadlines(settings)
    if delivery.lifetime_days < 1 <= default.lifetime_days:
        yield Finding(
            weight=Weight.WARNING,
            key="delivery.lifetime_days",
            text="less than a day: an agency that is closed at night or on holidays loses documents",
            remedy=f"the default is {default.lifetime_days:g}",
        )
    age = settings.signatures.claimed_time_age_days
    if age > type(settings.signatures)().claimed_time_age_days:
        yield Finding(
            weight=Weight.WARNING,
            key="signatures.claimed_time_age_days",
            text=f"a signing time claimed up to {age:g} days ago is believed without proof",
            remedy="shorten it: an expired certificate could claim to have signed in time",
        )


def _tests(settings: Settings) -> Iterator[Finding]:
    if settings.testing.crash_at:
        yield Finding(
            weight=Weight.WARNING,
            key="testing.crash_at",
            text=f"the trunk will kill itself at {settings.testing.crash_at}",
            remedy="remove it: it is for tests",
        )
    if settings.log.level == "debug":
        yield Finding(weight=Weight.NOTE, key="log.level", text="debug fills disks", remedy="use info")


def _ledger(world: World, trust: Trusted) -> Iterator[Finding]:
    """What the directory says; a ledger that cannot be opened is a finding, not the end of the check."""
    try:
        with world.desk() as desk:
            agencies = desk.tracking.agencies()
    except TrunkError as error:
        remedy = "try again" if error.temporary else "trunk admin upgrade (or trunk serve, for an empty database)"
        yield Finding(weight=Weight.ERROR, key="database", text=str(error), remedy=remedy)
        return
    if not agencies:
        yield Finding(
            weight=Weight.WARNING, key="directory", text="no agency yet", remedy="trunk admin agency load agencies.toml"
        )
    from trunk.cli.config_trust import mandates  # noqa: PLC0415  heavy

    known = _known(world.settings)
    yield from config_uplink.of_agencies(world.settings, agencies)
    yield from config_push.of_agencies(world.settings, agencies)
    for agency in agencies:
        yield from _agency(agency, known)
        yield from mandates(agency, known.named(agency.signature_policy), trust)


def _known(settings: Settings) -> Policies:
    try:
        return policies(settings.signatures.policies)
    except ConfigurationError:
        return Policies()  # said already


def _agency(agency: Agency, known: Policies) -> Iterator[Finding]:
    name, policy = agency.signature_policy, known.named(agency.signature_policy)
    laxer = "; ".join(policy.relaxations)
    if policy.name != name:
        laxer = f'no policy has the name "{name}"; the strictest holds'
    if laxer:
        yield Finding(
            weight=Weight.WARNING,
            key="directory",
            text=f"{agency.code} ({name}): {laxer}",
            remedy='signature_policy = "required" (trunk admin agency load)',
        )
    elif agency.active and not agency.mandates:
        yield Finding(
            weight=Weight.NOTE,
            key="directory",
            text=f"{agency.code}: nobody may sign for it, so it cannot send documents",
            remedy=f"trunk admin certificate add {agency.code} FILE.pem",
        )
