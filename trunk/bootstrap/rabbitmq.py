"""RabbitMQ from the settings: how it is spoken to, and the administrators' door to it."""

from __future__ import annotations

import random
import ssl
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from queues.rabbitmq import Administrator, Estate, Tuning, verifying
from trunk.domain.agency import Agency, DeliveryMode
from trunk.errors import ConfigurationError
from trunk.settings import BROKER_USER, Settings


def tuning(settings: Settings) -> Tuning:
    """Raises ``ConfigurationError`` for certificates that cannot be used."""
    told = settings.broker
    return Tuning(
        window=told.window,
        confirm_timeout_seconds=told.confirm_timeout_seconds,
        delivery_limit=told.delivery_limit,
        queue_limit=told.queue_limit,
        queue_octets=told.queue_octets,
        tls=_tls(settings),
        chance=random.random,
    )


def administrator(settings: Settings, agencies: Sequence[Agency]) -> Administrator:
    """The tool, for these agencies. Raises ``ConfigurationError``, ``EstateError``."""
    if settings.embedded:
        raise ConfigurationError("broker.url: the embedded broker needs nothing; name RabbitMQ (amqp:// or amqps://)")
    if not settings.management_url:
        raise ConfigurationError("broker.management_url_file: not set; it holds https://administrator:password@host")
    address = settings.broker_address
    user = unquote(urlsplit(address).username or "") or BROKER_USER
    file = settings.broker.password_file
    consumers = [agency.code for agency in agencies if agency.mode is DeliveryMode.AMQP and agency.active]
    return Administrator(
        Estate(
            address=address,
            management_url=settings.management_url,
            tuning=tuning(settings),
            agencies=tuple(agency.code for agency in agencies if not agency.beyond),
            consumers=tuple(consumers),
            password_files={user: settings.path(file)} if file else {},
        )
    )


def _tls(settings: Settings) -> ssl.SSLContext | None:
    told = settings.broker

    def path(file: Path | None) -> Path | None:
        return settings.path(file) if file else None

    if not (told.ca_file or told.certificate_file):
        return None
    try:
        return verifying(path(told.ca_file), certificate_file=path(told.certificate_file), key_file=path(told.key_file))
    except OSError as error:
        keys = "broker.ca_file, certificate_file, key_file"
        raise ConfigurationError(f"{keys}: not usable: {error.strerror or error}") from error
