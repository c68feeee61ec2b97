"""trunk admin rabbitmq: tables and JSON, exit codes, and passwords that are shown once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from queues.estate import Act, Applied, DeadLetter, EstateError, Plan, Step
from tests.unit.cli.town import Town
from trunk.cli.exits import Exit
from trunk.domain.delivery import DeliveryEvent, DeliveryState
from trunk.settings import Broker, Settings

RABBIT = ("admin", "rabbitmq")
MAKE = Step(act=Act.MAKE, kind="queue", name="trunk.to.H41")
NOTE = Step(act=Act.NOTE, kind="user", name="guest", what="not ours")
REFUSED = Step(act=Act.REFUSE, kind="queue", name="trunk.to.H42", what="full", code="RMQ-101", remedy="fetch")


@dataclass
class Fake:
    """A tool that says what it is told."""

    steps: Sequence[Step] = ()
    passwords: dict[str, str] = field(default_factory=dict)
    fault: EstateError | None = None
    letters: list[DeadLetter] = field(default_factory=list)
    agencies: list[str] = field(default_factory=list)

    def plan(self) -> Plan:
        if self.fault:
            raise self.fault
        return Plan(steps=self.steps)

    def apply(self, *, folder: Path | None = None, renew: Collection[str] = ()) -> Applied:
        return Applied(steps=[s for s in self.steps if s.act is Act.MAKE], passwords=self.passwords)

    def dead_letters(self, most: int) -> list[DeadLetter]:
        return self.letters[:most]

    def settle(self, decide: Callable[[DeadLetter], bool], most: int) -> int:
        kept = [letter for letter in self.letters if not decide(letter)]
        removed = len(self.letters) - len(kept)
        self.letters = kept
        return removed


@pytest.fixture
def tool(town: Town) -> Fake:
    fake = Fake()

    def opened(_: Settings, agencies: Any) -> Fake:
        fake.agencies = [agency.code for agency in agencies]
        return fake

    town.doors["open_rabbitmq"] = opened
    return fake


def test_plan_and_check_show_the_same_and_check_fails_where_something_differs(town: Town, tool: Fake) -> None:
    for steps, plan_exit, check_exit in (
        ([], Exit.OK, Exit.OK),
        ([NOTE], Exit.OK, Exit.OK),
        ([MAKE, NOTE], Exit.OK, Exit.REFUSED),
        ([MAKE, REFUSED], Exit.REFUSED, Exit.REFUSED),
    ):
        tool.steps = steps
        assert town.run(*RABBIT, "plan").exit_code == plan_exit
        assert town.run(*RABBIT, "check").exit_code == check_exit
    assert "RMQ-101: full → fetch" in town.run(*RABBIT, "plan").stdout
    assert town.json(*RABBIT, "check", "--json", exit_code=1)["steps"][1]["code"] == "RMQ-101"
    assert "H36.17" in tool.agencies


def test_apply_shows_passwords_once_and_ends_with_1_where_a_step_is_refused(town: Town, tool: Fake) -> None:
    tool.steps, tool.passwords = [MAKE], {"trunk.monitoring": "s3cret"}
    result = town.run(*RABBIT, "apply")
    assert result.exit_code == 0
    assert result.stdout.count("s3cret") == 1
    assert "s3cret" not in result.stderr
    assert town.json(*RABBIT, "apply", "--json")["passwords"] == {"trunk.monitoring": "s3cret"}
    tool.steps = [MAKE, REFUSED]
    assert town.run(*RABBIT, "apply").exit_code == Exit.REFUSED


@pytest.mark.parametrize(
    ("code", "temporary", "ending"),
    [("RMQ-107", True, Exit.UNAVAILABLE), ("RMQ-108", False, Exit.CONFIGURATION), ("RMQ-106", False, Exit.REFUSED)],
)
def test_faults_have_the_houses_exit_codes(
    town: Town,
    tool: Fake,
    code: str,
    ending: Exit,
    *,
    temporary: bool,
) -> None:
    tool.fault = EstateError(code, "no", temporary=temporary)
    result = town.run(*RABBIT, "check")
    assert result.exit_code == ending
    assert code in result.stderr
    assert "→" in result.stderr


def test_dead_letters_are_shown_with_their_deliveries(town: Town, tool: Fake) -> None:
    waiting, *_ = town.accept()
    tool.letters = [
        DeadLetter(id=f"{waiting.id}.0", queue="H36.17", reason="rejected", body=_notice(waiting.id)),
        DeadLetter(id="\x1b[31mX.0", queue="\x1b[0m", reason="", body=b"{"),
    ]
    items = town.json(*RABBIT, "dead-letters", "--json")["items"]
    assert [item["delivery"] for item in items] == [waiting.state.value, "no such delivery"]
    assert "\x1b" not in town.run(*RABBIT, "dead-letters").stdout
    assert town.json(*RABBIT, "dead-letters", "--settle", "--json")["removed"] == 0
    assert town.json(*RABBIT, "dead-letters", "--forged", "--json")["removed"] == 1
    assert len(tool.letters) == 1


def test_lost_notices_are_sent_anew(town: Town) -> None:
    first, second = town.accept()
    town.happens(first, DeliveryEvent.PUBLISHED)
    town.happens(second, DeliveryEvent.PUBLISHED, DeliveryEvent.HANDED_OVER)
    assert town.run(*RABBIT, "republish", input="n\n").exit_code != 0
    assert "1 notices" in town.run(*RABBIT, "republish", "--yes").stderr
    assert "0 notices" in town.run(*RABBIT, "republish", "--yes").stderr
    with town.ledger.read() as view:
        now = view.delivery(first.id)
    assert now is not None
    assert now.state is DeliveryState.QUEUED


def test_the_embedded_broker_and_a_missing_management_are_named(town: Town, tmp_path: Path) -> None:
    result = town.run(*RABBIT, "plan")
    assert result.exit_code == Exit.CONFIGURATION
    assert "embedded" in result.stderr
    town.environment["TRUNK_BROKER__URL"] = "amqp://127.0.0.1/x"
    result = town.run(*RABBIT, "plan")
    assert result.exit_code == Exit.CONFIGURATION
    assert "management_url_file" in result.stderr


def test_the_password_comes_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("a/b@c:\n")
    told = Broker(url="amqps://trunk@rabbit:5671/edoc", password_file=Path("p"))
    settings = Settings(data_folder=tmp_path, broker=told)
    assert settings.broker_url == "amqps://trunk:a%2Fb%40c%3A@rabbit:5671/edoc"
    assert settings.broker_address == "amqps://trunk@rabbit:5671/edoc"


def _notice(delivery_id: str) -> bytes:
    return f'{{"delivery_id": "{delivery_id}"}}'.encode()


def _set_aside(town: Town, tool: Fake) -> tuple[str, str]:
    """A letter of ours and one of nobody's; their names."""
    waiting, *_ = town.accept()
    town.happens(waiting, DeliveryEvent.PUBLISHED)
    tool.letters = [
        DeadLetter(id=f"{waiting.id}.0", queue="H36.17", reason="rejected", body=_notice(waiting.id)),
        DeadLetter(id="\x1b[31mX.0", queue="\x1b[0m", reason="", body=b"{"),
    ]
    ours, nobodys = (item["letter"] for item in town.json(*RABBIT, "dead-letters", "--json")["items"])
    return ours, nobodys


def test_a_dead_letter_is_shown_replayed_or_closed_by_its_name(town: Town, tool: Fake) -> None:
    ours, nobodys = _set_aside(town, tool)
    letters = (*RABBIT, "dead-letters")
    shown = town.json(*letters, "show", ours, "--json")
    assert shown["delivery"] == "dispatched"
    assert "delivery_id" in shown["body"]
    assert "\x1b" not in town.run(*letters, "show", nobodys).stdout
    assert "queued" in town.run(*letters, "replay", ours, "--reason", "their reader is mended").stderr
    refused = town.run(*letters, "replay", nobodys, "--reason", "x")
    assert (refused.exit_code, "TRK-159" in refused.stderr) == (Exit.REFUSED, True)
    assert town.run(*letters, "close", nobodys, "--reason", "forged").exit_code == 0
    assert tool.letters == []
    with town.ledger.read() as view:
        lines = view.journal(since=None, actor="an", envelope_id="", limit=10)
    assert [(line.event, line.reason) for line in lines] == [
        ("replay_ordered", "their reader is mended"),
        ("admin_dead_letter_closed", f"{nobodys} of no delivery: forged"),
    ]


@pytest.mark.parametrize("act", ["replay", "close"])
def test_a_dead_letter_is_not_touched_without_a_reason_or_under_another_name(town: Town, tool: Fake, act: str) -> None:
    ours, _ = _set_aside(town, tool)
    letters = (*RABBIT, "dead-letters")
    for reason in ("", " ", "x" * 1001, "two\nlines"):
        assert town.run(*letters, act, ours, "--reason", reason).exit_code == Exit.USAGE
    missing = town.run(*letters, act, "none", "--reason", "x")
    assert (missing.exit_code, "TRK-158" in missing.stderr) == (Exit.NOT_FOUND, True)
    assert len(tool.letters) == 2
