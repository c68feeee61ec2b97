"""trunk init, config, serve: a new trunk starts safe, and every relaxation is named."""

from __future__ import annotations

import resource
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from scripts.make_test_pki import Pki, ec_key, make_pki, pem
from signing.certificate import subject_of
from signing.seal import Seal
from tests.unit.cli.town import START, Town
from trunk.cli.exits import Exit
from trunk.cli.main import trunk
from trunk.cli.pem import certificate_in, private_key_in
from trunk.cli.world import World
from trunk.domain.agency import Agency, Mandate
from trunk.domain.delivery import AgencyCode
from trunk.settings import load


@pytest.fixture
def made(town: Town) -> Path:
    result = town.run("init", "srv", "--organ-id", "H41.TRUC", "--name", 'Trục "Mẫu"')
    assert result.exit_code == 0, result.output
    return town.folder / "srv"


@pytest.fixture(scope="module")
def pki() -> Pki:
    return make_pki(at=START, authority_key=ec_key)


@pytest.fixture
def safe(made: Path, pki: Pki) -> Path:
    """A trunk with a root and a list of it: nothing is fetched in this town."""
    (made / "var" / "trust" / "roots" / "root.pem").write_bytes(pem([pki["root"].certificate]))
    (made / "var" / "trust" / "lists" / "root.crl").write_bytes(pki.lists["root"])
    return made


def check(town: Town, config: Path, *arguments: str, exit_code: int) -> dict[str, list[tuple[str, str]]]:
    told = town.json("--config", str(config), "config", "check", "--json", *arguments, exit_code=exit_code)
    found: dict[str, list[tuple[str, str]]] = {"error": [], "warning": [], "note": []}
    for finding in told["findings"]:
        found[finding["weight"]].append((finding["key"], finding["text"]))
    return found


def test_a_new_trunk_has_settings_seal_and_trust_folders(made: Path) -> None:
    settings = load(made / "trunk.toml", {})
    assert (settings.identity.organ_id, settings.identity.name) == ("H41.TRUC", 'Trục "Mẫu"')
    assert settings.data_folder == made / "var"
    key = made / "var" / "seal.key.pem"
    private = private_key_in(key)
    assert isinstance(private, EllipticCurvePrivateKey)
    Seal(private, certificate_in(made / "var" / "seal.crt.pem"))  # tries itself out
    assert [stat.S_IMODE(f.stat().st_mode) for f in (key, made / "var")] == [0o600, 0o700]
    assert sorted(f.name for f in (made / "var" / "trust").iterdir()) == ["intermediates", "lists", "roots"]


def test_a_new_trunk_says_where_revocation_is_to_be_asked(town: Town) -> None:
    told = town.run("init", "srv").stderr
    assert "[signatures.revocation] fetch_hosts" in told
    assert "var/trust/lists" in told
    written = (town.folder / "srv" / "trunk.toml").read_text(encoding="utf-8")
    assert '# [signatures.revocation]\n# fetch_hosts = ["crl.example.vn", "ocsp.example.vn"]\n' in written


def test_serving_warns_of_a_trunk_that_will_refuse_all_mail(
    town: Town, safe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunk.workers.logging.configure", lambda _settings: None)
    town.doors["serve"] = lambda _settings, **_more: 0
    config = ("--config", str(safe / "trunk.toml"), "serve")
    with structlog.testing.capture_logs() as logs:
        assert town.run(*config).exit_code == 0
        assert not logs
        (safe / "var" / "trust" / "lists" / "root.crl").unlink()
        assert town.run(*config).exit_code == 0
    assert [entry["event"] for entry in logs] == ["revocation_unanswerable"]


def test_nothing_is_overwritten(town: Town, made: Path) -> None:
    before = (made / "var" / "seal.key.pem").read_bytes()
    result = town.run("init", "srv")
    assert result.exit_code == Exit.REFUSED
    assert "there already: srv/trunk.toml, srv/var/seal.key.pem" in result.stderr
    assert (made / "var" / "seal.key.pem").read_bytes() == before


def test_a_wise_configuration_has_nothing_but_notes(town: Town, safe: Path) -> None:
    found = check(town, safe / "trunk.toml", exit_code=0)
    assert found["error"] == found["warning"] == []
    assert "broker.url" in [key for key, _ in found["note"]]


def test_a_country_without_known_holidays_is_an_error(town: Town, made: Path) -> None:
    town.environment["TRUNK_DEADLINES__COUNTRY"] = "XX"
    found = check(town, made / "trunk.toml", exit_code=Exit.CONFIGURATION)
    assert "deadlines.country" in [key for key, _ in found["error"]]


def test_a_trunk_that_trusts_nobody_would_not_start(town: Town, made: Path) -> None:
    found = check(town, made / "trunk.toml", exit_code=Exit.CONFIGURATION)
    assert [key for key, _ in found["error"]] == ["signatures.trust_folder", "signatures.revocation.fetch_hosts"]


@pytest.mark.parametrize(
    ("variable", "value", "key"),
    [
        ("TRUNK_HTTP__HOST", "0.0.0.0", "http.host"),  # noqa: S104  what is warned of
        ("TRUNK_HTTP__METRICS_FROM", "0.0.0.0/0", "http.metrics_from"),
        ("TRUNK_TESTING__CRASH_AT", "intake.committed", "testing.crash_at"),
        ("TRUNK_DATABASE__URL", "postgresql://u:p@db/t", "database.url"),
        ("TRUNK_BROKER__URL", "amqp://u:p@mq/", "broker.url"),
        ("TRUNK_DELIVERY__LIFETIME_DAYS", "0.2", "delivery.lifetime_days"),
        ("TRUNK_DEADLINES__URGENT_FETCH_MINUTES", "30000", "deadlines.urgent_fetch_minutes"),
        ("TRUNK_SIGNATURES__CLAIMED_TIME_AGE_DAYS", "90", "signatures.claimed_time_age_days"),
        ("TRUNK_SIGNATURES__REVOCATION__RULE", "none", "signatures.revocation.rule"),
        ("TRUNK_SIGNATURES__REVOCATION__LIST_AGE_HOURS", "48", "signatures.revocation.list_age_hours"),
        ("TRUNK_SIGNATURES__REVOCATION__TOLERANCE_SECONDS", "3600", "signatures.revocation.tolerance_seconds"),
        ("TRUNK_EXAMINATION__PROCESSES", "0", "examination.processes"),
        ("TRUNK_EXAMINATION__SECONDS", "60", "examination.seconds"),
    ],
)
def test_a_relaxation_is_warned_of(town: Town, safe: Path, variable: str, value: str, key: str) -> None:
    town.environment[variable] = value
    assert key in [k for k, _ in check(town, safe / "trunk.toml", exit_code=Exit.REFUSED)["warning"]]


def test_too_few_files_for_the_connections_that_are_wanted_are_warned_of(
    town: Town, safe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    found = check(town, safe / "trunk.toml", exit_code=Exit.REFUSED)
    assert [key for key, _ in found["warning"]] == ["http.connections_per_peer"]


def test_the_seals_key_is_for_its_owner_alone(town: Town, safe: Path) -> None:
    (safe / "var" / "seal.key.pem").chmod(0o640)
    found = check(town, safe / "trunk.toml", exit_code=Exit.REFUSED)
    assert [key for key, _ in found["warning"]] == ["signatures.seal_key_file"]


def test_a_trunk_that_can_ask_nobody_of_revocation_says_so(town: Town, safe: Path) -> None:
    (safe / "var" / "trust" / "lists" / "root.crl").unlink()
    found = check(town, safe / "trunk.toml", exit_code=Exit.CONFIGURATION)
    assert [key for key, _ in found["error"]] == ["signatures.revocation.fetch_hosts"]
    result = town.run("--config", str(safe / "trunk.toml"), "config", "check")
    assert '           [signatures.revocation]\n           fetch_hosts = ["crl.example.vn"]\n' in result.stdout


def test_the_lines_to_paste_make_it_answerable(town: Town, safe: Path) -> None:
    (safe / "var" / "trust" / "lists" / "root.crl").unlink()
    with (safe / "trunk.toml").open("a", encoding="utf-8") as settings:
        settings.write('[signatures.revocation]\nfetch_hosts = ["crl.example.vn"]\n')
    assert not check(town, safe / "trunk.toml", exit_code=0)["error"]


def test_a_list_that_is_garbled_or_stale_or_misnamed_tells_nothing(town: Town, safe: Path, pki: Pki) -> None:
    lists = safe / "var" / "trust" / "lists"
    (lists / "root.crl").write_bytes(b"x")
    (lists / "root.pem").write_bytes(pki.lists["root"])
    found = check(town, safe / "trunk.toml", exit_code=Exit.CONFIGURATION)
    assert [key for key, _ in found["error"]] == ["signatures.revocation.fetch_hosts"]
    assert ["root.crl: " in found["warning"][0][1], "root.pem: " in found["warning"][1][1]] == [True, True]
    (lists / "root.crl").write_bytes(pki.lists["root"])
    (lists / "root.pem").unlink()
    town.now += timedelta(days=400)
    found = check(town, safe / "trunk.toml", exit_code=Exit.CONFIGURATION)
    assert "(1 there, none fresh now)" in found["error"][0][1]


def test_an_authority_without_a_list_is_named(town: Town, safe: Path, pki: Pki) -> None:
    (safe / "var" / "trust" / "intermediates" / "ca.pem").write_bytes(pem([pki["ca"].certificate]))
    found = check(town, safe / "trunk.toml", exit_code=Exit.REFUSED)
    name = subject_of(pki["ca"].certificate)
    assert [text for _, text in found["warning"]] == [
        f"no fresh list of {name}, and no host may be asked: what it has issued cannot be told valid (503 SIG-301)"
    ]
    (safe / "var" / "trust" / "lists" / "ca.crl").write_bytes(pki.lists["forged-list-ca"])
    assert name in check(town, safe / "trunk.toml", exit_code=Exit.REFUSED)["warning"][0][1]
    (safe / "var" / "trust" / "lists" / "ca.crl").write_bytes(pki.lists["ca"])
    assert not check(town, safe / "trunk.toml", exit_code=0)["warning"]


def test_a_host_that_the_trust_folder_names_and_may_not_be_asked_is_told(town: Town, safe: Path) -> None:
    networked = make_pki(at=START, authority_key=ec_key, base_url="http://ca.example.vn:81")
    trust = safe / "var" / "trust"
    (trust / "lists" / "root.crl").unlink()
    (trust / "roots" / "root.pem").write_bytes(pem([networked["root"].certificate]))
    (trust / "intermediates" / "ca.pem").write_bytes(pem([networked["ca"].certificate]))
    config = ("--config", str(safe / "trunk.toml"), "config", "check", "--json")
    told = town.json(*config, exit_code=Exit.CONFIGURATION)["findings"][0]
    assert told["remedy"].endswith('[signatures.revocation]\nfetch_hosts = ["ca.example.vn:81"]')
    town.environment["TRUNK_SIGNATURES__REVOCATION__FETCH_HOSTS"] = "crl.example.vn"
    told = town.json(*config, exit_code=Exit.REFUSED)["findings"][0]
    assert told["remedy"].endswith('fetch_hosts = ["crl.example.vn", "ca.example.vn:81"]')
    town.environment["TRUNK_SIGNATURES__REVOCATION__FETCH_HOSTS"] = "ca.example.vn:81"
    assert not check(town, safe / "trunk.toml", exit_code=0)["warning"]


def test_a_root_that_cannot_be_read_is_named_as_the_service_would(town: Town, safe: Path) -> None:
    (safe / "var" / "trust" / "roots" / "other.pem").write_text("garbage", encoding="ascii")
    result = town.run("--config", str(safe / "trunk.toml"), "config", "check", width=400)
    assert result.exit_code == Exit.CONFIGURATION
    assert f"{safe / 'var' / 'trust' / 'roots' / 'other.pem'}: " in result.stdout
    assert "→ mend it or take it away, then `trunk config check`" in result.stdout


def test_trust_domains_are_told(town: Town, made: Path, pki: Pki) -> None:
    (made / "var" / "trust" / "roots").rmdir()
    pki.write_trust(made / "var" / "trust")
    notes = check(town, made / "trunk.toml", exit_code=0)["note"]
    domains = "government (1 root), public (1 root), stamps (1 root)"
    assert ("signatures.trust_folder", f"trust domains: {domains}") in notes


def test_mandates_under_which_nothing_can_be_signed_are_told(town: Town, safe: Path) -> None:
    nowhere, tax = Mandate(uid="CCCD:001085000001", domain="gov"), Mandate(uid="MST:0101")
    policies = {"G97": (tax, "required"), "G98": (tax, "seal-suffices"), "G99": (nowhere, "required")}
    with town.ledger.begin() as book:
        for code, (mandate, policy) in policies.items():
            book.put_agency(
                Agency(code=AgencyCode(code), name="x", signature_policy=policy, mandates=(mandate,)),
            )
    warned = [text for _, text in check(town, safe / "trunk.toml", exit_code=Exit.REFUSED)["warning"]]
    refused = "all its mandates are an organisation's (MST:0101), and a person's signature is asked for"
    assert f"G97 (required): {refused}: its documents are refused" in warned
    assert 'G99: a mandate holds in the trust domain "gov" only, which does not exist' in warned
    assert not any(text.startswith("G98: ") or refused in text for text in warned if text.startswith("G98"))


def test_a_missing_seal_or_url_file_is_an_error(town: Town, made: Path) -> None:
    (made / "var" / "seal.key.pem").unlink()
    town.environment["TRUNK_BROKER__URL_FILE"] = "absent"
    keys = [key for key, _ in check(town, made / "trunk.toml", exit_code=Exit.CONFIGURATION)["error"]]
    assert {"signatures.seal_key_file", "broker"} <= set(keys)


def test_several_processes_with_embedded_brokers_are_warned_of(town: Town, safe: Path) -> None:
    found = check(town, safe / "trunk.toml", "--workers", "4", exit_code=Exit.REFUSED)
    assert [key for key, _ in found["warning"]] == ["broker.url"]


def test_agencies_that_may_send_unsigned_mail_are_named(town: Town, made: Path) -> None:
    with town.ledger.begin() as book:
        book.put_agency(Agency(code=AgencyCode("G99"), name="x", signature_policy="deliver-marked"))
    result = town.run("--config", str(made / "trunk.toml"), "config", "check")
    assert "G99 (deliver-marked): documents without a signature in the header travel marked; " in result.stdout


def test_each_relaxation_of_a_policy_is_a_warning_of_its_own(town: Town, safe: Path) -> None:
    settings = (safe / "trunk.toml").read_text(encoding="utf-8")
    lax = "\n[signatures.policies.lax]\nbase = 'seal-suffices'\nuncertain = 'mark'\n"
    strict = "[signatures.policies.strict]\nsignature_methods = ['rsa-pss-sha256']\nmin_rsa_bits = 3072\n"
    (safe / "trunk.toml").write_text(settings + lax + strict, encoding="utf-8")
    with town.ledger.begin() as book:
        for code, name in (("G97", "lax"), ("G98", "strict"), ("G99", "gone")):
            book.put_agency(Agency(code=AgencyCode(code), name="x", signature_policy=name))
    warned = check(town, safe / "trunk.toml", exit_code=Exit.REFUSED)["warning"]
    others = "signatures of others than persons count as personal ones"
    uncertain = "signatures that cannot be told valid yet travel marked"
    assert [text for key, text in warned if key == "signatures.policies.lax"] == [others, uncertain]
    assert [text for key, text in warned if key == "directory"] == [
        f"G97 (lax): {others}; {uncertain}",
        'G99 (gone): no policy has the name "gone"; the strictest holds',
    ]


def test_a_policy_that_alters_nothing_known_is_an_error(town: Town, made: Path) -> None:
    settings = (made / "trunk.toml").read_text(encoding="utf-8")
    (made / "trunk.toml").write_text(settings + "\n[signatures.policies.x]\nbase = 'y'\n", encoding="utf-8")
    found = check(town, made / "trunk.toml", exit_code=Exit.CONFIGURATION)
    assert "signatures.policies" in [key for key, _ in found["error"]]


def test_settings_are_shown_with_their_origin_and_without_passwords(town: Town, made: Path) -> None:
    town.environment |= {"TRUNK_DATABASE__URL": "postgresql://trunk:hunter2@db/trunk", "TRUNK_HTTP__PORT": "81"}
    config = ("--config", str(made / "trunk.toml"))
    told = {one["key"]: one for one in town.json(*config, "config", "show", "--json")}
    assert told["database.url"]["value"] == "postgresql://trunk:****@db/trunk"
    assert told["http.port"] == {"key": "http.port", "value": 81, "from": "TRUNK_HTTP__PORT"}
    assert told["identity.organ_id"]["from"].endswith("trunk.toml")
    assert told["http.host"]["from"] == "default"
    for command in ("show", "check"):
        assert "hunter2" not in town.run(*config, "config", command).output


def test_settings_that_cannot_be_read_are_exit_code_4(town: Town) -> None:
    (town.folder / "trunk.toml").write_text("[http]\nprot = 1\n", encoding="utf-8")
    for command in (("config", "check"), ("config", "show"), ("list",), ("serve",)):
        result = town.run(*command)
        assert result.exit_code == Exit.CONFIGURATION
        assert "did you mean http.port?" in result.stderr


def test_serving_passes_on_what_was_asked_and_its_exit_code(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def serve(settings: Any, **more: Any) -> int:
        asked.update(more, host=settings.http.host, port=settings.http.port)
        return 7

    monkeypatch.setattr("trunk.workers.logging.configure", lambda _settings: None)
    town.doors["serve"] = serve
    assert town.run("serve", "--workers", "3", "--port", "0").exit_code == 7
    assert asked == {"workers": 3, "config": None, "shared_port": False, "host": "127.0.0.1", "port": 0}


def test_the_seal_lasts_five_years_from_now(town: Town, made: Path) -> None:
    certificate = certificate_in(made / "var" / "seal.crt.pem")
    assert certificate.not_valid_before_utc < START < certificate.not_valid_after_utc
    assert (certificate.not_valid_after_utc - START).days == 5 * 365


def test_the_real_doors_open_a_real_trunk_and_a_missing_ledger_is_no_outage(town: Town) -> None:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(trunk, ["--config", "srv/trunk.toml", *arguments], obj=World())

    assert CliRunner().invoke(trunk, ["init", "srv"], obj=World()).exit_code == 0
    assert run("list").exit_code == 0
    assert run("admin", "agency", "list").exit_code == 0
    assert run("admin", "system", "list").exit_code == 0
    (town.folder / "srv" / "var" / "ledger.db").unlink()
    for command in (("list",), ("admin", "system", "list")):
        result = run(*command)
        assert result.exit_code == Exit.CONFIGURATION
        assert "trunk admin upgrade" in result.stderr
    assert not (town.folder / "srv" / "var" / "ledger.db").exists()
