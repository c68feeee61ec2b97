"""All settings, documented (``sections``), with units in their names; read from TOML and the environment, frozen.

Order: what the environment says (``TRUNK_DATABASE__URL``) overrides the file, which overrides the defaults.
Unknown keys are errors in both. Secrets are named by file, never written here. ``trunk config check`` explains
what it found. This module alone reads the environment.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from trunk.errors import ConfigurationError
from trunk.settings.care import Watch
from trunk.settings.deadlines import Deadlines
from trunk.settings.sections import (
    BROKER_USER,
    Broker,
    Database,
    Delivery,
    Examination,
    Http,
    Identity,
    Lgsp,
    Log,
    Push,
    Revocation,
    Settings,
    Signatures,
    Testing,
    Uplink,
    Vxp,
    WrittenPolicy,
)

__all__ = [
    "BROKER_USER",
    "DEFAULT_FILE",
    "FILE_VARIABLE",
    "KEYS",
    "PREFIX",
    "Broker",
    "Database",
    "Deadlines",
    "Delivery",
    "Examination",
    "Http",
    "Identity",
    "Lgsp",
    "Loaded",
    "Log",
    "Push",
    "Revocation",
    "Settings",
    "Signatures",
    "Testing",
    "Uplink",
    "Vxp",
    "Watch",
    "WrittenPolicy",
    "environment",
    "load",
    "load_explained",
]

PREFIX: Final = "TRUNK_"
FILE_VARIABLE: Final = "TRUNK_CONFIG"
DEFAULT_FILE: Final = "trunk.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Settings with their story: which file was read, and which key comes from where (a missing key: default)."""

    settings: Settings
    file: Path | None
    origins: Mapping[str, str]  #: ``database.url`` → ``TRUNK_DATABASE__URL`` or the file's name

    def values(self) -> Iterator[tuple[str, Any, str]]:
        """Every setting: dotted key, value, origin (empty: default)."""
        for key, value in _flat(self.settings.model_dump()):
            yield key, value, self.origins.get(key, "")


def environment() -> Mapping[str, str]:
    """The process's environment."""
    return os.environ  # noqa: TID251  the one place that reads it


def load(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from ``file`` (or ``TRUNK_CONFIG``, or ``trunk.toml`` here if it exists) and the environment.

    Raises ``ConfigurationError`` that names every key that is wrong and what was expected.
    """
    return load_explained(file, environment).settings


def load_explained(file: Path | None = None, variables: Mapping[str, str] | None = None) -> Loaded:
    """As ``load``, with the origin of every setting."""
    variables = environment() if variables is None else variables
    chosen = file or _named(variables) or _present(Path(DEFAULT_FILE))
    written = _read(chosen) if chosen else {}
    said, names = _from_environment(variables)
    base = chosen.resolve().parent if chosen else Path.cwd()
    try:
        settings = Settings.model_validate(_merge(written, said))
    except ValidationError as error:
        raise ConfigurationError(_explain(error, chosen, names)) from error
    origins = {**{key: str(chosen) for key, _ in _flat(written)}, **names}
    settings = settings.model_copy(update={"data_folder": (base / settings.data_folder).resolve()})
    return Loaded(settings=settings, file=chosen, origins=origins)


def _named(environment: Mapping[str, str]) -> Path | None:
    return Path(environment[FILE_VARIABLE]) if environment.get(FILE_VARIABLE) else None


def _present(file: Path) -> Path | None:
    return file if file.is_file() else None


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as source:
            return tomllib.load(source)
    except FileNotFoundError as error:
        raise ConfigurationError(f"{file}: no such settings file") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}: not TOML: {error}") from error


def _from_environment(variables: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The nested table that the environment spells, and the variable of every dotted key."""
    table: dict[str, Any] = {}
    names: dict[str, str] = {}
    for name in sorted(variables):
        if name.startswith(PREFIX) and name != FILE_VARIABLE:
            *sections, key = name.removeprefix(PREFIX).lower().split("__")
            place = table
            for section in sections:
                place = place.setdefault(section, {})
                if not isinstance(place, dict):
                    raise ConfigurationError(f"{name}: {'.'.join(sections)} is set as a whole already")
            place[key] = variables[name]
            names[".".join((*sections, key))] = name
    return table, names


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        beneath = merged.get(key)
        merged[key] = _merge(beneath, value) if isinstance(value, dict) and isinstance(beneath, dict) else value
    return merged


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _explain(error: ValidationError, file: Path | None, names: Mapping[str, str]) -> str:
    return "; ".join(_sentence(fault, file, names) for fault in error.errors(include_input=False, include_url=False))


def _sentence(fault: Mapping[str, Any], file: Path | None, names: Mapping[str, str]) -> str:
    """Where it was written, which key, what is wrong; never the value, which may be a secret."""
    key = ".".join(str(part) for part in fault["loc"])
    where = names.get(key) or f"{file or 'settings'}: {key}"
    if fault["type"] != "extra_forbidden":
        return f"{where}: {fault['msg'].removeprefix('Value error, ')}"
    close = difflib.get_close_matches(key, KEYS, n=1)
    return f"{where}: no such setting" + (f"; did you mean {close[0]}?" if close else "")


KEYS: Final = tuple(key for key, _ in _flat(Settings().model_dump()))
"""Every setting's dotted name."""
