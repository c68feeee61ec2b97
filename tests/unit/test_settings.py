"""Settings: found, merged, explained; never a secret in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunk import settings
from trunk.errors import ConfigurationError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str, name: str = "trunk.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def fault_of(**variables: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        settings.load(environment=variables)
    return str(caught.value)


def test_without_file_and_environment_the_defaults_serve_this_folder(folder: Path) -> None:
    loaded = settings.load_explained(variables={})
    assert loaded.settings.data_folder == folder / "var"
    assert loaded.settings.database_url == f"sqlite:///{folder}/var/ledger.db"
    assert loaded.settings.embedded
    assert loaded.file is None
    assert not loaded.origins


def test_the_environment_outranks_the_file_which_outranks_the_defaults(folder: Path) -> None:
    write(folder, "[http]\nport = 1\nhost = '::1'\n")
    loaded = settings.load_explained(variables={"TRUNK_HTTP__PORT": "2", "PATH": "/bin"})
    assert (loaded.settings.http.port, loaded.settings.http.host) == (2, "::1")
    assert loaded.origins == {"http.port": "TRUNK_HTTP__PORT", "http.host": "trunk.toml"}
    story = {key: origin for key, _, origin in loaded.values()}
    assert story["http.port"] == "TRUNK_HTTP__PORT"
    assert story["http.threads"] == ""


def test_paths_are_relative_to_the_settings_file(folder: Path) -> None:
    (folder / "etc").mkdir()
    file = write(folder / "etc", "data_folder = '../data'\n[broker]\nurl_file = 'broker.url'\n")
    (folder / "data").mkdir()
    write(folder / "data", "amqp://trunk:secret@localhost/\n", "broker.url")
    found = settings.load(file, {})
    assert found.data_folder == folder / "data"
    assert found.broker_url == "amqp://trunk:secret@localhost/"
    assert not found.embedded


def test_the_file_may_be_named_by_the_environment(folder: Path) -> None:
    file = write(folder, "language = 'vi'\n", "other.toml")
    assert settings.load(environment={"TRUNK_CONFIG": str(file)}).language == "vi"


def test_every_wrong_key_is_named_at_once_with_its_place(folder: Path) -> None:
    write(folder, "[http]\nprot = 1\nthreads = 0\n")
    message = fault_of(TRUNK_BROKER__WINDOW="many")
    assert "trunk.toml: http.prot: no such setting; did you mean http.port?" in message
    assert "trunk.toml: http.threads: Input should be greater than 0" in message
    assert "TRUNK_BROKER__WINDOW: Input should be a valid integer" in message


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"TRUNK_DATABASE__URL": "mysql://u:hunter2@h/d"}, "expected sqlite:///… or postgresql://…"),
        ({"TRUNK_BROKER__URL": "redis://u:hunter2@h"}, "expected embedded:… or amqp://…"),
        ({"TRUNK_DATABASE__URL": "sqlite:///x", "TRUNK_DATABASE__URL_FILE": "x"}, "url and url_file are both set"),
        ({"TRUNK_DATABASE": "x", "TRUNK_DATABASE__URL": "sqlite:///x"}, "database is set as a whole already"),
        ({"TRUNK_LANGUAGE": "fr"}, "TRUNK_LANGUAGE: String should match pattern"),
        ({"TRUNK_CONFIG": "absent.toml"}, "absent.toml: no such settings file"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_showing_secrets(
    folder: Path, variables: dict[str, str], expected: str
) -> None:
    message = fault_of(**variables)
    assert expected in message
    assert "hunter2" not in message


def test_a_file_that_is_not_toml_is_refused(folder: Path) -> None:
    write(folder, "port: 1\n")
    assert "not TOML" in fault_of()


@pytest.mark.parametrize(("text", "expected"), [(None, "No such file"), ("ftp://x", "holds no such URL")])
def test_a_url_file_that_serves_nothing_is_a_configuration_error(folder: Path, text: str | None, expected: str) -> None:
    (folder / "var").mkdir()
    if text is not None:
        write(folder / "var", text, "url")
    found = settings.load(environment={"TRUNK_DATABASE__URL_FILE": "url"})
    with pytest.raises(ConfigurationError, match=expected):
        _ = found.database_url


def test_settings_cannot_be_changed_after_reading(folder: Path) -> None:
    found = settings.load(environment={})
    with pytest.raises(ValueError, match="frozen"):
        found.http.port = 1


def test_hosts_may_be_written_with_commas_in_the_environment() -> None:
    told = settings.load(None, {"TRUNK_SIGNATURES__REVOCATION__FETCH_HOSTS": "*.ca.vn, ocsp.example.vn:8080"})
    assert told.signatures.revocation.fetch_hosts == ("*.ca.vn", "ocsp.example.vn:8080")
    assert told.signatures.revocation.rule == "require"


@pytest.mark.parametrize("host", ["http://ca.vn", "ca.vn/crl", "*", "a.*.vn", "user@ca.vn", "ca.vn:http", "ca vn"])
def test_what_is_no_host_is_an_error(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"(?i)fetch_hosts"):
        settings.load(None, {"TRUNK_SIGNATURES__REVOCATION__FETCH_HOSTS": host})
