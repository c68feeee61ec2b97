"""trunk admin agency merge, rename, show, list: what was merged or renamed is found, and nobody is surprised."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cli.town import FIRST, SECOND, SENDER, Town
from trunk.cli.exits import Exit


def show(town: Town, code: str) -> Any:
    return town.json("admin", "agency", "show", code, "--json")


def load(town: Town, text: str, *, exit_code: int = 0) -> str:
    file = town.folder / "agencies.toml"
    file.write_text(text, encoding="utf-8")
    result = town.run("admin", "agency", "load", str(file))
    assert result.exit_code == exit_code, result.output
    return result.output


UNITS = f"""
[[agency]]
code = "{FIRST}.01"
name = "Phòng Một"
parent = "000.00.17.H36"
unit = true
address = "1 Lê Lợi"
email = "phong@mau.vn"
telephone = "0238"

[[agency]]
code = "A.{FIRST}"
name = "Tổ"
parent = "{FIRST}.01"
unit = true
"""

# merge


def test_a_dry_run_shows_both_agencies_and_their_systems_and_changes_nothing(town: Town) -> None:
    said = town.run("admin", "agency", "merge", SENDER, "--into", FIRST, "--dry-run")
    assert said.exit_code == 0
    for word in (SENDER, f"→ {FIRST}", "h41", f"reads what waits for {SENDER} only"):
        assert word in said.stdout
    assert "nothing was changed" in said.stderr
    planned = town.json("admin", "agency", "merge", SENDER, "--into", FIRST, "--dry-run", "--json")
    assert planned["old"]["successor"] == FIRST
    assert planned["systems"] == [{"id": "h41", "agencies": [SENDER]}]
    assert show(town, SENDER)["code"] == SENDER


def test_nothing_is_merged_without_a_yes(town: Town) -> None:
    said = town.run("admin", "agency", "merge", SENDER, "--into", FIRST)
    assert said.exit_code == Exit.USAGE
    assert "--yes" in said.stderr
    assert show(town, SENDER)["code"] == SENDER


@pytest.mark.parametrize(("word", "code"), [("y\n", FIRST), ("n\n", SENDER)])
def test_at_a_terminal_it_is_asked(town: Town, monkeypatch: pytest.MonkeyPatch, word: str, code: str) -> None:
    monkeypatch.setattr("trunk.cli.agency_succession.is_terminal", lambda: True)
    said = town.run("admin", "agency", "merge", SENDER, "--into", FIRST, input=word)
    assert f"→ {FIRST}" in said.stderr
    assert show(town, SENDER)["code"] == code


def test_a_merged_agency_is_found_by_its_codes_with_the_reason(town: Town) -> None:
    done = town.run("admin", "agency", "merge", "000.00.01.H41", "--into", "000.00.17.H36", "--yes")
    assert done.exit_code == 0
    assert f"{SENDER} became {FIRST}" in done.stderr
    found = show(town, "000.00.01.H41")
    assert (found["code"], found["asked"]) == (
        FIRST,
        {"code": "000.00.01.H41", "naming": "old_code", "of": SENDER},
    )
    assert f"became {FIRST}" in town.run("admin", "agency", "show", SENDER).stdout
    old = town.run("admin", "agency", "show", "000.00.01.H41").stdout
    assert f"the old code of {SENDER}, which became {FIRST}" in old
    assert SENDER in town.run("admin", "agency", "show", FIRST).stdout, "formerly"
    assert f"→ {FIRST}" in town.run("admin", "agency", "list").stdout


@pytest.mark.parametrize("without", [False, True])
def test_mandates_come_along_unless_they_are_left(town: Town, without: bool) -> None:  # noqa: FBT001 - a table
    town.run("admin", "certificate", "add", SENDER, "--uid", "MST:1")
    options = ["--without-mandates"] if without else []
    done = town.json("admin", "agency", "merge", SENDER, "--into", FIRST, "--yes", "--json", *options)
    assert len(done["new"]["certificates"]) == (0 if without else 1)
    assert len(show(town, FIRST)["certificates"]) == (0 if without else 1)


def test_a_merger_that_cannot_be_is_refused_with_a_remedy(town: Town) -> None:
    unknown = town.run("admin", "agency", "merge", "Z99", "--into", FIRST, "--yes")
    assert unknown.exit_code == Exit.NOT_FOUND
    itself = town.run("admin", "agency", "merge", SENDER, "--into", "000.00.01.H41", "--yes")
    assert itself.exit_code == Exit.REFUSED
    assert "cannot be merged into itself; name two agencies" in itself.stderr
    town.run("admin", "agency", "merge", SENDER, "--into", FIRST, "--yes")
    back = town.run("admin", "agency", "merge", FIRST, "--into", SENDER, "--dry-run")
    assert back.exit_code == Exit.REFUSED
    assert f"{SENDER} became {FIRST} itself; merge into {FIRST}" in back.stderr


def test_a_system_is_put_for_the_merged_agency_alone_by_its_code(town: Town) -> None:
    town.run("admin", "agency", "merge", SENDER, "--into", FIRST, "--yes")
    town.run("admin", "system", "put", "h41", "--name", "QLVB", "--agency", "000.00.01.H41")
    (system,) = town.json("admin", "system", "list", "--json")["items"]
    assert system["agencies"] == [SENDER]


# rename


def test_a_renamed_agency_takes_codes_certificates_and_systems_with_it(town: Town) -> None:
    town.run("admin", "certificate", "add", SENDER, "--uid", "MST:1")
    shown = town.run("admin", "agency", "rename", SENDER, "H41.20", "--dry-run").stdout
    assert "new; +1 certificates" in shown
    assert "for H41.20" in shown
    assert town.run("admin", "agency", "rename", SENDER, "H41.20", "--yes").exit_code == 0
    found = show(town, SENDER)
    assert (found["code"], found["name"], found["old_code"]) == ("H41.20", "Sở Gửi", "000.00.01.H41")
    assert len(found["certificates"]) == 1
    (system,) = town.json("admin", "system", "list", "--json")["items"]
    assert system["agencies"] == ["H41.20"]


@pytest.mark.parametrize(
    ("old", "new", "exit_code", "word"),
    [
        ("Z99", "H41.20", Exit.NOT_FOUND, "Z99"),
        (SENDER, "H 41", Exit.USAGE, "is no code"),
        (SENDER, FIRST, Exit.REFUSED, f"merge {SENDER} --into {FIRST}"),
        (SENDER, SENDER, Exit.REFUSED, "is its code already"),
    ],
)
def test_a_renaming_that_cannot_be(town: Town, old: str, new: str, exit_code: int, word: str) -> None:
    said = town.run("admin", "agency", "rename", old, new, "--yes")
    assert said.exit_code == exit_code
    assert word in said.stderr


# places


def test_units_are_loaded_and_listed_under_their_agency(town: Town) -> None:
    load(town, UNITS)
    assert "0 written, 2 unchanged" in load(town, UNITS)
    unit = show(town, f"{FIRST}.01")
    assert (unit["parent"], unit["unit"]) == (FIRST, True)
    assert (unit["address"], unit["email"], unit["telephone"]) == ("1 Lê Lợi", "phong@mau.vn", "0238")
    lines = town.run("admin", "agency", "list", width=200).stdout.splitlines()
    places = [next(n for n, line in enumerate(lines) if code in line) for code in (f"{FIRST} ", "└─ ", "└─── ", SENDER)]
    assert places == sorted(places)
    assert "Phòng Một (unit)" in "\n".join(lines)
    assert f"{FIRST}.01" in town.run("admin", "agency", "show", FIRST).stdout
    load(town, f'[[agency]]\ncode = "A.{FIRST}"\nunit = false\nparent = ""\n')
    assert (show(town, f"A.{FIRST}")["parent"], show(town, f"A.{FIRST}")["unit"]) == ("", False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[[agency]]\ncode = "U"\nname = "x"\nunit = true\n', "line 1: a unit needs a parent"),
        ('[[agency]]\ncode = "U"\nname = "x"\nparent = "Z99"\n', "line 1: parent: no agency has the code Z99"),
        ('[[agency]]\ncode = "U"\nname = "x"\nparent = "U"\n', "line 1: parent: U would stand above itself"),
        (
            '[[agency]]\ncode = "U"\nname = "x"\nparent = "V"\n[[agency]]\ncode = "V"\nname = "x"\nparent = "U"\n',
            "line 5: parent: V would stand above itself",
        ),
        ('[[agency]]\ncode = "G12"\nunit = "maybe"\n', "line 1: unit: 'maybe' is neither yes nor no"),
        ('[[agency]]\ncode = "G12"\nemail = 3\n', "line 1: email is no line of text"),
        ('[[agency]]\ncode = "G12"\nparent = "a b"\n', "line 1: parent: 'a b' is no code"),
    ],
)
def test_a_place_that_cannot_be_is_named_with_its_line(town: Town, text: str, expected: str) -> None:
    assert expected in load(town, text, exit_code=Exit.REFUSED)


def test_a_file_may_name_units_before_their_agency(town: Town) -> None:
    text = "code,name,parent,unit\nU.1,Phòng,U,yes\nU,Sở,,no\n"
    file = town.folder / "agencies.csv"
    file.write_text(text, encoding="utf-8")
    assert town.run("admin", "agency", "load", str(file)).exit_code == 0
    assert show(town, "U.1")["unit"] is True


# systems


def test_a_system_may_be_another_trunk(town: Town) -> None:
    town.run("admin", "system", "put", "truc", "--name", "Trục", "--agency", SECOND, "--hub")
    systems = {item["id"]: item["hub"] for item in town.json("admin", "system", "list", "--json")["items"]}
    assert systems == {"h41": False, "truc": True}
