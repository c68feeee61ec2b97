"""Orphans go, mail stays."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from pathlib import Path

from scripts.province import make_province
from tests.trunk_room import FIRST, SENDER, caller, open_room
from trunk.application.handover import Content
from trunk.application.submission import Submission
from trunk.application.tidy import Tidy
from trunk.domain.outcome import Accepted
from trunk.http import spool
from trunk.storage.payloads import PayloadStore


def test_orphans_are_removed_and_mail_is_kept(tmp_path: Path) -> None:
    province = make_province(tmp_path / "province")
    folder = province.settings().data_folder
    with open_room(province) as room:
        octets = room.province.signed("1", recipients=(FIRST,), content=b"%PDF" * 200_000)
        spooled = folder / "spool" / f"letter{spool.SUFFIX}"
        spooled.write_bytes(octets)
        digest = hashlib.sha256(octets).hexdigest()
        submission = Submission(caller=caller(SENDER), octets=spooled, size=len(octets), sha256=digest)
        assert isinstance(room.service.intake.submit(submission), Accepted)
        payloads = PayloadStore(folder / "objects")
        orphan = b"nobody's" * 100_000
        stray = folder / "spool" / f"stray{spool.SUFFIX}"
        stray.write_bytes(orphan)
        payloads.place(stray, hashlib.sha256(orphan).hexdigest(), len(orphan))
        stray.write_bytes(b"half a body")
        os.utime(stray, (0, 0))
        tidy = Tidy(
            ledger=room.service.ledger,
            payloads=payloads,
            spool=lambda before: spool.sweep(folder / "spool", older_than=before.timestamp()),
            now=room.clock,
        )
        assert tidy.run_once() == 1, "only what is old"
        room.clock.pass_by(timedelta(days=2))
        assert tidy.run_once() == 1
        assert payloads.open(hashlib.sha256(orphan).hexdigest()) is None
        (item,) = room.inbox(FIRST)
        content = room.service.handover.fetch(caller(FIRST), item.delivery.id)
        assert isinstance(content, Content)
        assert isinstance(content.octets, Path)
        assert content.octets.read_bytes() == octets
