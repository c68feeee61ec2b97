"""An authority, another of its name, a person, and a shelf to lay statements on."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.certificates import Identity, Wish, ec_key, issue
from tests.unit.signing.conftest import AT
from tests.unit.signing.revocation.statements import DAY, SOURCES, Room


@pytest.fixture(scope="module")
def ca() -> Identity:
    return issue(None, Wish(name="Authority", key=ec_key(), authority=True, lasts=3650 * DAY), at=AT)


@pytest.fixture(scope="module")
def other() -> Identity:
    """Another authority of the same name."""
    return issue(None, Wish(name="Authority", key=ec_key(), authority=True), at=AT)


@pytest.fixture(scope="module")
def person(ca: Identity) -> Identity:
    return issue(ca, Wish(name="x", key=ec_key(), sources=SOURCES), at=AT)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room.at(tmp_path / "revocation")
