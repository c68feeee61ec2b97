"""trunk admin operator: a key is shown once, a role is one of two, a revoked key is no key."""

from __future__ import annotations

import pytest

from tests.unit.cli.town import Town
from trunk.cli.exits import Exit

OPERATOR = ("admin", "operator")


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked_by_name(town: Town) -> None:
    made = town.run(*OPERATOR, "add", "binh", "--role", "administrator", "--expires-days", "90")
    assert made.exit_code == 0
    key = made.stdout.strip()
    assert key.startswith("edocadm_")
    assert key not in made.stderr
    (item,) = town.json(*OPERATOR, "list", "--json")["items"]
    assert (item["operator"], item["role"], item["state"]) == ("binh", "administrator", "valid")
    assert key.rpartition("_")[2] not in str(item)
    assert "binh" in town.run(*OPERATOR, "list").stdout
    assert town.run(*OPERATOR, "revoke", "binh").exit_code == 0
    assert town.run(*OPERATOR, "revoke", "binh").exit_code == Exit.NOT_FOUND
    assert town.json(*OPERATOR, "list", "--json")["items"][0]["state"] == "revoked"


@pytest.mark.parametrize("role", ["root", ""])
def test_there_are_two_roles(town: Town, role: str) -> None:
    assert town.run(*OPERATOR, "add", "binh", "--role", role).exit_code == Exit.USAGE


def test_a_third_key_or_another_role_is_refused_with_what_to_do(town: Town) -> None:
    for _ in range(2):
        assert town.run(*OPERATOR, "add", "binh", "--role", "monitor").exit_code == 0
    for role in ("monitor", "administrator"):
        refused = town.run(*OPERATOR, "add", "binh", "--role", role)
        assert refused.exit_code == Exit.REFUSED
        assert "trunk admin operator revoke" in refused.output
