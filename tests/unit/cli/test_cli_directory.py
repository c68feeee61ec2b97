"""trunk admin agency, certificate, system, key: the directory is kept whole, or left as it was."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from signing.seal_files import make_seal
from tests.unit.cli.town import START, Town
from trunk.cli.exits import Exit
from trunk.domain.agency import Mandate


def agency(town: Town, code: str) -> Any:
    return town.json("admin", "agency", "show", code, "--json")


def load(town: Town, name: str, text: str, *arguments: str, exit_code: int = 0) -> str:
    file = town.folder / name
    file.write_text(text, encoding="utf-8")
    result = town.run("admin", "agency", "load", str(file), *arguments)
    assert result.exit_code == exit_code, result.output
    return result.output


@pytest.fixture
def pem(town: Town) -> Path:
    file = town.folder / "giam-doc.pem"
    file.write_bytes(make_seal("Giám đốc", organ_id="H41.01", at=START).certificate_pem)
    return file


TOML = """
[[agency]]
code = "H37.02"
name = "Sở Mới"
old_code = "000.00.02.H37"
aliases = ["001.00.20.TT2"]
mode = "amqp"
signature_policy = "deliver-marked"
certificates = ["giam-doc.pem"]

[[agency]]
code = "G12"
name = "Bộ Mẫu (đổi tên)"
active = false
"""


def test_a_toml_file_adds_and_changes(town: Town, pem: Path) -> None:
    output = load(town, "agencies.toml", TOML)
    assert "2 written, 0 unchanged" in output
    new = agency(town, "001.00.20.TT2")
    assert (new["code"], new["mode"], new["signature_policy"]) == ("H37.02", "amqp", "deliver-marked")
    assert len(new["certificates"][0]["fingerprint"]) == 64
    changed = agency(town, "G12")
    assert (changed["name"], changed["old_code"], changed["active"]) == ("Bộ Mẫu (đổi tên)", "000.00.00.G12", False)
    assert "0 written, 2 unchanged" in load(town, "agencies.toml", TOML)


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_csv_file_does_the_same_with_either_separator(town: Town, pem: Path, separator: str) -> None:
    rows = ("code,name,old_code,aliases,active", "H37.02,Sở Mới,000.00.02.H37,A1|A2,yes", "G12,,,,no")
    text = "\ufeff" + "\r\n".join(row.replace(",", separator) for row in rows)
    load(town, "agencies.csv", text)
    assert agency(town, "A2")["code"] == "H37.02"
    assert agency(town, "G12")["active"] is False
    assert agency(town, "G12")["name"] == "Bộ Mẫu"


def test_reloading_names_keeps_certificates(town: Town, pem: Path) -> None:
    town.run("admin", "certificate", "add", "G12", str(pem))
    load(town, "agencies.csv", "code,name\nG12,Bộ Mẫu mới\n")
    assert len(agency(town, "G12")["certificates"]) == 1


def test_a_dry_run_changes_nothing(town: Town, pem: Path) -> None:
    assert "2 would change" in load(town, "agencies.toml", TOML, "--dry-run")
    assert town.run("admin", "agency", "show", "H37.02").exit_code == Exit.NOT_FOUND


def test_every_wrong_row_is_reported_at_once_and_nothing_is_changed(town: Town) -> None:
    text = "code,name,mode,alias\nG12,Bộ,pull,\nH 1,Sở,pull,\nH2,Sở,post,\nH3,,pull,"
    output = load(town, "agencies.csv", text, exit_code=Exit.REFUSED)
    assert "line 2: no such key: alias → did you mean aliases?" in output
    assert "line 3: code: 'H 1' is no code" in output
    assert "line 4: mode: 'post' is unknown → write pull or amqp" in output
    assert "nothing was changed" in output
    assert agency(town, "G12")["name"] == "Bộ Mẫu"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("code,name\nH3,\n", "line 2: name is missing"),
        ("code,name\nH3,Sở,x\n", "line 2: expected 2 cells"),
        ("code,name,old_code\nH3,Sở,000.00.00.G12\n", "line 2: the code 000.00.00.G12 means G12 too"),
        ("code,name\nH3,Sở\nH3,Sở\n", "line 3: H3 stands in line 2 already"),
        ("code,name,aliases\nH3,Sở,H4\nH4,Sở,\n", "line 3: the code H4 means H3 too"),
        ("code,name,active\nH3,Sở,maybe\n", "line 2: active: 'maybe' is neither yes nor no"),
        ("code,name,certificates\nH3,Sở,absent.pem\n", "line 2: certificates: absent.pem: No such file"),
        ("", "line 1: no agency in it"),
    ],
)
def test_a_wrong_row_is_named_with_line_and_remedy(town: Town, text: str, expected: str) -> None:
    assert expected in load(town, "agencies.csv", text, exit_code=Exit.REFUSED)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[agency]\n", "line 1: not TOML"),
        ("[agency]\ncode = 'H3'\n", "expected tables [[agency]]"),
        ("[[agency]]\nname = 'Sở'\n", "line 1: code: '' is no code"),
        ("\n[[agency]]\ncode = 3\n", "line 2: code: 3 is no code"),
        ("[[agency]]\ncode = 'H3'\naliases = 'H4'\n", "line 1: aliases, certificates and uids are lists"),
    ],
)
def test_a_wrong_toml_table_is_named_too(town: Town, text: str, expected: str) -> None:
    assert expected in load(town, "agencies.toml", text, exit_code=Exit.REFUSED)


def test_other_files_are_turned_away(town: Town) -> None:
    load(town, "agencies.xlsx", "", exit_code=Exit.USAGE)


def test_a_certificate_is_added_listed_and_removed(town: Town, pem: Path) -> None:
    added = town.run("admin", "certificate", "add", "000.00.01.H41", str(pem), "--until", "2026-11-23")
    assert added.exit_code == 0
    [item] = town.json("admin", "certificate", "list", "H41.01", "--json")["items"]
    assert item["valid_until"] == "2026-11-23T00:00:00+07:00"
    assert "yes" in town.run("admin", "certificate", "list", "H41.01").stdout
    town.now = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    assert "NO" in town.run("admin", "certificate", "list", "H41.01").stdout
    removed = town.run("admin", "certificate", "remove", "H41.01", item["fingerprint"][:8].upper())
    assert removed.exit_code == 0
    assert agency(town, "H41.01")["certificates"] == []
    again = town.run("admin", "certificate", "remove", "H41.01", item["fingerprint"][:8])
    assert again.exit_code == Exit.NOT_FOUND


def test_a_file_without_certificate_and_mixed_up_dates_are_refused(town: Town, pem: Path) -> None:
    (town.folder / "no.pem").write_text("no", encoding="utf-8")
    assert town.run("admin", "certificate", "add", "H41.01", "no.pem").exit_code == Exit.REFUSED
    dates = ("--from", "2026-12-01", "--until", "2026-11-01")
    assert town.run("admin", "certificate", "add", "H41.01", str(pem), *dates).exit_code == Exit.USAGE
    assert town.run("admin", "certificate", "add", "Z99", str(pem)).exit_code == Exit.NOT_FOUND
    assert town.run("admin", "certificate", "remove", "H41.01", "ab").exit_code == Exit.USAGE


def test_a_person_is_mandated_by_number_which_is_shown_to_nobody(town: Town) -> None:
    number = "001085000001"
    said = ["--uid", f"CCCD:{number}", "--domain", "cong-vu"]
    outputs = [
        town.run("admin", "certificate", "add", "H41.01", *said, "--until", "2026-12-01"),
        town.run("admin", "certificate", "add", "H41.01", *said, "--until", "2026-11-23"),
        town.run("admin", "certificate", "list", "H41.01"),
        town.run("admin", "certificate", "list", "H41.01", "--json"),
        town.run("admin", "agency", "show", "H41.01"),
        town.run("admin", "agency", "list", "--json"),
    ]
    assert [result.exit_code for result in outputs] == [0] * len(outputs)
    assert all(number not in result.output for result in outputs)
    (item,) = agency(town, "H41.01")["certificates"]
    assert (item["uid"], item["domain"], item["fingerprint"]) == ("CCCD:*********001", "cong-vu", "")
    assert item["valid_until"] == "2026-11-23T00:00:00+07:00", "adding it again changes the dates"
    other = town.run("admin", "certificate", "remove", "H41.01", "--uid", f"CCCD:{number}", "--domain", "another")
    assert other.exit_code == Exit.NOT_FOUND
    assert number not in other.output
    assert town.run("admin", "certificate", "remove", "H41.01", "--uid", f"CCCD:{number}").exit_code == 0
    assert agency(town, "H41.01")["certificates"] == []


@pytest.mark.parametrize(
    "said",
    [
        ("add", "H41.01"),
        ("add", "H41.01", "giam-doc.pem", "--uid", "MST:1"),
        ("add", "H41.01", "--uid", "1234"),
        ("add", "H41.01", "--uid", "MST:1 2"),
        ("remove", "H41.01"),
        ("remove", "H41.01", "12345678", "--uid", "MST:1"),
    ],
)
def test_a_mandate_is_a_certificate_or_a_uid(town: Town, pem: Path, said: tuple[str, ...]) -> None:
    assert town.run("admin", "certificate", *said).exit_code == Exit.USAGE
    assert agency(town, "H41.01")["certificates"] == []


def test_mandates_added_at_one_moment_are_all_kept(town: Town, pem: Path) -> None:
    """Each of two administrators looks and writes in one transaction: nobody writes what he saw a while ago."""
    asked = [town.administration().amend_mandates, town.administration().amend_mandates]
    with ThreadPoolExecutor(8) as pool:
        done = [
            pool.submit(asked[n % 2], "H41.01", lambda a, n=n: (*a.mandates, Mandate(uid=f"MST:{n:010}")))
            for n in range(24)
        ]
        assert all(one.result(60) for one in done)
    assert len(agency(town, "H41.01")["certificates"]) == 24


def test_a_file_may_name_uids_and_keeps_what_it_does_not_name(town: Town, pem: Path) -> None:
    load(town, "a.toml", '[[agency]]\ncode = "G12"\nuids = ["MST:0100000000@cong-cong", "CCCD:001085000001"]\n')
    told = agency(town, "G12")["certificates"]
    assert [(one["uid"], one["domain"]) for one in told] == [
        ("MST:0100000000", "cong-cong"),
        ("CCCD:*********001", ""),
    ]
    load(town, "b.csv", "code,certificates\nG12,giam-doc.pem\n")
    assert len(agency(town, "G12")["certificates"]) == 3, "certificates say nothing of UIDs"
    load(town, "c.toml", '[[agency]]\ncode = "G12"\nuids = []\n')
    assert [bool(one["fingerprint"]) for one in agency(town, "G12")["certificates"]] == [True]
    wrong = load(town, "d.toml", '[[agency]]\ncode = "G12"\nuids = ["001085000001"]\n', exit_code=Exit.REFUSED)
    assert "uids: number 1 is none" in wrong
    assert "001085000001" not in wrong


def test_a_policy_must_have_a_name_that_is_known(town: Town) -> None:
    row = '[[agency]]\ncode = "G12"\nsignature_policy = "{}"\n'
    load(town, "a.toml", row.format("required-on-main-document"))
    assert agency(town, "G12")["signature_policy"] == "required-on-main-document"
    wrong = load(town, "a.toml", row.format("our-own"), exit_code=Exit.REFUSED)
    assert "write required or required-on-main-document or seal-suffices or deliver-marked" in wrong
    (town.folder / "trunk.toml").write_text("[signatures.policies.our-own]\nbase = 'seal-suffices'\n", "utf-8")
    load(town, "a.toml", row.format("our-own"))


def test_a_key_is_printed_once_and_alone(town: Town) -> None:
    issued = town.run("admin", "key", "issue", "h41", "--expires-days", "30")
    assert issued.exit_code == 0
    [spelled] = issued.stdout.splitlines()
    assert spelled.startswith("edoc_")
    assert spelled not in issued.stderr
    listed = town.run("admin", "key", "list").stdout
    secret = spelled.rpartition("_")[2]
    assert secret not in listed
    assert "22/12/2026" in listed


def test_two_keys_are_valid_at_a_time_and_one_can_be_revoked(town: Town) -> None:
    for _ in range(2):
        assert town.run("admin", "key", "issue", "h41").exit_code == 0
    third = town.run("admin", "key", "issue", "h41")
    assert third.exit_code == Exit.REFUSED
    assert "trunk admin key revoke" in third.stderr
    key = town.json("admin", "key", "list", "h41", "--json")["items"][0]
    assert town.run("admin", "key", "revoke", key["id"]).exit_code == 0
    assert town.run("admin", "key", "revoke", key["id"]).exit_code == Exit.NOT_FOUND
    states = [k["state"] for k in town.json("admin", "key", "list", "h41", "--json")["items"]]
    assert sorted(states) == ["revoked", "valid"]
    assert town.run("admin", "key", "issue", "h41").exit_code == 0


def test_an_expired_key_says_so(town: Town) -> None:
    town.run("admin", "key", "issue", "h41", "--expires-days", "1")
    town.now += timedelta(days=2)
    assert town.json("admin", "key", "list", "--json")["items"][0]["state"] == "expired"


def test_a_system_speaks_for_agencies_named_by_any_code(town: Town) -> None:
    put = town.run("admin", "system", "put", "h36", "--name", "QLVB", "--agency", "000.00.17.H36", "--agency", "G12")
    assert put.exit_code == 0
    systems = {s["id"]: s for s in town.json("admin", "system", "list", "--json")["items"]}
    assert systems["h36"]["agencies"] == ["G12", "H36.17"]
    assert "h36" in town.run("admin", "system", "list").stdout
    unknown = town.run("admin", "system", "put", "x", "--name", "x", "--agency", "Z99")
    assert unknown.exit_code == Exit.NOT_FOUND
    assert town.run("admin", "key", "issue", "nobody").exit_code == Exit.REFUSED
    assert town.run("admin", "key", "list", "nobody").exit_code == Exit.NOT_FOUND


def test_the_agencies_are_listed(town: Town) -> None:
    assert "000.00.17.H36" in town.run("admin", "agency", "list", width=80).stdout
    assert {a["code"] for a in town.json("admin", "agency", "list", "--json")["items"]} == {"G12", "H36.17", "H41.01"}
    assert "Sở Nhận" in town.run("admin", "agency", "show", "H36.17").stdout


def test_upgrade_tells_the_revision(town: Town) -> None:
    assert "revision 0001" in town.run("admin", "upgrade").stderr
