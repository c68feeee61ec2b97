"""The log: events and ids as JSON; what other libraries say of documents is not heard."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from trunk.settings import Log
from trunk.workers.logging import configure


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(captured: pytest.CaptureFixture[str]) -> list[str]:
    out, err = captured.readouterr()
    assert out == ""
    return err.splitlines()


def test_an_event_is_one_json_object_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log())
    structlog.get_logger().info("envelope_accepted", envelope="E1", port=8080)
    [line] = lines(capsys)
    event = json.loads(line)
    assert event.pop("at").endswith("Z")
    assert event == {"event": "envelope_accepted", "envelope": "E1", "port": 8080, "level": "info"}


@pytest.mark.parametrize("sign", ["\n", "\r", "\x85", "\u2028", "\u2029", "\u202e", "\x1b", "\x7f", "\U000e0041"])
def test_no_value_breaks_its_line_or_deceives(capsys: pytest.CaptureFixture[str], sign: str) -> None:
    configure(Log())
    structlog.get_logger().info("refused", value=f"Hà Nội{sign}😀")
    [line] = lines(capsys)
    assert sign not in line
    assert "Hà Nội" in line
    assert json.loads(line)["value"] == f"Hà Nội{sign}😀"


def test_what_signxml_logs_is_never_heard(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log(level="debug"))
    logging.getLogger("signxml.processor").error("the whole document")
    logging.getLogger("aiohttp.access").info("GET /")
    assert lines(capsys) == []


def test_other_libraries_are_heard_from_warnings_on(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log(level="debug"))
    logging.getLogger("pika.adapters").info("chatter")
    logging.getLogger("pika.adapters").warning("connection lost")
    [line] = lines(capsys)
    assert json.loads(line)["event"] == "connection lost"
    assert json.loads(line)["logger"] == "pika.adapters"


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_no_local_variables(capsys: pytest.CaptureFixture[str], form: str) -> None:
    configure(Log(format=form))

    def fail(document: str) -> None:
        raise ValueError("of size " + str(len(document)))

    try:
        fail("secret subject")
    except ValueError:
        structlog.get_logger().exception("step_failed")
    text = "\n".join(lines(capsys))
    assert "of size 14" in text
    assert "secret subject" not in text.replace('fail("secret subject")', "")


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log(level="warning", format="console"))
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("heard", delivery="D1")
    [line] = lines(capsys)
    assert "heard" in line
    assert "D1" in line
    assert "\x1b" not in line
    assert not sys.stderr.isatty()
