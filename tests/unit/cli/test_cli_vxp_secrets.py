"""trunk admin vxp-secrets: made once, shown once, ended when the agency has moved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.unit.cli.town import Town
from trunk.cli.exits import Exit

VXP = ("admin", "vxp-secrets")


def add(town: Town, *arguments: str, exit_code: int = 0) -> Any:
    result = town.run(*VXP, "add", *arguments)
    assert result.exit_code == exit_code, result.output
    return result


def listed(town: Town, *arguments: str) -> list[dict[str, Any]]:
    return list(town.json(*VXP, "list", *arguments, "--json")["items"])


def test_a_secret_is_printed_once_alone_and_never_listed(town: Town) -> None:
    assert "make-key" in add(town, "h41", exit_code=Exit.CONFIGURATION).stderr
    made = town.run(*VXP, "make-key")
    assert (made.exit_code, made.stdout) == (0, "")
    assert town.run(*VXP, "make-key").exit_code == Exit.CONFIGURATION
    result = add(town, "h41", "--systemid", "000.00.01.H41", "--expires-days", "3", "--fresh-minutes", "5")
    secret = result.stdout.strip()
    assert secret
    assert secret not in result.stderr
    (one,) = listed(town)
    assert (one["system"], one["systemid"], one["state"], one["fresh_minutes"]) == ("h41", "000.00.01.H41", "valid", 5)
    assert secret not in town.run(*VXP, "list").output
    assert one["id"] in town.run(*VXP, "list", "h41").stdout
    town.now += timedelta(days=3)
    assert listed(town, "h41")[0]["state"] == "expired"


def test_an_old_secret_holds_as_long_as_it_is_told(town: Town) -> None:
    town.run(*VXP, "make-key")
    add(town, "h41")
    add(town, "h41")
    assert "2 secrets are valid already" in add(town, "h41", exit_code=Exit.REFUSED).stderr
    first, second = (one["id"] for one in listed(town))
    assert town.run(*VXP, "retire", first, "--after-days", "2").exit_code == 0
    assert [one["state"] for one in listed(town)] == ["ending", "valid"]
    assert town.run(*VXP, "retire", first, "--after-days", "3").exit_code == Exit.NOT_FOUND
    town.now += timedelta(days=2)
    assert [one["state"] for one in listed(town)] == ["retired", "valid"]
    add(town, "h41")
    assert town.run(*VXP, "retire", second).exit_code == 0
    assert [one["state"] for one in listed(town)] == ["retired", "retired", "valid"]


def test_what_does_not_exist_is_said(town: Town) -> None:
    town.run(*VXP, "make-key")
    assert "no such system" in add(town, "nobody", exit_code=Exit.REFUSED).stderr
    assert town.run(*VXP, "list", "nobody").exit_code == Exit.NOT_FOUND
    assert town.run(*VXP, "retire", "nothing").exit_code == Exit.NOT_FOUND
