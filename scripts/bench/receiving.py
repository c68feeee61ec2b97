"""Recipients that do not pull: an endpoint that is posted to, consumers of their own queues. As the soak plays them."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from scripts.bench.agencies import CONSUMING, PULLING, PUSHED, push_port
from scripts.bench.carrying import Recipients, pulling
from scripts.bench.stand import Stand
from scripts.soak.amqp import Consumer, Take
from scripts.soak.endpoint import Desk, Endpoint
from scripts.soak.words import Speaker
from trunk.load.client import Client
from trunk.load.mailbox import insist

_NOTICES_AT_ONCE: Final = 20


class Nobody:
    """Remembers nothing of what came."""

    def stored(self, agency: str, delivery_id: str, envelope_id: str, sha256: str) -> None: ...

    def took_word(self, agency: str, delivery_id: str) -> None: ...


@asynccontextmanager
async def pushed(_stand: Stand, clients: Mapping[str, Client]) -> AsyncIterator[None]:
    """One endpoint for all of them: it digests what comes and answers so."""
    endpoint = Endpoint({f"/{code}": Desk(code, Nobody(), random.Random()) for code in clients})  # noqa: S311  no mood
    await endpoint.open(push_port())
    try:
        yield
    finally:
        endpoint.close()


@asynccontextmanager
async def consuming(stand: Stand, clients: Mapping[str, Client]) -> AsyncIterator[None]:
    """Each at its own queue: takes notices, fetches over HTTP, confirms what has come meanwhile in one request."""
    url = stand.province.settings().broker_url
    consumers = [Consumer(url, code, _taking(one), at_once=_NOTICES_AT_ONCE) for code, one in clients.items()]
    try:
        yield
    finally:
        for consumer in consumers:
            consumer.close()
        await asyncio.gather(*(asyncio.to_thread(consumer.join) for consumer in consumers))


def _taking(client: Client) -> Take:
    speaker = Speaker(client)

    async def take(delivery_id: str, _envelope_id: str) -> bool:
        reply = insist(await client.get(f"/api/v1/deliveries/{delivery_id}/envelope"))
        digest = hashlib.sha256(reply.octets).hexdigest()
        if reply.header("ETag") != f'"{digest}"':
            raise SystemExit("the octets are not those that were sent")
        return await speaker.say(delivery_id, {"outcome": "taken", "sha256": digest})

    return take


MODES: Final = (
    Recipients(mode="pull", codes=PULLING, receive=pulling),
    Recipients(mode="push", codes=PUSHED, receive=pushed),
    Recipients(mode="amqp", codes=CONSUMING, receive=consuming),
)
