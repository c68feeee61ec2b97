"""What another hub brings may have come before: the same octets for others of our agencies, or once more for the same.

A hub asks for some of the addressees at a time, repeats what got no answer, and may both be asked for mail and bring
it. So what it brings is known by its recipients too, and nobody gets the same octets twice.
"""

from __future__ import annotations

from dataclasses import replace

from envelopes.model import Document
from trunk.application.submission import Authorised, PreparedRepetition, Submission
from trunk.storage.ledger import View


def not_yet_had(
    view: View, submission: Submission, document: Document, authorised: Authorised
) -> Authorised | PreparedRepetition:
    """Those of the recipients who have not had it; where all have, the acceptance that most of them had it by."""
    sender = authorised.sender.code
    same = [
        accepted
        for envelope in view.find(document.document_id, seen_by=(sender,))
        if (envelope.sender, envelope.sha256) == (sender, submission.sha256)
        and (accepted := view.accepted(envelope.id)) is not None
    ]
    wanted = {agency.code for agency in authorised.recipients}
    had = [wanted & {delivery.addressee for delivery in accepted.deliveries} for accepted in same]
    left = wanted.difference(*had)
    if same and not left:
        fullest = max(range(len(same)), key=lambda place: len(had[place]))
        return PreparedRepetition(accepted=same[fullest])
    return replace(authorised, recipients=[agency for agency in authorised.recipients if agency.code in left])
