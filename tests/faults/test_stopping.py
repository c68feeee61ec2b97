"""SIGTERM in the middle of work: what was answered is kept, what was not may be sent again, and it ends in order."""

from __future__ import annotations

import threading
from pathlib import Path

from scripts.agency_system import AgencySystem
from scripts.province import FIRST, SENDER, make_province
from scripts.trunk_process import TrunkProcess

CALLERS = 4


def test_an_orderly_stop_under_load_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    province = make_province(tmp_path / "province")
    letters = [province.signed(str(n), recipients=(FIRST,)) for n in range(40)]
    answered: dict[bytes, str] = {}
    unanswered: list[bytes] = []
    enough = threading.Event()

    def submit(mine: list[bytes], system: AgencySystem) -> None:
        for octets in mine:
            try:
                answer = system.submit(octets)
            except OSError:
                unanswered.append(octets)
                continue
            if answer.status == 201:
                answered[octets] = answer.json["envelope_id"]
                if len(answered) >= CALLERS:
                    enough.set()
            else:
                assert answer.status == 503, answer.octets
                unanswered.append(octets)

    with TrunkProcess(province.config) as trunk:
        system = AgencySystem(base_url=trunk.url(), key=province.keys[SENDER])
        callers = [threading.Thread(target=submit, args=(letters[n::CALLERS], system)) for n in range(CALLERS)]
        for caller in callers:
            caller.start()
        assert enough.wait(60)
        assert trunk.stop() == 0
        for caller in callers:
            caller.join(60)
    assert len(answered) + len(unanswered) == len(letters)
    with TrunkProcess(province.config) as trunk:
        sender, first = (AgencySystem(base_url=trunk.url(), key=province.keys[code]) for code in (SENDER, FIRST))
        for octets in unanswered:
            answer = sender.submit(octets)
            assert answer.status == 201, answer.octets
            answered[octets] = answer.json["envelope_id"]
        found = {item["envelope_id"]: first.fetch(item["delivery_id"]).octets for item in first.mail(kind="document")}
        assert found == {envelope_id: octets for octets, envelope_id in answered.items()}
        assert trunk.stop() == 0
