"""trunk admin rabbitmq, against a node: it makes what should be there, once, and moves mail without losing any."""

from __future__ import annotations

import logging
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from queues import names
from queues.broker import Disposition, Message
from queues.estate import EstateError
from queues.rabbitmq import topology
from queues.rabbitmq.mover import Mover
from tests.contract.test_broker import Inbox, eventually
from tests.estate_kit import SERVICE, Grounds, acts

H41, H42 = names.encode("H41"), names.encode("H42")


def notices(number: int, *, queue: str = "H41", start: int = 0) -> list[Message]:
    return [Message(id=f"D{i}.0", queue=queue, body=b"x" * 100) for i in range(start, start + number)]


def test_apply_makes_everything_and_then_nothing_differs(grounds: Grounds) -> None:
    tool = grounds.tool("H41", "H42", consumers=("H42",))
    planned = acts(tool.plan())
    assert ("make", "vhost", grounds.vhost) in planned
    assert ("make", "user", "trunk.agency.H42") in planned
    assert ("make", "user", "trunk.agency.H41") not in planned
    assert acts(tool.plan()) == planned  # a plan changes nothing
    tool.apply(folder=grounds.folder / "passwords")
    assert acts(tool.plan()) == []
    assert tool.apply().steps == []
    broker = grounds.broker()
    assert list(broker.publish(notices(3))) == [None] * 3
    inbox = Inbox()
    broker.subscribe("H41", inbox)
    inbox.await_count(3)


def test_what_the_service_declares_is_what_the_tool_wants(grounds: Grounds) -> None:
    grounds.tool().apply()
    grounds.broker().declare(["H41", "a/b %", "ữ" * 200])
    assert acts(grounds.tool("H41", "a/b %", "ữ" * 200).plan()) == []


def test_passwords_are_in_files_for_their_owner_alone_and_nowhere_else(
    grounds: Grounds, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    applied = grounds.tool("H42", consumers=("H42",)).apply(folder=grounds.folder / "passwords")
    files = [grounds.password_file, *(grounds.folder / "passwords").iterdir()]
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert not applied.passwords
    captured = capfd.readouterr()
    said = caplog.text + captured.out + captured.err + repr(applied)
    assert not any(file.read_text().strip() in said for file in files)


def test_without_a_folder_passwords_are_handed_over_once(grounds: Grounds) -> None:
    applied = grounds.tool("H42", consumers=("H42",)).apply()
    assert applied.passwords.keys() == {"trunk.agency.H42", topology.MONITORING_USER}
    assert all(len(password) >= 32 for password in applied.passwords.values())
    assert applied.passwords["trunk.agency.H42"] not in repr(applied)
    again = grounds.tool("H42", consumers=("H42",)).apply(renew=["trunk.agency.H42"])
    assert again.passwords.keys() == {"trunk.agency.H42"}
    assert again.passwords["trunk.agency.H42"] != applied.passwords["trunk.agency.H42"]
    grounds.channel("trunk.agency.H42", again.passwords["trunk.agency.H42"]).connection.close()
    with pytest.raises(EstateError, match="somebody") as unknown:
        grounds.tool().apply(renew=["somebody"])
    assert unknown.value.code == "RMQ-110"


def test_an_agency_that_consumes_no_longer_loses_its_user(grounds: Grounds) -> None:
    grounds.tool("H42", consumers=("H42",)).apply()
    tool = grounds.tool("H42")
    assert acts(tool.plan()) == [("delete", "user", "trunk.agency.H42")]
    tool.apply()
    assert grounds.management.get("users", "trunk.agency.H42") is None


def test_what_somebody_changed_is_found_and_mended(grounds: Grounds) -> None:
    tool = grounds.tool("H41")
    tool.apply()
    put, delete = grounds.management.put, grounds.management.delete
    put("permissions", grounds.vhost, topology.MONITORING_USER, body={"configure": "", "write": "", "read": ".*"})
    put("users", SERVICE, body={"password": grounds.password_file.read_text().strip(), "tags": "administrator"})
    put("users", "trunk.mover-dead", body={"password": "x", "tags": ""})
    delete("operator-policies", grounds.vhost, "trunk.limits")
    delete("bindings", grounds.vhost, "e", topology.DELIVERIES, "q", H41, H41)
    assert set(acts(tool.plan())) == {
        ("change", "permission", topology.MONITORING_USER),
        ("change", "user", SERVICE),
        ("delete", "user", "trunk.mover-dead"),
        ("make", "operator-policy", "trunk.limits"),
        ("make", "binding", H41),
    }
    tool.apply()
    assert acts(tool.plan()) == []
    assert list(grounds.broker().publish(notices(1))) == [None]  # the password is the old one


def test_a_queue_with_other_arguments_is_migrated_under_full_traffic(grounds: Grounds) -> None:
    grounds.tool("H41", "H42").apply()
    broker = grounds.broker()
    confirmed = {message.id for message in notices(200)}
    assert list(broker.publish(notices(200))) == [None] * 200
    stop = threading.Event()

    def publish_on() -> None:
        number = 1_000
        while not stop.is_set():
            window = notices(10, start=number)
            for message, fault in zip(window, broker.publish(window), strict=True):
                if fault is None:
                    confirmed.add(message.id)
            number += 10
            stop.wait(0.2)

    publishing = threading.Thread(target=publish_on)
    publishing.start()
    tool = grounds.tool("H41", "H42", delivery_limit=5)
    assert acts(tool.plan()) == [("migrate", "queue", H41), ("migrate", "queue", H42)]
    tool.apply()
    stop.set()
    publishing.join()
    assert acts(tool.plan()) == []
    inbox = Inbox()
    broker.subscribe("H41", inbox)
    eventually(lambda: len(inbox.got) >= len(confirmed))
    eventually(lambda: confirmed <= set(inbox.ids))
    assert len(confirmed) > 220


@pytest.mark.parametrize("stage", ["_step_aside", "_empty", "_renew", "_carry", "_forget"])
def test_a_migration_that_was_killed_goes_on(grounds: Grounds, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    grounds.tool("H41").apply()
    broker = grounds.broker()
    assert list(broker.publish(notices(20))) == [None] * 20
    tool = grounds.tool("H41", delivery_limit=5)
    whole: Any = getattr(Mover, stage)

    def killed(mover: Mover, *arguments: Any) -> None:
        whole(mover, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Mover, stage, killed)
        with pytest.raises(KeyboardInterrupt):
            tool.apply()
    assert list(broker.publish(notices(5, start=100))) == [None] * 5  # mail has a way at every moment
    assert acts(tool.plan()) in ([("migrate", "queue", H41)], [])
    tool.apply()
    assert acts(tool.plan()) == []
    inbox = Inbox()
    broker.subscribe("H41", inbox)
    eventually(lambda: {m.id for m in (*notices(20), *notices(5, start=100))} <= set(inbox.ids))


def test_mail_that_a_consumer_has_in_hand_is_waited_for(grounds: Grounds) -> None:
    grounds.tool("H41").apply()
    broker = grounds.broker()
    broker.publish(notices(3))
    channel = grounds.channel(SERVICE, grounds.password_file.read_text().strip())
    method, _, _ = channel.basic_get(H41)
    tool = grounds.tool("H41", delivery_limit=5)
    with pytest.raises(EstateError) as waits:
        tool.apply()
    assert (waits.value.code, waits.value.temporary) == ("RMQ-105", True)
    channel.basic_nack(method.delivery_tag, requeue=True)
    channel.connection.close()
    tool.apply()
    inbox = Inbox()
    broker.subscribe("H41", inbox)
    eventually(lambda: {m.id for m in notices(3)} <= set(inbox.ids))


def test_limits_below_what_a_queue_holds_are_refused_and_nothing_is_dropped(grounds: Grounds) -> None:
    grounds.tool("H41").apply()
    broker = grounds.broker()
    broker.publish(notices(20))
    eventually(lambda: grounds.counted(H41) == 20)
    tool = grounds.tool("H41", queue_limit=5)
    assert [(step.name, step.code) for step in tool.plan().refused] == [("trunk.limits", "RMQ-101"), (H41, "RMQ-101")]
    assert all("queue_limit" in step.remedy for step in tool.plan().refused)
    assert tool.apply().steps == []
    assert grounds.counted(H41) == 20
    inbox = Inbox()
    broker.subscribe("H41", inbox)
    inbox.await_count(20)
    eventually(lambda: grounds.counted(H41) == 0)
    tool.apply()
    assert acts(tool.plan()) == []


def test_a_queue_that_nobody_has_goes_when_it_is_empty_and_not_before(grounds: Grounds) -> None:
    grounds.tool("H41", "H42").apply()
    broker = grounds.broker()
    broker.publish(notices(2))
    eventually(lambda: (grounds.counted(H41), grounds.counted(H42)) == (2, 0))
    tool = grounds.tool()
    assert [(step.act.value, step.name, step.code) for step in tool.plan().differences] == [
        ("refuse", H41, "RMQ-102"),
        ("delete", H42, ""),
    ]
    tool.apply()
    assert [(step.act.value, step.name) for step in tool.plan().differences] == [("refuse", H41)]
    assert grounds.counted(H41) == 2


def test_a_foreign_exchange_or_dead_letter_queue_is_refused(grounds: Grounds) -> None:
    management = grounds.management
    management.put("vhosts", grounds.vhost)
    management.put("permissions", grounds.vhost, management.user, body={"configure": ".*", "write": ".*", "read": ".*"})
    management.put("exchanges", grounds.vhost, topology.DELIVERIES, body={"type": "direct", "durable": True})
    management.put("queues", grounds.vhost, topology.DEAD_LETTERS, body={"durable": True})
    tool = grounds.tool("H41")
    assert [step.code for step in tool.plan().refused] == ["RMQ-104", "RMQ-103"]


def test_a_wiped_broker_gets_back_the_passwords_that_everybody_has(grounds: Grounds) -> None:
    tool = grounds.tool("H41", "H42", consumers=("H42",))
    folder = grounds.folder / "passwords"
    tool.apply(folder=folder)
    before = {file.name: file.read_text() for file in folder.iterdir()}
    broker = grounds.broker()
    broker.publish(notices(1))
    grounds.server.stop()
    grounds.server.wipe()
    grounds.server.start()
    grounds.await_api()
    assert ("make", "vhost", grounds.vhost) in acts(tool.plan())
    tool.apply(folder=folder)
    assert {file.name: file.read_text() for file in folder.iterdir()} == before
    eventually(lambda: broker.publish(notices(1))[0] is None)  # the same object: by itself


def test_a_management_that_cannot_be_asked_says_so(grounds: Grounds, tmp_path: Path) -> None:
    good = grounds.server.management_url
    for url, code, temporary in (
        (good.replace("trunk:", "nobody:"), "RMQ-108", False),
        (good.rpartition(":")[0] + ":9", "RMQ-107", True),
        (good.replace("127.0.0.1", "localhost"), "RMQ-107", False),  # a name that its certificate does not have
    ):
        tool = grounds.tool()
        tool._management = type(tool._management)(url, tls=tool._tls)
        with pytest.raises(EstateError) as error:
            tool.plan()
        assert (error.value.code, error.value.temporary) == (code, temporary)
        assert grounds.server._password not in str(error.value)


def test_dead_letters_are_looked_at_and_settled_one_by_one(grounds: Grounds) -> None:
    tool = grounds.tool("H41")
    tool.apply()
    broker = grounds.broker()
    broker.subscribe("H41", Inbox(lambda _: Disposition.SET_ASIDE))
    broker.publish(notices(3))
    eventually(lambda: broker.dead_letters() == 3)
    first = tool.dead_letters(10)
    assert [(letter.id, letter.queue, letter.reason) for letter in first] == [
        (f"D{i}.0", "H41", "rejected") for i in range(3)
    ]
    assert tool.settle(lambda letter: letter.id == "D1.0", 10) == 1
    eventually(lambda: [letter.id for letter in tool.dead_letters(10)] == ["D0.0", "D2.0"])
