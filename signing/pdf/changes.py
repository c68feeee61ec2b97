"""What was added to a PDF after a signature, and whether it may have been.

Law: only signatures in signature fields (with their looks), their evidence (DSS), timestamps, and what tools write
into the document's metadata when they save. Anything else is a change, whatever the signer permitted by DocMDP: values
of forms, annotations, pages. The comparison is pyHanko's, the list of what is allowed is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import HistoricalResolver
from pyhanko.sign.diff_analysis import (
    CatalogModificationRule,
    DiffResult,
    DocInfoRule,
    DSSCompareRule,
    MetadataUpdateRule,
    ModificationLevel,
    ObjectStreamRule,
    QualifiedWhitelistRule,
    ReferenceUpdate,
    StandardDiffPolicy,
    SuspiciousModification,
    XrefStreamRule,
)
from pyhanko.sign.fields import enumerate_sig_fields

from signing.errors import SigningCode
from signing.pdf.boxes import MOST_OF_A_PAGE, Box, painted_over
from signing.pdf.form import FormRule
from signing.pdf.held import Held
from signing.pdf.survey import Survey
from signing.verdict import Finding

_ADDED: Final = ModificationLevel.LTA_UPDATES
#: Of the information dictionary: what tools write when they save.
_INFORMATION_KEYS: Final = frozenset({"/ModDate", "/Producer", "/Creator"})


class _Noted(QualifiedWhitelistRule):
    """A rule that leaves a word behind where it applied."""

    def __init__(self, rule: Any, word: str, words: set[str]) -> None:
        self._rule, self._word, self._words = rule.as_qualified(_ADDED), word, words

    def apply_qualified(
        self, old: HistoricalResolver, new: HistoricalResolver
    ) -> Iterator[tuple[ModificationLevel, ReferenceUpdate]]:
        written = new.explicit_refs_in_revision()
        for level, update in self._rule.apply_qualified(old, new):
            if update.updated_ref in written:
                self._words.add(self._word)
            yield level, update


class _InformationRule(DocInfoRule):
    """Title, author and subject stay; dates and tools may change."""

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterable[ReferenceUpdate]:
        before, after = (_information(one) for one in (old, new))
        changed = {key for key in {*before, *after} if before.get(key) != after.get(key)}
        if changed - _INFORMATION_KEYS:
            raise SuspiciousModification("the information dictionary")
        return super().apply(old, new)


def _information(one: HistoricalResolver) -> dict[str, Any]:
    """As that revision has it: references in a trailer lead to the newest, whichever revision it is of."""
    reference: generic.Reference | None = one.trailer_view.get_value_as_reference("/Info", optional=True)
    return {} if reference is None else dict(one(reference))


def changes(one: Held, later: Iterable[Held], seen: Survey, boxes: tuple[Box, ...]) -> tuple[str, ...] | Finding:
    """Words for what was added after ``one``, all of it allowed; or that something else was. May raise anything."""
    words = {"timestamp" if other.kind == "ETSI.RFC3161" else "signature" for other in later}
    if seen.filled_in_after(one.revision):
        return _changed(one, "every object that the signed revision names", "one that was added later")
    signed = one.embedded
    compared = _policy(words, other_fields=seen.other_fields).review_file(
        signed.reader, one.revision, field_mdp_spec=signed.fieldmdp, doc_mdp=signed.docmdp_level
    )
    if not isinstance(compared, DiffResult):
        return _changed(one, "further signatures and their evidence alone")
    if _more_than_permitted(one, compared):
        return _changed(one, "no change: the signer certified the document as final")
    if painted_over(boxes, since=one.revision):
        return _changed(one, f"later signatures on at most {MOST_OF_A_PAGE:.0%} of a page", "ones that paint it over")
    if _shows_without_signature(one):
        return _changed(one, "a signature in each field that was added", "an empty one that shows something")
    return tuple(sorted(words))


def _policy(words: set[str], *, other_fields: bool) -> StandardDiffPolicy:
    return StandardDiffPolicy(
        global_rules=[
            CatalogModificationRule(),
            XrefStreamRule().as_qualified(_ADDED),
            ObjectStreamRule().as_qualified(_ADDED),
            _Noted(_InformationRule(), "metadata", words),
            _Noted(MetadataUpdateRule(), "metadata", words),
            _Noted(DSSCompareRule(), "dss", words),
        ],
        form_rule=FormRule(other_fields=other_fields),
    )


def _more_than_permitted(one: Held, compared: DiffResult) -> bool:
    permitted = one.embedded.docmdp_level
    return permitted is not None and compared.modification_level.value > permitted.value


def _shows_without_signature(one: Held) -> bool:
    """Whether a field without a signature, younger than this one, has looks: nobody answers for what it shows."""
    reader = one.embedded.reader
    return any(
        reader.xrefs.get_introducing_revision(field.reference) > one.revision and "/AP" in field.get_object()
        for _, _, field in enumerate_sig_fields(reader, filled_status=False)
    )


def _changed(one: Held, expected: str, got: str = "") -> Finding:
    return Finding(code=SigningCode.PDF_CHANGED, path=one.field, expected=expected, got=got)
