"""trunk load against a real trunk in a process of its own: what it sends, what it follows, what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from scripts.agency_system import AgencySystem
from scripts.province import FIRST, SECOND, SENDER, Province, make_province
from scripts.trunk_process import TrunkProcess
from trunk.cli.exits import Exit
from trunk.cli.main import trunk
from trunk.cli.world import World

LARGEST = 150_000  #: octets that this trunk takes


class Place:
    """A trunk that runs, and the files of whoever loads it."""

    def __init__(self, province: Province, url: str) -> None:
        self.province, self.url = province, url
        for code, key in province.keys.items():
            self.key_file(code).write_text(f"{key}\n", encoding="utf-8")

    def key_file(self, code: str) -> Path:
        return self.province.folder / f"{code}.key"

    def load(self, *more: str, to: tuple[str, ...] = (FIRST, SECOND), key: Path | None = None, url: str = "") -> Result:
        identity = self.province.folder / "identities" / self.province.signers[SENDER]
        arguments = ["load", url or self.url, "--api-key-file", str(key or self.key_file(SENDER)), "--sender", SENDER]
        arguments += ["--key", f"{identity}.key", "--certificate", f"{identity}.pem"]
        arguments += [argument for code in to for argument in ("--to", code)]
        return CliRunner().invoke(trunk, [*arguments, *more], obj=World(), env={"LANG": "en_US.UTF-8"})

    def follow(self, *codes: str) -> list[str]:
        keys = [argument for code in codes for argument in ("--recipient-key", f"{code}={self.key_file(code)}")]
        return ["--follow", *keys]

    def system(self, code: str) -> AgencySystem:
        return AgencySystem(base_url=self.url, key=self.province.keys[code])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    province = make_province(tmp_path_factory.mktemp("province"))
    small = {"TRUNK_HTTP__MAX_BODY_OCTETS": str(LARGEST)}
    with TrunkProcess(province.config, environment=small) as process:
        yield Place(province, process.url())
        assert process.stop() == 0


def told(result: Result, *, exit_code: int = 0) -> Any:
    assert result.exit_code == exit_code, result.output
    return orjson.loads(result.stdout)


def test_a_mix_is_accepted_repeated_refused_and_followed_to_its_end(place: Place) -> None:
    before = place.system(SENDER).submit(place.province.signed("7816", recipients=(FIRST,)))
    assert before.status == 201
    seen = told(
        place.load(
            *("--per-second", "20", "--seconds", "3", "--size", "20k=3", "--size", "100k", "--recipients", "1"),
            *("--recipients", "2", "--duplicates", "10%", "--bad", "10%", "--arrivals", "poisson", "--yes", "--json"),
            *place.follow(FIRST, SECOND),
        )
    )
    assert seen["as_expected"]
    assert seen["unexpected"] == []
    of_all = seen["all"]
    counts = [of_all[name] for name in ("submitted", "accepted", "repeated", "refused_as_wanted", "unexpected")]
    assert counts == [60, 48, 6, 6, 0]
    assert [one["size"] for one in seen["sizes"]] == ["20k", "100k"]
    assert sum(one["submitted"] for one in seen["sizes"]) == 60
    for times in (of_all["latency_ms"], seen["client"]["late_ms"], seen["follow"]["to_last_acknowledgement_ms"]):
        assert list(times) == ["p50", "p95", "p99", "p99.9", "max"]
        assert times["p50"] <= times["p99"] <= times["max"]
    follow = seen["follow"]
    assert (follow["documents"], follow["ended"], follow["troubles"], follow["complete"]) == (48, 48, {}, True)
    assert follow["to_last_acknowledgement_ms"]["p50"] >= of_all["latency_ms"]["p50"]
    # other mail in the same inbox is nobody's business here
    left = [item["document_code"] for item in place.system(FIRST).mail(kind="document")]
    assert left == ["7816/STN-VP"]


def test_without_following_the_documents_wait_for_their_recipients_and_a_table_is_shown(place: Place) -> None:
    result = place.load("--per-second", "10", "--seconds", "0.5", "--yes", to=(SECOND,))
    assert result.exit_code == 0, result.output
    assert "accepted, 25k" in result.stdout
    assert "lateness" in result.stdout
    sizes = [item["size"] for item in place.system(SECOND).mail(kind="document")]
    assert len(sizes) == 5
    assert all(abs(size - 25_000) < 500 for size in sizes)


def test_what_is_refused_for_another_reason_is_counted_by_its_code_and_ends_with_1(place: Place) -> None:
    result = place.load(
        *("--per-second", "10", "--seconds", "1", "--size", "20k", "--size", "200k", "--yes", "--json"), to=(FIRST,)
    )
    seen = told(result, exit_code=Exit.REFUSED)
    assert not seen["as_expected"]
    assert [one["unexpected"] for one in seen["sizes"]] == [0, 5]
    assert seen["unexpected"] == [{"surprise": "not_accepted", "status": 413, "code": "TRK-104", "times": 5}]


def test_nothing_is_sent_where_nobody_can_be_asked(place: Place) -> None:
    before = [item["delivery_id"] for item in place.system(FIRST).mail(kind="document")]
    result = place.load("--per-second", "10", "--seconds", "1", to=(FIRST,))
    assert result.exit_code == Exit.USAGE
    assert f"10 documents for {FIRST}, and nobody to ask" in result.output
    assert [item["delivery_id"] for item in place.system(FIRST).mail(kind="document")] == before


def test_a_key_that_is_refused_is_told_before_anything_is_sent(place: Place) -> None:
    wrong = place.province.folder / "wrong.key"
    wrong.write_text("nobody-s", encoding="utf-8")
    result = place.load("--yes", key=wrong)
    assert result.exit_code == Exit.REFUSED
    assert "refuses the API key of --api-key-file" in result.output
    assert "trunk admin key issue" in result.output


def test_the_key_of_another_recipient_is_told_before_anything_is_sent(place: Place) -> None:
    result = place.load("--yes", "--follow", "--recipient-key", f"{FIRST}={place.key_file(SECOND)}", to=(FIRST,))
    assert result.exit_code == Exit.REFUSED
    assert f"does not read the inbox of {FIRST}" in result.output


def test_a_recipient_whom_the_trunk_does_not_know_is_named_before_anything_is_sent(place: Place) -> None:
    result = place.load("--yes", to=(FIRST, "G99.99"))
    assert result.exit_code == Exit.NOT_FOUND
    assert "ADR-103" in result.output
    assert "G99.99" in result.output
