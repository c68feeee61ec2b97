"""A recipient's answer, read: a bounded number of octets, plain JSON, no more of it than the digest it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from trunk.domain.push_reply import Said

MOST_ANSWER: Final = 64 * 2**10
DIGEST_HEADER: Final = "Trunk-SHA256"
_MOST_WORD: Final = 128


def read_answer(status: int, headers: Mapping[str, str], octets: bytes, *, whole: bool) -> Said:
    """What it says. A body that cannot be read says nothing."""
    named = (headers[DIGEST_HEADER][:_MOST_WORD],) if DIGEST_HEADER in headers else ()
    retry_after = headers.get("Retry-After", "")[:_MOST_WORD]
    if len(octets) > MOST_ANSWER:
        return Said(status=status, flaw="too_large", whole=whole, retry_after=retry_after)
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        return Said(status=status, flaw="encoded", whole=whole, retry_after=retry_after)
    told = json_texts(octets)
    return Said(
        status=status,
        digests=(*named, told["sha256"]) if "sha256" in told else named,
        whole=whole,
        retry_after=retry_after,
        challenge=told.get("challenge", ""),
    )


def json_texts(octets: bytes) -> dict[str, str]:
    """The texts of a JSON object by name; nothing of anything else."""
    try:
        said = orjson.loads(octets)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(said, dict):
        return {}
    return {name: text[:_MOST_WORD] for name, text in said.items() if isinstance(text, str)}
