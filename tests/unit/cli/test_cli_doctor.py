"""``trunk doctor``: its endings, its words in both languages, its JSON; and what it asks beside the ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import orjson
import pytest

from tests.unit.cli.town import Town
from trunk.application.diagnosis import Diagnosis, Surroundings
from trunk.bootstrap.doctor import open_doctor
from trunk.bootstrap.surroundings import surroundings
from trunk.domain.ailment import Ailment
from trunk.settings import Settings, Watch
from trunk.storage.payloads import PayloadStore

WELL = Surroundings(free_mib=lambda: 5_000, service=dict, certificates=list, dead_letters=lambda: 0)


def doctored(town: Town, around: Surroundings = WELL) -> Town:
    @contextmanager
    def door(_: Settings) -> Iterator[Diagnosis]:
        yield Diagnosis(
            ledger=town.ledger,
            payloads=PayloadStore(town.folder),
            watch=Watch(),
            lease_ahead=timedelta(minutes=10),
            around=around,
            now=lambda: town.now,
        )

    town.doors["open_doctor"] = door
    return town


def test_all_is_well(town: Town) -> None:
    result = doctored(town).run("doctor", "--deep")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "Nothing is stuck" in result.stderr


def test_a_finding_says_what_mends_it_and_ends_with_1(town: Town) -> None:
    sick = doctored(town, replace(WELL, dead_letters=lambda: 3))
    english, vietnamese = sick.run("doctor"), sick.run("--language", "vi", "doctor")
    assert english.exit_code == vietnamese.exit_code == 1
    assert "DOC-109" in english.stdout
    assert "trunk admin rabbitmq dead-letters" in english.stdout
    assert "để riêng" in vietnamese.stdout


def test_json_has_both_languages(town: Town) -> None:
    told = doctored(town, replace(WELL, free_mib=lambda: 1)).json("doctor", "--json", exit_code=1)
    (one,) = told["findings"]
    assert (one["code"], one["severity"], one["what"]) == (Ailment.DISK, "stuck", "1 MiB")
    assert set(one["title"]) == set(one["remedy"]) == {"vi", "en"}


def test_controls_in_what_others_say_do_not_paint_the_screen(town: Town) -> None:
    shown = doctored(town, replace(WELL, service=lambda: {"uplink-up": "\x1b[31mred"})).run("doctor").stdout
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (orjson.dumps({"ready": False, "checks": {"relay": {"ok": False, "why": "held up"}}}), {"relay": "held up"}),
        (orjson.dumps({"ready": True, "checks": {"relay": {"ok": True, "why": ""}}}), {}),
        (b"<html>", None),
        (b"[]", None),
    ],
)
def test_the_service_is_asked_over_http(tmp_path: Path, body: bytes, expected: dict[str, str] | None) -> None:
    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Ready)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    settings = Settings.model_validate({"data_folder": tmp_path, "http": {"port": server.server_port}})
    assert surroundings(settings, dead_letters=lambda: None).service() == expected
    thread.join()
    server.server_close()
    assert surroundings(settings, dead_letters=lambda: None).service() is None


def test_the_door_opens_on_a_real_ledger(town: Town) -> None:
    settings = Settings.model_validate({"data_folder": town.folder, "http": {"port": 1}})
    with open_doctor(settings) as doctor:
        found = {one.ailment for one in doctor.run()}
    assert Ailment.SERVICE_AWAY in found
    assert Ailment.LEDGER_AWAY not in found
