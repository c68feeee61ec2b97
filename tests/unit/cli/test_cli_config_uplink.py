"""trunk config check: what keeps mail from crossing to another hub, and whom the uplink makes us believe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trunk.cli import config_uplink
from trunk.cli.config_finding import Finding, Weight
from trunk.domain.agency import Agency, DeliveryMode
from trunk.domain.delivery import AgencyCode
from trunk.settings import Settings, load

BEYOND = Agency(code=AgencyCode("B1"), name="Bộ", mode=DeliveryMode.UPLINK)
HOME = Agency(code=AgencyCode("H41.01"), name="Sở", old_code="000.00.01.H41")
GOOD: dict[str, Any] = {"url": "https://hub.example.vn/vxp", "system_id": "H41.TRUC", "organ_ids": ["G00"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "uplink.secret").write_text("s3cret", encoding="utf-8")
    (tmp_path / "uplink.secret").chmod(0o600)
    return tmp_path


def _settings(folder: Path, *, organ_id: str = "H41.TRUC", **uplink: Any) -> Settings:
    values = "\n".join(f"{name} = {json.dumps(value)}" for name, value in uplink.items())
    file = folder / "trunk.toml"
    file.write_text(f'data_folder = "."\n[identity]\norgan_id = "{organ_id}"\n[uplink]\n{values}\n', encoding="utf-8")
    return load(file, {})


def _told(found: Iterator[Finding]) -> list[tuple[Weight, str]]:
    return [(finding.weight, finding.key.removeprefix("uplink.")) for finding in found]


def test_without_an_uplink_there_is_nothing_to_say(folder: Path) -> None:
    settings = _settings(folder, organ_id="TRUNK")
    assert _told(config_uplink.findings(settings)) == []
    assert _told(config_uplink.of_agencies(settings, [HOME])) == []


def test_a_wise_uplink_has_nothing_but_notes(folder: Path) -> None:
    settings = _settings(folder, **GOOD)
    assert _told(config_uplink.findings(settings)) == [(Weight.NOTE, "signature_policy")]
    assert _told(config_uplink.of_agencies(settings, [HOME, BEYOND])) == []


@pytest.mark.parametrize(
    ("change", "weight", "key"),
    [
        ({"url": "http://hub.example.vn/vxp"}, Weight.WARNING, "url"),
        ({"system_id": ""}, Weight.ERROR, "system_id"),
        ({"secret_file": "no-such"}, Weight.ERROR, "secret_file"),
        ({"done": "when-taken"}, Weight.WARNING, "done"),
        ({"organ_ids": ["G00", "H41.TRUC"]}, Weight.ERROR, "organ_ids"),
        ({"signature_policy": "no such"}, Weight.WARNING, "signature_policy"),
        ({"signature_policy": "seal-suffices"}, Weight.WARNING, "signature_policy"),
        ({"push_system": "g00"}, Weight.NOTE, "push_system"),
    ],
)
def test_each_risk_is_named(folder: Path, change: dict[str, Any], weight: Weight, key: str) -> None:
    found = _told(config_uplink.findings(_settings(folder, **(GOOD | change))))
    assert (weight, key) in found
    assert len([one for one in found if one[0] is not Weight.NOTE]) == (weight is not Weight.NOTE)


def test_a_secret_that_others_may_read_is_named(folder: Path) -> None:
    (folder / "uplink.secret").chmod(0o644)
    assert (Weight.WARNING, "secret_file") in _told(config_uplink.findings(_settings(folder, **GOOD)))


def test_an_uplink_on_this_machine_may_be_plain(folder: Path) -> None:
    settings = _settings(folder, **(GOOD | {"url": "http://127.0.0.1:9000/vxp", "address_book_minutes": 0}))
    assert _told(config_uplink.findings(settings)) == []


def test_a_trunk_without_a_name_of_its_own_cannot_tell_loops(folder: Path) -> None:
    assert (Weight.WARNING, "identity.organ_id") in _told(
        config_uplink.findings(_settings(folder, organ_id="TRUNK", **GOOD))
    )
    settings = _settings(folder, organ_id="000.00.01.H41", **GOOD)
    assert _told(config_uplink.of_agencies(settings, [HOME])) == [(Weight.WARNING, "identity.organ_id")]


def test_agencies_beyond_no_uplink_are_named(folder: Path) -> None:
    assert _told(config_uplink.of_agencies(_settings(folder), [HOME, BEYOND])) == [(Weight.WARNING, "url")]
