"""A finding of ``trunk config check``."""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import BaseModel

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class Weight(StrEnum):
    """How much a finding matters."""

    ERROR = "error"  #: the trunk would not start, or not work
    WARNING = "warning"  #: it works, less safely than it could
    NOTE = "note"  #: worth knowing


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One remark on one setting."""

    weight: Weight
    key: str
    text: str
    remedy: str = ""


def longer(section: BaseModel, name: str, keys: Sequence[str]) -> Iterator[Finding]:
    """What is allowed more than by default."""
    for key in keys:
        got, default = getattr(section, key), type(section).model_fields[key].default
        if got > default:
            yield Finding(
                weight=Weight.WARNING,
                key=f"{name}.{key}",
                text=f"{got:g}, more than the default",
                remedy=f"{default:g}",
            )


def open_to_others(file: Path, key: str) -> Iterator[Finding]:
    """A file with a secret in it that others may read."""
    if file.is_file() and file.stat().st_mode & _OTHERS:
        yield Finding(
            weight=Weight.WARNING,
            key=key,
            text=f"{file} may be read by others (mode {stat.S_IMODE(file.stat().st_mode):o})",
            remedy=f"chmod 600 {file}",
        )


def is_loopback(host: str) -> bool:
    """Whether it is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
