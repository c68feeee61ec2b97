"""trunk admin lgsp-accounts: made once, shown once, ended when the agency has moved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from tests.unit.cli.town import Town
from trunk.cli.exits import Exit

LGSP = ("admin", "lgsp-accounts")


def add(town: Town, *arguments: str, exit_code: int = 0) -> Any:
    result = town.run(*LGSP, "add", *arguments)
    assert result.exit_code == exit_code, result.output
    return result


def listed(town: Town, *arguments: str) -> list[dict[str, Any]]:
    return list(town.json(*LGSP, "list", *arguments, "--json")["items"])


def test_a_key_file_is_made_once(town: Town) -> None:
    made = town.run(*LGSP, "make-key")
    assert (made.exit_code, made.stdout) == (0, "")
    assert (town.folder / "lgsp.key").stat().st_mode & 0o777 == 0o600
    assert town.run(*LGSP, "make-key").exit_code == Exit.CONFIGURATION


def test_a_password_is_printed_once_alone_and_never_listed(town: Town) -> None:
    result = add(town, "h41", "--username", "dn001", "--expires-days", "3")
    password = result.stdout.strip()
    assert password
    assert password not in result.stderr
    (one,) = listed(town)
    assert (one["system"], one["username"], one["state"]) == ("h41", "dn001", "valid")
    assert password not in town.run(*LGSP, "list").output
    assert one["id"] in town.run(*LGSP, "list", "h41").stdout
    town.now += timedelta(days=3)
    assert listed(town, "h41")[0]["state"] == "expired"


def test_an_old_password_holds_as_long_as_it_is_told(town: Town) -> None:
    add(town, "h41")
    add(town, "h41")
    assert "2 passwords are valid already" in add(town, "h41", exit_code=Exit.REFUSED).stderr
    first, second = (one["id"] for one in listed(town))
    assert town.run(*LGSP, "retire", first, "--after-days", "2").exit_code == 0
    assert [one["state"] for one in listed(town)] == ["ending", "valid"]
    assert town.run(*LGSP, "retire", first, "--after-days", "3").exit_code == Exit.NOT_FOUND
    town.now += timedelta(days=2)
    assert [one["state"] for one in listed(town)] == ["retired", "valid"]
    add(town, "h41")
    assert town.run(*LGSP, "retire", second).exit_code == 0


def test_what_does_not_exist_or_fit_is_said(town: Town) -> None:
    assert "no such system" in add(town, "nobody", exit_code=Exit.REFUSED).stderr
    assert "no user name" in add(town, "h41", "--username", "a b", exit_code=Exit.REFUSED).stderr
    assert town.run(*LGSP, "list", "nobody").exit_code == Exit.NOT_FOUND
    assert town.run(*LGSP, "retire", "nothing").exit_code == Exit.NOT_FOUND


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("TRUNK_LGSP__ADMINISTRATORS", "g12", "lgsp.administrators"),
        ("TRUNK_LGSP__TOKEN_MINUTES", "600", "lgsp.token_minutes"),
    ],
)
def test_each_relaxation_is_named(town: Town, name: str, value: str, key: str) -> None:
    town.run("init", "srv", "--organ-id", "H41.TRUC", "--name", "x")
    assert key not in _warned(town)
    town.environment[name] = value
    assert key in _warned(town)


def test_a_key_that_others_may_read_is_named(town: Town) -> None:
    town.run("init", "srv", "--organ-id", "H41.TRUC", "--name", "x")
    file = town.folder / "srv" / "var" / "lgsp.key"
    file.write_text("x")
    file.chmod(0o640)
    assert "lgsp.key_file" in _warned(town)


def _warned(town: Town) -> set[str]:
    result = town.run("--config", str(town.folder / "srv" / "trunk.toml"), "config", "check", "--json")
    return {one["key"] for one in orjson.loads(result.stdout)["findings"] if one["weight"] == "warning"}
