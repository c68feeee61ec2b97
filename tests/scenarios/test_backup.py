"""Everything is deleted but the backup; afterwards every promise holds. On both databases."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from scripts.province import FIRST, SECOND, SENDER, Province, make_province
from tests.trunk_room import Room, caller, open_room
from trunk.application import copies
from trunk.application.copies import BackupError, Manifest
from trunk.application.handover import Content, Failed
from trunk.application.replay import Replay
from trunk.application.replay_jobs import ReplayJobs, ReplayWish
from trunk.application.submission import Submission
from trunk.bootstrap import open_administration
from trunk.bootstrap.copies import Restored, restore
from trunk.cli.main import trunk
from trunk.domain.control import Role
from trunk.domain.delivery import EnvelopeId
from trunk.domain.outcome import Accepted, Rejected
from trunk.domain.rejection import Code
from trunk.domain.replaying import JobProgress, JobState
from trunk.errors import ConfigurationError
from trunk.settings import load
from trunk.storage.leases import HOUSEKEEPING

LARGE = b"%PDF" * 200_000


def _passed(_what: str, _done: int, _total: int) -> None:
    """Nobody looks."""


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def province(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Province:
    url = "" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    return make_province(tmp_path / "province", database_url=url)


def _take(province: Province, folder: Path, *, with_keys: bool = False) -> Manifest:
    with open_administration(province.settings(), by="an") as room:
        return room.copies.take(folder, with_keys=with_keys, passed=_passed)


def _lost(province: Province, kind: str, request: pytest.FixtureRequest) -> Province:
    """The same trunk with nothing but its settings and keys."""
    data = province.settings().data_folder
    for name in ("objects", "spool"):
        shutil.rmtree(data / name, ignore_errors=True)
    if kind == "sqlite":
        for file in data.glob("ledger.db*"):
            file.unlink()
        return province
    other = request.getfixturevalue("postgres_server").new_database()
    text = province.config.read_text(encoding="utf-8")
    old = province.settings().database_url
    config = province.config.with_name("restored.toml")
    config.write_text(text.replace(old, other), encoding="utf-8")
    return dataclasses.replace(province, config=config)


def _restored(province: Province, folder: Path, against: Path | None = None) -> Restored:
    return restore(province.settings(), folder, by="an", against=against, passed=_passed)


def test_every_promise_holds_after_a_restore(
    province: Province, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    with open_room(province) as room:
        large = province.signed("large", recipients=(FIRST,), content=LARGE)
        room.accepted(large)
        room.service.dispatch.run_once()
        room.accepted(province.signed("queued", recipients=(FIRST, SECOND)))
        room.accepted(province.signed("deferred", recipients=(SECOND,)))
        failed = room.inbox(SECOND)[-1].delivery.id
        room.service.handover.confirm(caller(SECOND), failed, Failed("disk full"))
        ids = {item.delivery.id for item in room.inbox(FIRST)}
        again = threading.Thread(target=_load, args=(room,))
        again.start()
        manifest = _take(province, backup)
        again.join()
        later = room.service.handover.inbox(caller(FIRST))
        assert not isinstance(later, Rejected)
        heads = tmp_path / "heads.json"
        with open_administration(province.settings()) as admin:
            heads.write_bytes(admin.journal.heads())
    assert manifest.database == kind
    assert not any(name.startswith("keys/") for name in manifest.files)
    empty = _lost(province, kind, request)
    done = _restored(empty, backup, heads)
    assert {fault.what for fault in done.older} == {"rolled_back"}, "said loudly"
    with open_room(empty) as room:
        assert ids <= {item.delivery.id for item in room.inbox(FIRST)}, "the same delivery ids"
        page = room.service.handover.inbox(caller(FIRST), after=later.next)
        assert not isinstance(page, Rejected)
        assert ids <= {item.delivery.id for item in page.items}, "also for readers who were further on"
        room.service.dispatch.run_once()
        assert large in room.take(FIRST)
        room.clock.pass_by(timedelta(hours=1))
        room.service.sweep.run_once()
        assert failed in {item.delivery.id for item in room.inbox(SECOND)}
        room.accepted(province.signed("after", recipients=(FIRST,)))
        assert "delivered" in room.facts(SENDER)
    with open_administration(empty.settings()) as admin:
        assert not admin.journal.check(passed=lambda _: None).faults
        lines = admin.journal.lines(since=None, actor="an", envelope_id="", limit=10)
        assert [line.reason for line in lines if line.event == "admin_restored"] == [
            f"from {manifest.id} of {manifest.taken_at}"
        ]
    with pytest.raises(BackupError, match="empty trunk only"):
        _restored(empty, backup)


def test_what_may_have_left_before_a_restore_is_asked_for_and_not_sealed_as_recalled(
    province: Province, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with open_room(province) as room:
        waits = room.accepted(province.signed("11", recipients=(FIRST,))).accepted.envelope.id
        room.service.dispatch.run_once()
        room.clock.pass_by(timedelta(days=30))
        room.service.sweep.run_once()
        room.clock.pass_by(-timedelta(days=30))
        expired, waits = waits, room.accepted(province.signed("12", recipients=(FIRST,))).accepted.envelope.id
        room.service.dispatch.run_once()
        _take(province, tmp_path / "backup")
        assert room.take(FIRST), "after the backup, which does not know of it"
    empty = _lost(province, kind, request)
    _restored(empty, tmp_path / "backup")
    with open_room(empty) as room:
        later = room.accepted(province.signed("13", recipients=(FIRST,))).accepted.envelope.id
        _recall(room, "11", "12", "13")
        assert _ways(room, expired, waits, later) == [
            ("expired", None, ["open"]),
            ("queued", None, ["open"]),
            ("recalled", None, ["held_back"]),
        ], "asked for, and nobody says that it was fetched"
        assert room.facts(SENDER).count("recalled") == 1
        assert len(room.take(FIRST)) > 1
        agreed = province.status("12", "15", reporter=FIRST, description="đồng ý")
        room.accepted(agreed, by=FIRST)
        assert [(state, asked) for state, _, asked in _ways(room, waits)] == [("recalled", ["agreed"])]


def _recall(room: Room, *numbers: str) -> None:
    for number in numbers:
        recall = room.province.status(number, "13", reporter=SENDER, sender=SENDER, description="nhầm")
        room.accepted(recall, by=SENDER)


def _ways(room: Room, *envelopes: EnvelopeId) -> list[tuple[str, datetime | None, list[str]]]:
    """State, time of the first fetch, and what was asked, of the only recipient of each."""
    found = [room.service.tracking.track(one) for one in envelopes]
    parts = [part for track in found if track is not None for part in track.deliveries]
    return [(part.delivery.state, part.fetched_at, [one.state for one in part.requests]) for part in parts]


@pytest.mark.parametrize("ends", [False, True])
def test_a_restore_restarts_no_replay_and_tells_what_is_valid_again(
    province: Province, kind: str, request: pytest.FixtureRequest, tmp_path: Path, *, ends: bool
) -> None:
    with open_room(province) as room, open_administration(province.settings(), by="an") as admin:
        way = room.accepted(province.signed("21", recipients=(FIRST,))).accepted.deliveries[0].id
        room.service.dispatch.run_once()
        key = admin.operators.add("binh", Role.ADMINISTRATOR).key
        jobs = _jobs(room)
        job = jobs.order(key, ReplayWish(deliveries=[way], reason="mất mạng", per_second=1))
        assert isinstance(job, JobProgress)
        manifest = _take(province, tmp_path / "backup")
        assert isinstance(jobs.stop(key, job.job.id, "nhầm"), JobProgress)
        assert admin.operators.revoke("binh")
    empty = _lost(province, kind, request)
    wish = ["admin", "restore", str(tmp_path / "backup"), "--into", str(empty.config), "--json"]
    done = CliRunner().invoke(trunk, [*wish, *(["--end-operator-keys"] if ends else [])], env={"LANG": "en_US.UTF-8"})
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["replays_stopped"], told["operator_keys_ended"]) == (1, int(ends))
    assert told["valid_again_since"] == manifest.taken_at
    looks = ["trunk admin key list", "trunk admin operator list", "trunk admin vxp-secrets list"]
    assert set(looks) < set(told["look_at"])
    assert "valid again" in done.stderr
    assert all(command in done.stderr for command in looks)
    with open_room(empty) as room, open_administration(empty.settings(), by="an") as admin:
        assert _jobs(room).running() == []
        ended = _jobs(room).progress(job.job.id)
        assert isinstance(ended, JobProgress)
        assert (ended.job.state, "restored" in ended.job.ended_because) == (JobState.STOPPED, True)
        assert [one.revoked_at is not None for one in admin.operators.every()] == [ends]
        lines = admin.journal.lines(since=None, actor="", envelope_id="", limit=100)
        assert [line.reason for line in lines if line.event == "admin_replay_stopped"] == [
            f"{job.job.id} {ended.job.ended_because}"
        ]
        assert [line.reason for line in lines if line.event == "admin_operator_revoked"] == [f"binh {key.id}"] * ends


def _jobs(room: Room) -> ReplayJobs:
    ledger = room.service.ledger
    replay = Replay(ledger=ledger, now=room.clock, lifetime=timedelta(days=7))
    return ReplayJobs(ledger=ledger, replay=replay, now=room.clock, new_id=lambda: "job-1")


@pytest.mark.parametrize("beside", ["-wal", "-shm", "-journal"])
def test_what_an_old_ledger_left_beside_itself_is_refused(tmp_path: Path, beside: str) -> None:
    province = make_province(tmp_path / "province")
    _take(province, tmp_path / "backup")
    ledger = province.settings().data_folder / "ledger.db"
    for file in ledger.parent.glob("ledger.db*"):
        file.unlink()
    left = ledger.with_name(ledger.name + beside)
    left.write_bytes(b"of the ledger that was here")
    with pytest.raises(BackupError, match=r"empty trunk only.*ledger\.db, ledger\.db-wal and ledger\.db-shm together"):
        _restored(province, tmp_path / "backup")
    assert [file.name for file in ledger.parent.glob("ledger.db*")] == [left.name], "nothing was touched"


def test_what_an_interrupted_restore_left_is_not_replayed(tmp_path: Path) -> None:
    province = make_province(tmp_path / "province")
    _take(province, tmp_path / "backup")
    data = province.settings().data_folder
    with open_room(province) as room:
        room.accepted(province.signed("later", recipients=(FIRST,)))
        stale = (data / "ledger.db-wal").read_bytes()
    assert stale
    for file in data.glob("ledger.db*"):
        file.unlink()
    (data / "ledger.db.restoring-wal").write_bytes(stale)
    _restored(province, tmp_path / "backup")
    with open_room(province) as room:
        assert not room.inbox(FIRST)


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_a_backup_is_its_owners_alone_whatever_the_folder_was(province: Province, tmp_path: Path) -> None:
    with open_room(province) as room:
        octets = province.signed("large", recipients=(FIRST,), content=LARGE)
        spooled = province.settings().data_folder / "spool" / "large"
        spooled.write_bytes(octets)
        sha256 = hashlib.sha256(octets).hexdigest()
        large = Submission(caller=room.caller(SENDER), octets=spooled, size=len(octets), sha256=sha256)
        assert isinstance(room.service.intake.submit(large), Accepted)
    backup = tmp_path / "backup"
    backup.mkdir(mode=0o755)
    manifest = _take(province, backup, with_keys=True)
    assert any(name.startswith("objects/") for name in manifest.files)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (backup, *backup.rglob("*"))}
    assert {path: oct(mode) for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}


def _load(room: Room) -> None:
    for number in range(20):
        room.accepted(room.province.signed(f"load-{number}", recipients=(FIRST,)))


@pytest.mark.parametrize("how", ["altered", "missing", "no manifest"])
def test_a_backup_that_is_not_whole_is_refused(tmp_path: Path, how: str) -> None:
    province = make_province(tmp_path / "province")
    backup = tmp_path / "backup"
    _take(province, backup, with_keys=True)
    assert (backup / "keys" / "seal.key.pem").is_file()
    with pytest.raises(BackupError, match="never overwrites"):
        _take(province, backup)
    copies.verify(backup, passed=_passed)
    file = backup / ("manifest.json" if how == "no manifest" else "ledger.db")
    file.write_bytes(file.read_bytes()[:-1] + b"!") if how == "altered" else file.unlink()
    with pytest.raises(BackupError):
        copies.verify(backup, passed=_passed)


def test_heads_that_were_altered_are_not_ours(tmp_path: Path) -> None:
    province = make_province(tmp_path / "province")
    with open_administration(province.settings()) as admin:
        file = tmp_path / "heads.json"
        file.write_bytes(admin.journal.heads())
        assert not admin.journal.check(against=file, passed=lambda _: None).faults
        file.write_bytes(file.read_bytes().replace(b"trunk.", b"other."))
        with pytest.raises(ConfigurationError, match="seal"):
            admin.journal.check(against=file, passed=lambda _: None)


def test_heads_under_an_earlier_seal_are_read_by_its_certificate(tmp_path: Path) -> None:
    province = make_province(tmp_path / "province")
    settings = province.settings()
    certificate = settings.path(settings.signatures.seal_certificate_file)
    key = settings.path(settings.signatures.seal_key_file)
    file, former = tmp_path / "heads.json", tmp_path / "former.crt.pem"
    with open_administration(settings) as admin:
        file.write_bytes(admin.journal.heads())
    former.write_bytes(certificate.read_bytes())
    for file_of_seal in (certificate, key):
        other = file_of_seal.with_stem("person-p256")
        file_of_seal.write_bytes(other.read_bytes())
    with open_administration(settings) as admin:
        with pytest.raises(ConfigurationError, match="--seal"):
            admin.journal.check(against=file, passed=lambda _: None)
        assert not admin.journal.check(against=file, former=[former], passed=lambda _: None).faults


def test_octets_go_when_all_is_settled_and_not_before(kind: str, province: Province) -> None:
    text = province.config.read_text(encoding="utf-8")
    province.config.write_text(text + "\n[retention]\ndocument_days = 30\n", encoding="utf-8")
    kept = load(province.config, {})
    with open_room(province) as room:
        room.accepted(province.signed("1", recipients=(FIRST,), content=LARGE))
        room.accepted(province.signed("2", recipients=(SECOND,)))
        (item,) = room.inbox(FIRST)
        (waits,) = room.inbox(SECOND)
        room.take(FIRST)
        with open_administration(kept, by="an") as admin:
            at = room.clock.at
            early = dataclasses.replace(admin.purge, operator=dataclasses.replace(admin.purge.operator, now=lambda: at))
            assert not early.run_once()
            late = dataclasses.replace(
                early, operator=dataclasses.replace(early.operator, now=lambda: at + timedelta(days=31))
            )
            assert [one.envelope_id for one in late.candidates(9)] == [item.envelope.id]
            assert [one.envelope_id for one in late.run_once()] == [item.envelope.id]
            assert not late.run_once()
        refused = room.service.handover.fetch(caller(FIRST), item.delivery.id)
        assert isinstance(refused, Rejected)
        assert refused.flaws[0].code is Code.PURGED
        assert isinstance(room.service.handover.fetch(caller(SECOND), waits.delivery.id), Content)
        track = room.service.tracking.track(item.envelope.id)
        assert track is not None
        assert (track.timeline[-1].event, track.timeline[-1].reason) == ("octets_purged", item.envelope.sha256)
        assert not list((kept.data_folder / "objects").glob("??/??/*"))


def test_a_purge_that_slept_while_a_backup_began_deletes_nothing(province: Province) -> None:
    text = province.config.read_text(encoding="utf-8")
    province.config.write_text(text + "\n[retention]\ndocument_days = 30\n", encoding="utf-8")
    with open_room(province) as room:
        room.accepted(province.signed("1", recipients=(FIRST,)))
        room.take(FIRST)
        with open_administration(load(province.config, {}), by="an") as admin:
            start = room.clock.at + timedelta(days=31)
            moments = iter((start, start, start + timedelta(hours=1), start + timedelta(hours=1)))

            def now() -> datetime:
                at = next(moments)
                if at != start:
                    with room.service.ledger.begin() as book:
                        assert book.take_work(HOUSEKEEPING, owner="backup", now=at, until=at + timedelta(hours=12))
                return at

            sleeper = dataclasses.replace(admin.purge, operator=dataclasses.replace(admin.purge.operator, now=now))
            assert not sleeper.run_once()
            awake = dataclasses.replace(sleeper, operator=dataclasses.replace(sleeper.operator, now=lambda: start))
            assert len(awake.candidates(9)) == 1
