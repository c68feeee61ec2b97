"""A finding of ``trunk config check``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel


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
