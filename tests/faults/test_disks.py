"""Disks that are full, fail, or lie in wait: no 2xx that was not synced, nothing lost, and it goes on by itself."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.agency_system import AgencySystem
from scripts.province import FIRST, SENDER, Province, make_province
from scripts.trunk_process import TrunkProcess
from tests.faults.traced import Call, calls, require_strace, small_disk, traced

LARGE = b"%PDF-1.7\n" + bytes(range(256)) * 2_000  # above the spool limit once it is base64
SETTINGS = """
[examination]
processes = 1
"""
READING, SENDING = "recvfrom,recvmsg,read", "sendto,sendmsg,write"
FAILING = ("fdatasync:EIO", "fsync:EIO", "pwrite64:ENOSPC", "fdatasync:ENOSPC")


@pytest.fixture
def province(tmp_path: Path) -> Province:
    return make_province(tmp_path / "province", settings=SETTINGS)


def agencies(province: Province, trunk: TrunkProcess) -> tuple[AgencySystem, AgencySystem]:
    sender, first = (AgencySystem(base_url=trunk.url(), key=province.keys[code]) for code in (SENDER, FIRST))
    return sender, first


def submitted(system: AgencySystem, octets: bytes) -> int:
    """The status; 0 where there was no answer."""
    try:
        return system.submit(octets).status
    except OSError:
        return 0


def holds_exactly(first: AgencySystem, letters: list[bytes]) -> None:
    mail = list(first.mail(kind="document"))
    assert sorted(first.fetch(item["delivery_id"]).octets for item in mail) == sorted(letters)


def until_accepted(sender: AgencySystem, octets: bytes) -> None:
    """As an agency's system does: again and again with the same octets."""
    deadline = time.monotonic() + 60
    while (status := submitted(sender, octets)) != 201:
        assert status in (0, 500, 503), status
        assert time.monotonic() < deadline
        time.sleep(0.3)


@pytest.mark.parametrize("content", [b"%PDF-1.7\nsmall\n", LARGE], ids=["small", "large"])
def test_everything_is_synced_before_the_answer_leaves(
    province: Province, tmp_path: Path, content: bytes, pytestconfig: pytest.Config
) -> None:
    """What a power cut would take: nothing of what was answered. The order of the system calls shows it."""
    require_strace(pytestconfig)
    octets = province.signed("1", recipients=(FIRST,), content=content)
    with TrunkProcess(province.config) as trunk:
        sender, _ = agencies(province, trunk)
        until_accepted(sender, province.signed("0", recipients=(FIRST,)))  # everything is warm
        with traced(trunk, tmp_path, "-e", f"trace=fsync,fdatasync,pwrite64,rename,{READING},{SENDING}") as output:
            assert sender.submit(octets).status == 201
        assert trunk.stop() == 0
    made = [one for one in calls(output) if one.succeeded]
    asked = next(n for n, one in enumerate(made) if one.name in READING and "POST /api/v1/envelopes" in one.said)
    answered = next(n for n, one in enumerate(made) if one.name in SENDING and "HTTP/1.1 201" in one.said)
    between = made[asked:answered]
    if content is LARGE:
        between = _behind_file_and_folders(between, province)
    written = next(n for n, one in enumerate(between) if _is_of(one, "ledger.db-wal", "pwrite64"))
    assert any(_is_of(one, "ledger.db-wal", "fdatasync") for one in between[written + 1 :]), "the ledger"


def _is_of(call: Call, file: str, *names: str) -> bool:
    return call.name in names and file in call.said


def _behind_file_and_folders(made: list[Call], province: Province) -> list[Call]:
    """File, rename, folder, then those above; what was done after all that, and before the answer."""
    objects = str(province.settings().data_folder / "objects")
    renamed = next(n for n, one in enumerate(made) if one.name == "rename" and objects in one.said)
    assert any(_is_of(one, "/spool/", "fsync") for one in made[:renamed]), "the file"
    folders = [n for n, one in enumerate(made) if n > renamed and _is_of(one, objects, "fsync")]
    assert len(folders) == 3, "its folders"
    return made[folders[-1] :]


@pytest.mark.parametrize("failing", [FAILING[0], *(pytest.param(one, marks=pytest.mark.full) for one in FAILING[1:])])
def test_a_disk_that_fails_gets_no_acceptance_and_loses_nothing(
    province: Province, tmp_path: Path, failing: str, pytestconfig: pytest.Config
) -> None:
    require_strace(pytestconfig)
    letters = [province.signed(str(n), recipients=(FIRST,), content=LARGE if n == 2 else b"%PDF") for n in range(4)]
    call, _, error = failing.partition(":")
    with TrunkProcess(province.config) as trunk:
        sender, _ = agencies(province, trunk)
        until_accepted(sender, letters[0])
        with traced(trunk, tmp_path, "-e", f"trace={call}", "-e", f"inject={call}:error={error}"):
            told = {n: submitted(sender, letters[n]) for n in (1, 2)}
        assert told[2] == 503, told
        assert told[1] == (201 if call == "fsync" else 503), "only large files are synced by that name"
        if trunk.running:
            trunk.kill()  # what the kernel did not sync it may have dropped: nothing that it holds counts
    accepted = [letters[n] for n, status in told.items() if status == 201]
    with TrunkProcess(province.config) as trunk:
        sender, first = agencies(province, trunk)
        mail = [first.fetch(item["delivery_id"]).octets for item in first.mail(kind="document")]
        assert set(mail) >= {letters[0], *accepted}
        for octets in letters:
            until_accepted(sender, octets)
        holds_exactly(first, letters)
        assert trunk.stop() == 0


@pytest.fixture
def small(tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[Path]:
    with small_disk(tmp_path / "small", 8, pytestconfig) as disk:
        yield disk


def test_a_full_disk_refuses_what_is_new_keeps_what_it_has_and_goes_on(small: Path) -> None:
    floor = "[http]\nport = 0\nfree_disk_mib = 0\n"  # the gate before the first octet has tests of its own
    province = make_province(small / "province", settings=SETTINGS)
    text = province.config.read_text(encoding="utf-8")
    province.config.write_text(text.replace("[http]\nport = 0\n", floor), encoding="utf-8")
    letters = [province.signed(str(n), recipients=(FIRST,), content=LARGE if n % 2 else b"%PDF") for n in range(4)]
    with TrunkProcess(province.config) as trunk:
        sender, first = agencies(province, trunk)
        for octets in letters[:2]:
            until_accepted(sender, octets)
        filler = small / "filler"
        _fill(filler)
        told = [submitted(sender, octets) for octets in letters[2:]]
        assert set(told) <= {500, 503}, told
        (small_letter, large_letter) = letters[:2]
        assert {first.fetch(i["delivery_id"]).status for i in first.mail(kind="document")} <= {200, 503}
        filler.unlink()
        for octets in letters[2:]:
            until_accepted(sender, octets)
        holds_exactly(first, [small_letter, large_letter, *letters[2:]])
        assert trunk.stop() == 0


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filler:
        try:
            while filler.write(os.urandom(4096)):
                pass
        except OSError:
            return
