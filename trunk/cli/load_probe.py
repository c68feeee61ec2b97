"""What ``trunk load`` finds out before it makes a thousand documents: does the trunk answer, and would it take one?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from envelopes.writer import UnwritableError
from signing.signer import SigningFailedError
from trunk.cli.exits import EndingError, NotFoundError, RefusedError, UnavailableError, WrongUsageError
from trunk.cli.output import clean
from trunk.cli.words import Language
from trunk.cli.world import World
from trunk.domain.rejection import Code
from trunk.load.client import Client
from trunk.load.documents import Scribe, UnsignableError
from trunk.load.probe import Flaw, Obstacle, ObstacleError, probe, probe_inbox
from trunk.load.wire import Address

_SECONDS: Final = 15.0
_SHOWN: Final = 120


def look_first(
    world: World, address: Address, scribe: Scribe, *, own: str, recipients: Sequence[str], keys: Mapping[str, str]
) -> None:
    """One rehearsal to all recipients, and a look into each inbox that will be read. Raises ``EndingError``."""
    try:
        document = scribe.probe(recipients)
    except UnwritableError as error:
        found = ", ".join(f"{fault.code} {fault.path} {fault.got}" for fault in error.faults)
        raise WrongUsageError(f"no document can be written so: {found}", remedy="look at --sender and --to") from error
    except (SigningFailedError, UnsignableError) as error:
        raise RefusedError(str(error), remedy="is the certificate valid now, and usable with this key?") from error
    inboxes = {scribe.sender: own, **keys} if keys else {}
    try:
        asyncio.run(_look(address, document, own, inboxes))
    except ObstacleError as error:
        raise _ending(error, address, world.language) from error


async def _look(address: Address, document: bytes, own: str, inboxes: Mapping[str, str]) -> None:
    client = Client(address, own, _SECONDS)
    try:
        await probe(client, document)
    finally:
        client.close()
    for agency, key in inboxes.items():
        reader = Client(address, key, _SECONDS)
        try:
            await probe_inbox(reader, agency)
        finally:
            reader.close()


def _ending(error: ObstacleError, address: Address, language: Language) -> EndingError:
    say, about = language.say, clean(error.about, limit=_SHOWN)
    match error.obstacle:
        case Obstacle.NO_ANSWER if about.startswith("SSL"):
            return RefusedError(
                say(
                    f"không bắt tay TLS được với {address.netloc} ({about})", f"no TLS with {address.netloc} ({about})"
                ),
                remedy=say(
                    "chứng thư riêng? đặt SSL_CERT_FILE=FILE; URL có đúng là https không?",
                    "an authority of your own? SSL_CERT_FILE=FILE; and is it https?",
                ),
            )
        case Obstacle.NO_ANSWER:
            return UnavailableError(
                say(f"{address.netloc} không trả lời ({about})", f"nothing answers at {address.netloc} ({about})"),
                remedy=say("kiểm tra URL; trục có đang chạy không?", "is the URL right, and does the trunk run?"),
            )
        case Obstacle.NO_TRUNK:
            return UnavailableError(
                say(f"{address.netloc} không phải là trục ({about})", f"no trunk at {address.netloc} ({about})"),
                remedy=say("URL là phần đứng trước /api/v1", "the URL is what stands before /api/v1"),
            )
        case Obstacle.KEY_REFUSED:
            whose = f"--recipient-key {about}" if about else "--api-key-file"
            return RefusedError(
                say(f"trục không nhận khóa API của {whose}", f"the trunk refuses the API key of {whose}"),
                remedy=say("cấp khóa mới: trunk admin key issue", "issue a new one: trunk admin key issue"),
            )
        case Obstacle.NOT_ITS_AGENCY:
            return RefusedError(
                say(f"khóa này không đọc được hộp thư của {about}", f"its key does not read the inbox of {about}"),
                remedy=say("dùng khóa của hệ thống đó", "give the key of the system that speaks for it"),
            )
        case Obstacle.COME_AGAIN:
            return UnavailableError(_told(error, language), remedy=_remedy(error.flaws, language))
        case Obstacle.DOCUMENT_REFUSED:
            unknown = any(flaw.code == Code.ADDRESSEE_UNKNOWN for flaw in error.flaws)
            kind = NotFoundError if unknown else RefusedError
            return kind(_told(error, language), remedy=_remedy(error.flaws, language))


def _told(error: ObstacleError, language: Language) -> str:
    flaws = [clean(f"{one.code} {one.title.get(language, '')}: {one.got}", limit=_SHOWN) for one in error.flaws]
    told = "; ".join(flaws) or clean(error.about)
    return language.say(f"trục sẽ không nhận văn bản như vậy: {told}", f"the trunk would not take the document: {told}")


def _remedy(flaws: Sequence[Flaw], language: Language) -> str:
    return clean(flaws[0].remedy.get(language, ""), limit=200) if flaws else ""
