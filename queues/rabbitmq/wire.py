"""What goes onto the wire: the parameters of a connection, and a message as a parcel.

A message that AMQP cannot carry is refused here, before it is near a channel: there, the same mistake would close the
channel and fail all the others that are in flight.
"""

from __future__ import annotations

import logging
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pika
from pika.connection import Parameters
from pika.spec import BasicProperties

from queues import names
from queues.broker import FullError, Message, QueueError
from queues.rabbitmq import tls
from queues.rabbitmq.publisher import Parcel
from queues.rabbitmq.tuning import Tuning

_SHORT_STRING: Final = 255  # octets, AMQP's limit for ids and names of headers
_HEADER_OCTETS: Final = 64 * 1024  # all headers together have to fit one frame of 128 KiB
_PERSISTENT: Final = 2
_OVERHEAD: Final = 200  # what a message without a body takes in a buffer, about
_URGENT: Final = 9  # quorum queues of RabbitMQ 4 know two levels (0-4, 5-9), older ones none

# pika logs with traceback what it also tells us by exception, and parts of the URL with it.
logging.getLogger("pika").setLevel(logging.CRITICAL)


def parameters(url: str, tuning: Tuning) -> Parameters:
    """pika's parameters, with nothing left to defaults that wait for ever. Raises ``ValueError``."""
    if urlsplit(url).scheme not in ("amqp", "amqps"):
        raise ValueError("the broker's URL begins with amqp:// or amqps://")
    given = parse_qs(urlsplit(url).query)
    if "ssl_options" in given:
        raise ValueError("ssl_options in the broker's URL: name a ca_file instead, the broker is always verified")
    chosen = pika.URLParameters(url)
    if chosen.ssl_options is not None:
        context = tuning.tls or tls.verifying()
        chosen.ssl_options = pika.SSLOptions(context, server_hostname=chosen.host)
    ours = {
        "heartbeat": tuning.heartbeat_seconds,
        "blocked_connection_timeout": tuning.confirm_timeout_seconds,
        "connection_attempts": 1,  # the link tries again, with pauses of its own
        "socket_timeout": tuning.connect_timeout_seconds,
        "stack_timeout": tuning.connect_timeout_seconds,
        "tcp_options": {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3},
        "client_properties": {"connection_name": "edoc-trunk"},
    }
    for name, value in ours.items():
        if name not in given:
            setattr(chosen, name, value)
    return chosen


def pack(message: Message, *, most: int) -> Parcel | QueueError:
    """The message as a parcel of at most ``most`` octets, or why AMQP cannot carry it."""
    try:
        header_octets = sum(len(key.encode()) + len(value.encode()) for key, value in message.headers.items())
        longest = max(len(text.encode()) for text in (message.id, *message.headers))
    except UnicodeEncodeError:
        return FullError("the message's id or headers are no Unicode text")
    size = len(message.body) + header_octets + _OVERHEAD
    if longest > _SHORT_STRING or header_octets > _HEADER_OCTETS or size > most:
        return FullError("the message's id, headers or body are larger than the broker takes")
    properties = BasicProperties(
        message_id=message.id,
        headers=dict(message.headers),
        delivery_mode=_PERSISTENT,
        content_type="application/octet-stream",
        priority=_URGENT if message.urgent else 0,
    )
    return Parcel(routing_key=names.encode(message.queue), properties=properties, body=message.body, size=size)
