"""The policies of signatures that hold here: the built-in ones and those of the settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from signing.verdict import Role
from trunk.domain.signature_policy import (
    BUILT_IN,
    EnvelopeSignature,
    Personal,
    Policies,
    SignaturePolicy,
    Trouble,
    Uncertain,
)
from trunk.errors import ConfigurationError
from trunk.settings import WrittenPolicy

_RULES: Final = {
    "envelope_signature": EnvelopeSignature,
    "personal": Personal,
    "attachments": Trouble,
    "uncertain": Uncertain,
}
_LISTS: Final = ("signature_methods", "digest_algorithms")


def policies(written: Mapping[str, WrittenPolicy]) -> Policies:
    """Raises ``ConfigurationError`` for a name that is taken and for a base that is not there."""
    return Policies({**BUILT_IN, **{name: _policy(name, said) for name, said in written.items()}})


def _policy(name: str, said: WrittenPolicy) -> SignaturePolicy:
    key = f"signatures.policies.{name}"
    if name in BUILT_IN:
        raise ConfigurationError(f"{key}: a built-in policy has that name and cannot be altered; choose another name")
    if said.base not in BUILT_IN:
        raise ConfigurationError(f"{key}.base: no such policy; write {' or '.join(BUILT_IN)}")
    changes: dict[str, Any] = {rule: kind(getattr(said, rule)) for rule, kind in _RULES.items() if getattr(said, rule)}
    changes |= {listed: getattr(said, listed) for listed in _LISTS if getattr(said, listed)}
    if said.roles:
        changes["roles"] = frozenset(map(Role, said.roles))
    if said.min_rsa_bits:
        changes["min_rsa_bits"] = said.min_rsa_bits
    return dataclasses.replace(BUILT_IN[said.base], name=name, **changes)
