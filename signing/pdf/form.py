"""What a further signature may do to the form's dictionary.

Law: fields are drawn by the form's defaults (``DR``, ``DA``, ``Q``) where they have no look of their own and whenever a
viewer makes one. While there is a field that is no signature, they stay as they were signed; else they may be added to,
as tools do that sign, and nothing that was there becomes something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import HistoricalResolver
from pyhanko.sign.diff_analysis import (
    FormUpdate,
    FormUpdatingRule,
    ModificationLevel,
    SigFieldCreationRule,
    SigFieldModificationRule,
    SuspiciousModification,
)

_RESOURCES: Final = "/DR"
_DEFAULTS: Final = (_RESOURCES, "/DA", "/Q")


class FormRule(FormUpdatingRule):
    """Signature fields may come and be filled. NeedAppearances may not: it makes viewers draw other fields anew."""

    def __init__(self, *, other_fields: bool) -> None:
        """``other_fields``: whether there are any that are no signatures."""
        super().__init__(
            field_rules=[
                SigFieldCreationRule(allow_new_visible_after_certify=False),
                SigFieldModificationRule(allow_in_place_appearance_stream_changes=False),
            ],
            ignored_acroform_keys=frozenset({"/Fields", *_DEFAULTS}),
        )
        self._other_fields = other_fields

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterator[tuple[ModificationLevel, FormUpdate]]:
        """See ``FormUpdatingRule``."""
        before, after = (_defaults(one) for one in (old, new))
        compared = after if self._other_fields else {key: after.get(key) for key in before}
        if before != compared:
            raise SuspiciousModification("the defaults of the form")
        yield from super().apply(old, new)


def _defaults(one: HistoricalResolver) -> dict[tuple[str, ...], Any]:
    """Each of them; of the resources each kind, by names where it has names."""
    form = one.root["/AcroForm"]
    found: dict[tuple[str, ...], Any] = {(key,): form[key] for key in _DEFAULTS if key in form}
    resources = found.pop((_RESOURCES,), {})
    for kind in resources:
        named = resources[kind]
        plain = not isinstance(named, generic.DictionaryObject)
        found |= {(kind, ""): named} if plain else {(kind, name): value for name, value in dict.items(named)}
    return found
