"""The wire: addresses, whole answers of every framing, and connections that are gone."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from scripts.private_tls import TlsFiles, make_tls_files
from tests.unit.load.slow_server import SlowServer
from trunk.load.client import Client, Lane
from trunk.load.wire import Address, GoneError


def test_an_address_is_read_from_a_url() -> None:
    found = Address.of("http://127.0.0.1:8080/")
    assert (found.host, found.port, found.netloc, found.prefix, found.tls) == (
        "127.0.0.1", 8080, "127.0.0.1:8080", "", None,
    )  # fmt: skip
    secure = Address.of("https://truc.example.vn/lien-thong/")
    assert (secure.port, secure.prefix, secure.netloc) == (443, "/lien-thong", "truc.example.vn")
    assert secure.tls is not None


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8080", "ftp://x", "http://", "http://x?a=b", "http://an:pw@x", "http://x:port"]
)
def test_what_is_no_url_of_a_trunk_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|[Pp]ort"):
        Address.of(url)


async def _get(server: SlowServer, times: int = 1) -> list[tuple[int, bytes]]:
    async with server.running():
        client = Client(server.address, "k")
        found = []
        for _ in range(times):
            reply = await client.get("/x")
            found.append((reply.status, reply.octets))
        client.close()
    return found


def test_connections_are_kept_and_keys_are_shown() -> None:
    server = SlowServer()
    assert asyncio.run(_get(server, times=3)) == [(201, b"{}")] * 3
    assert server.connections == 1
    assert b"GET /x HTTP/1.1\r\n" in server.heads[0]
    assert b"Authorization: Bearer k\r\n" in server.heads[0]


@pytest.fixture
def secure(tmp_path: Path) -> tuple[SlowServer, TlsFiles]:
    files = make_tls_files(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server, files.server_key)
    return SlowServer(tls=context), files


def test_tls_with_an_authority_that_the_environment_names(
    secure: tuple[SlowServer, TlsFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, files = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))
    assert asyncio.run(_get(server)) == [(201, b"{}")]


def test_tls_with_an_authority_that_nobody_knows_is_refused(secure: tuple[SlowServer, TlsFiles]) -> None:
    server, _ = secure
    with pytest.raises(GoneError, match="SSLCertVerificationError"):
        asyncio.run(_get(server))
    assert server.heads == []  # the key was not shown


def test_an_answer_in_chunks_is_put_together() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    assert asyncio.run(_get(SlowServer(answer=lambda _: chunked), times=2)) == [(200, b"abcde")] * 2


def test_a_connection_that_will_be_closed_is_not_used_again() -> None:
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    server = SlowServer(answer=lambda _: closing)
    asyncio.run(_get(server, times=2))
    assert server.connections == 2


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"])
def test_an_answer_that_is_none_is_no_answer(answer: bytes) -> None:
    async def run() -> None:
        async with SlowServer(answer=lambda _: answer).running() as server:
            lane = Lane(server.address, seconds=0.2)
            try:
                await lane.ask([b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"])
            finally:
                lane.close()

    with pytest.raises(GoneError):
        asyncio.run(run())


def test_a_connection_that_was_closed_while_idle_is_opened_again() -> None:
    async def run() -> int:
        server = SlowServer()
        async with server.running():
            lane = Lane(server.address)
            request = [b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"]
            await lane.ask(request)
            lane._stream[0].feed_eof()
            status = (await lane.ask(request)).status
            lane.close()
            return status

    assert asyncio.run(run()) == 201


def test_a_large_body_arrives_whole() -> None:
    pieces = [bytes([number]) * 2**18 for number in range(8)]

    async def run(server: SlowServer) -> None:
        async with server.running():
            lane = Lane(server.address)
            head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (8 * 2**18)
            await lane.ask([head, *pieces])
            lane.close()

    server = SlowServer()
    asyncio.run(run(server))
    assert server.bodies == [b"".join(pieces)]
