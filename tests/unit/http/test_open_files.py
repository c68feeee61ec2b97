"""Connections and the files they may hold: as many as the process may open, and none for who does not read."""

from __future__ import annotations

import resource
import select
import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import structlog

from tests.unit.http.fakes import House
from tests.unit.http.serving import Client, serving
from trunk.http import open_files, runner
from trunk.http.app import make_app
from trunk.http.open_files import connections_within, most_of_one, raise_limit
from trunk.settings import Http

GET = b"GET /api/v1/deliveries/D1/envelope HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer edoc_r_1\r\n\r\n"


def test_all_files_that_may_be_opened_are_asked_for_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    held = [(1024, 65536)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: held[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: held.append(limits))
    with structlog.testing.capture_logs() as told:
        raise_limit()
        raise_limit()
    assert held[1:] == [(65536, 65536)]
    assert [(line["event"], line["files"], line["connections"]) for line in told] == [
        ("open_files", 65536, connections_within(65536))
    ] * 2


def test_a_system_that_allows_no_more_is_told_and_served(monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", no)
    with structlog.testing.capture_logs() as told:
        raise_limit()
    assert [(line["log_level"], line["files"]) for line in told] == [("warning", 1024)]


def test_each_connection_may_open_a_file_and_the_trunks_own_stay_free() -> None:
    for files in (1024, 4096, 65536):
        assert open_files.RESERVE + 2 * connections_within(files) <= files
    assert connections_within(64) > 0
    assert most_of_one(1000, connections_within(65536)) == 1000
    assert most_of_one(1000, connections_within(1024)) < connections_within(1024), "others find room"


def _room(client: Client) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            assert client.get("/healthz").status == 200
        except OSError:
            assert time.monotonic() < deadline, "nobody was let in again"
        else:
            return


def test_all_addresses_together_hold_so_many_connections(
    tmp_path: Path, quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "connections_within", lambda _: 4)
    monkeypatch.setattr(runner, "most_of_one", lambda asked, _: asked)
    with serving(make_app(House(tmp_path).doors())) as client, ExitStack() as held:
        for number in range(4):
            one = held.enter_context(socket.socket())
            one.bind((f"127.0.0.{number + 2}", 0))
            one.connect(("127.0.0.1", client.port))
        with socket.create_connection(("127.0.0.1", client.port), timeout=20) as more:
            assert more.recv(1) == b""
        held.close()
        _room(client)


def _is_cut(connection: socket.socket, *, seconds: float) -> bool:
    """Without reading anything."""
    poll = select.poll()
    poll.register(connection, 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(seconds * 1000))


@pytest.mark.parametrize("requests", [1, 5_000])
def test_who_asks_and_does_not_read_is_cut_off(tmp_path: Path, quiet: None, requests: int) -> None:
    house = House(tmp_path, settings=Http(body_timeout_seconds=0.5))
    house.handover.content = bytes(16 << 20) if requests == 1 else bytes(10_000)
    with serving(make_app(house.doors())) as client, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", client.port))
        connection.settimeout(0.5)
        with suppress(TimeoutError):  # it may take no more of them, which is right too
            connection.sendall(GET * requests)
        assert _is_cut(connection, seconds=15)


def test_who_reads_slowly_and_steadily_gets_all_of_it(tmp_path: Path, quiet: None) -> None:
    house = House(tmp_path, settings=Http(body_timeout_seconds=0.6))
    house.handover.content = bytes(12 << 20)
    with serving(make_app(house.doors())) as client, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
        connection.connect(("127.0.0.1", client.port))
        connection.settimeout(10)
        connection.sendall(GET.replace(b"Host", b"Connection: close\r\nHost"))
        read, last = 0, 0.0
        while octets := connection.recv(1 << 20):
            read += len(octets)
            if read - last > 2 << 20:
                last = read
                time.sleep(0.3)
        assert read > 12 << 20
