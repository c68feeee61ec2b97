"""trunk status: a clerk finds the document, sees every recipient's part, and cannot change anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import orjson
import pytest

from tests.unit.cli.town import FIRST, Town
from trunk.cli.exits import Exit
from trunk.domain.delivery import DeliveryEvent as E
from trunk.errors import ConfigurationError, LedgerUnavailableError


def test_a_document_is_found_by_code_document_id_envelope_and_delivery(town: Town) -> None:
    first, _ = town.accept()
    for reference in ("7816/STN-VP", "H41.01,2026/11/22,7816/STN-VP", first.envelope_id, first.id):
        assert town.json("status", reference, "--json")["envelope_id"] == first.envelope_id


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_tells_each_recipients_part_and_fits(town: Town, width: int) -> None:
    first, second = town.accept(urgency=1)
    town.happens(first, E.PUBLISHED, E.HANDED_OVER)
    town.reports(first, "03", "đã vào sổ")
    town.happens(second, E.ATTEMPT_FAILED)
    town.now += timedelta(hours=2)
    result = town.run("status", "7816/STN-VP", width=width)
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= width
    flat = " ".join(result.stdout.split())
    for expected in (
        "in the recipient's system",
        "Status 03 accepted: đã vào sổ",
        "Sender told: delivered",
        "an attempt failed: disk full",
        "not taken; will be tried again",
        "somebody has not taken it yet",
        "URGENT",
        "OVERDUE",
        "22/11/2026 09:05",
    ):
        assert expected in flat
    assert "\x1b" not in result.stdout


def test_a_clerk_may_read_vietnamese(town: Town) -> None:
    town.accept(urgency=3)
    result = town.run("--language", "vi", "status", "7816/STN-VP")
    assert "Trục đã tiếp nhận, chờ chuyển" in result.stdout
    assert "HỎA TỐC" in result.stdout
    town.environment["LANG"] = "vi_VN.UTF-8"
    assert "Nơi nhận" in town.run("status", "7816/STN-VP").stdout


def test_the_json_is_stable(town: Town) -> None:
    first, _ = town.accept()
    town.happens(first, E.PUBLISHED, E.HANDED_OVER)
    town.reports(first, "03")
    told = town.json("status", "7816/STN-VP", "--json")
    assert told["progress"] == "waiting"
    assert told["settled"] is False
    assert told["accepted_at"] == "2026-11-22T09:00:00+07:00"
    part = next(d for d in told["deliveries"] if d["delivery_id"] == first.id)
    assert part["state"] == "delivered"
    assert part["since"] == "2026-11-22T09:10:00+07:00"
    assert [s["code"] for s in part["statuses"]] == ["03"]
    assert {e["event"] for e in part["timeline"]} >= {"published", "handed_over"}
    kinds = {(a["kind"], a["delivery_id"]) for a in told["acknowledgements"]}
    assert kinds == {("accepted", None), ("delivered", first.id)}


def test_an_unknown_reference_is_exit_code_3(town: Town) -> None:
    result = town.run("status", "1/KHONG")
    assert result.exit_code == Exit.NOT_FOUND
    assert "not found: 1/KHONG" in result.stderr
    assert result.stdout == ""


def test_several_matches_are_listed_and_one_is_asked_for(town: Town) -> None:
    ids = {town.accept(subject=f"lần {n}")[0].envelope_id for n in (1, 2)}
    result = town.run("status", "7816/STN-VP")
    assert result.exit_code == Exit.USAGE
    assert all(each in result.stdout for each in ids)
    assert "name one by its id" in result.stderr
    found = town.json("status", "7816/STN-VP", "--json", exit_code=Exit.USAGE)
    assert {match["envelope_id"] for match in found["matches"]} == ids


def test_a_subject_cannot_paint_the_screen(town: Town) -> None:
    town.accept(subject="[red]x[/red] \x9b31m \u202e đảo")
    shown = town.run("status", "7816/STN-VP").stdout
    assert "[red]x[/red]" in shown
    assert "\x9b" not in shown
    assert "\u202e" not in shown


def test_watching_ends_when_nobody_waits_any_more(town: Town) -> None:
    first, second = town.accept()
    town.meanwhile = [
        lambda: town.happens(first, E.HANDED_OVER),
        lambda: None,
        lambda: town.happens(second, E.LIFETIME_ENDED),
    ]
    result = town.run("status", "7816/STN-VP", "--watch", "--every", "3")
    assert result.exit_code == 0
    assert town.slept == [3, 3, 3]
    states = [line.split()[1:3] for line in result.stdout.splitlines()]
    assert len(states) == 6  # three pictures of two recipients: nothing changed in the second look
    assert states[-2:] == [["H36.17", "delivered"], ["G12", "expired"]]


def test_watching_as_json_prints_an_object_for_each_change(town: Town) -> None:
    first, _ = town.accept(to=(FIRST,))[0], None
    town.meanwhile = [lambda: town.happens(first, E.HANDED_OVER)]
    result = town.run("status", "7816/STN-VP", "--watch", "--json")
    assert [orjson.loads(line)["settled"] for line in result.stdout.splitlines()] == [False, True]


def test_ctrl_c_ends_watching_without_a_traceback(town: Town) -> None:
    town.accept()

    def interrupt() -> None:
        raise KeyboardInterrupt

    town.meanwhile = [interrupt]
    assert town.run("status", "7816/STN-VP", "--watch").exit_code == Exit.INTERRUPTED


def test_a_ledger_that_is_away_is_exit_code_5_and_watching_waits_for_it(town: Town) -> None:
    first = town.accept(to=(FIRST,))[0]
    town.happens(first, E.HANDED_OVER)
    tracking = town.tracking()
    answers: Iterator[object] = iter([LedgerUnavailableError("no free connection"), None])

    class Away:
        find, now = staticmethod(tracking.find), staticmethod(tracking.now)
        rules = tracking.rules

        @staticmethod
        def track(envelope_id: str) -> object:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return tracking.track(first.envelope_id)

    @contextmanager
    def away(_settings: object) -> Iterator[object]:
        yield type("Desk", (), {"tracking": Away})

    town.doors["open_desk"] = away
    result = town.run("status", "7816/STN-VP", "--watch")
    assert result.exit_code == 0
    assert "no free connection; trying again" in result.stderr
    answers = iter([LedgerUnavailableError("no free connection")])
    result = town.run("status", "7816/STN-VP")
    assert result.exit_code == Exit.UNAVAILABLE
    assert "TRK-107: no free connection" in result.stderr


def test_a_configuration_fault_is_one_line_and_exit_code_4(town: Town) -> None:
    @contextmanager
    def closed(_settings: object) -> Iterator[object]:
        raise ConfigurationError("run `trunk admin upgrade`")
        yield

    town.doors["open_desk"] = closed
    result = town.run("list")
    assert result.exit_code == Exit.CONFIGURATION
    assert result.stderr.splitlines() == ["trunk: TRK-120: run `trunk admin upgrade`", "       → trunk config check"]


def test_a_fault_of_ours_names_no_details_and_traceback_shows_them(town: Town) -> None:
    def broken(_settings: object) -> object:
        raise ZeroDivisionError("secret")

    town.doors["open_desk"] = broken
    result = town.run("list")
    assert result.exit_code == Exit.INTERNAL
    assert "ZeroDivisionError" in result.stderr
    assert "secret" not in result.stderr
    assert isinstance(town.run("--traceback", "list").exception, ZeroDivisionError)


def test_what_came_back_with_a_backup_may_have_been_fetched_and_nobody_says_that_it_was(town: Town) -> None:
    (delivery,) = town.accept("1", to=(FIRST,))
    with town.ledger.begin() as book:
        book.start_afresh(at=town.now, actor="restore")
    told = town.run("status", delivery.envelope_id, width=200).stdout
    assert "from a backup: it may have been fetched before" in told
    assert "; fetched" not in told
    (part,) = town.json("status", delivery.envelope_id, "--json")["deliveries"]
    assert part["fetched_at"] is None
