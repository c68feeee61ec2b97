"""Which of our two languages a caller reads (``Accept-Language``, RFC 9110 12.5.4); Vietnamese if it does not say."""

from __future__ import annotations

from typing import Final, Literal

Language = Literal["vi", "en"]
_OURS: Final[tuple[Language, ...]] = ("vi", "en")


def preferred(header: str) -> Language:
    """The language of ours with the highest weight in ``header``; the one named first among equals."""
    best: Language = "vi"
    weight = 0.0
    for part in header.split(",")[:20]:
        tag, _, parameter = part.strip().partition(";")
        language = _ours(tag)
        quality = _quality(parameter)
        if language is not None and quality > weight:
            best, weight = language, quality
    return best


def _ours(tag: str) -> Language | None:
    primary = tag.strip().lower().partition("-")[0]
    return next((language for language in _OURS if language == primary), None)


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
