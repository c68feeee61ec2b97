"""Weighs a report by a policy. Pure; the law and the table stand beside ``trunk.domain.signature_policy``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import Enum, auto
from typing import Final

from signing.errors import SigningCode
from signing.names import SIGNATURE_PATH
from signing.report import AttachmentReport, Report
from signing.verdict import Verdict
from trunk.domain.agency import Agency
from trunk.domain.outcome import Flaw
from trunk.domain.rejection import Code
from trunk.domain.signature_policy import (
    EnvelopeSignature,
    Personal,
    SignaturePolicy,
    Trouble,
    Uncertain,
    Weighed,
    is_temporary,
)

_MANIFEST: Final = "/edXML/edXML:edXMLEnvelope/edXML:edXMLBody/edXML:edXMLManifest"
_WHOLE: Final = "file"  #: what a verdict covers that reaches the end of its PDF
_STORE: Final = "dss"  #: among the last signature's later changes: nothing else stands behind it


def weigh(policy: SignaturePolicy, report: Report, sender: Agency, *, at: datetime, over_hub: bool = False) -> Weighed:
    """Every reason to refuse the message, come again with it or mark it; ``at``: the time of acceptance.

    ``over_hub``: another hub brought it. Who may sign for an agency, its own hub knows; where nobody told us, a
    signature can be found good, and nobody here can say whether it is that of somebody mandated.
    """
    scale = _Scale(policy, sender, at, told=bool(sender.mandates) or not over_hub)
    scale.envelope(report.envelope)
    for attachment in report.attachments:
        scale.attachment(attachment)
    scale.personal(report)
    return scale.read()


def findings_of_header(report: Report) -> tuple[Flaw, ...]:
    """What is wrong with a broken signature in the header: refused whoever sends it."""
    verdict = report.envelope
    return tuple(_findings(verdict)) if _standing(verdict) is _Standing.BROKEN else ()


class _Standing(Enum):
    ABSENT = auto()
    BROKEN = auto()
    UNCERTAIN = auto()
    PASSED = auto()


def _standing(verdict: Verdict) -> _Standing:
    """An indeterminate one is uncertain only if time can help; for any other reason it counts as broken."""
    if verdict.passed:
        return _Standing.PASSED
    if verdict.failed:
        return _Standing.BROKEN
    if not verdict.signed:
        return _Standing.ABSENT
    waits = verdict.findings and all(is_temporary(Code(finding.code)) for finding in verdict.findings)
    return _Standing.UNCERTAIN if waits else _Standing.BROKEN


class _Scale:
    def __init__(self, policy: SignaturePolicy, sender: Agency, at: datetime, *, told: bool) -> None:
        self._policy = policy
        self._sender = sender
        self._at = at
        self._told = told  #: whether anybody has told us who may sign for the sender
        self._flaws: list[Flaw] = []
        self._because: list[Code] = []
        self._counted: list[str] = []
        self._awaited: set[str] = set()  #: where somebody's signature stands who is not known yet
        self._unvouched = False  #: somebody signed who would count, and whose mandate nobody told us

    def envelope(self, verdict: Verdict) -> None:
        standing = _standing(verdict)
        if standing is _Standing.ABSENT:
            self._absent(verdict)
        elif standing is _Standing.BROKEN:
            self._flaws += _findings(verdict)
        elif not self._mandated(verdict):
            self._not_mandated(verdict, standing)
        elif weakness := self._weakness(verdict, SIGNATURE_PATH):
            self._flaws.append(weakness)
        else:
            if standing is _Standing.UNCERTAIN:
                self._wait(verdict)
            self._count(verdict, "envelope")

    def attachment(self, attachment: AttachmentReport) -> None:
        for verdict in attachment.verdicts:
            place = _place(attachment)
            standing = _standing(verdict)
            if verdict.unproved and place not in self._counted:
                continue  # an old annex: reported, and no more
            if standing is _Standing.BROKEN:
                self._trouble(_findings(verdict, place))
                continue
            if standing is _Standing.UNCERTAIN:
                self._wait(verdict, place)
            if not self._mandated(verdict):
                self._pass_by(verdict)
                continue  # somebody else's: reported, and no more
            weakness = self._weakness(verdict, place)
            if weakness:
                self._trouble(iter((weakness,)))
            else:
                self._count(verdict, place)

    def personal(self, report: Report) -> None:
        """Asked only of what is not refused yet: what is missing then is not a consequence of what is wrong."""
        rule = self._policy.personal
        if rule is Personal.NOT_NEEDED or any(not is_temporary(flaw.code) for flaw in self._flaws):
            return
        if rule is Personal.ON_MAIN_DOCUMENT:
            self._flaws += self._main_document(report)
        elif self._counted or self._awaited:
            return
        elif rule is Personal.MARK:
            self._because.append(Code.SIGNER_WITHOUT_MANDATE if self._unvouched else Code.NO_PERSONAL_SIGNATURE)
        else:
            self._flaws.append(Flaw(code=Code.NO_PERSONAL_SIGNATURE, path=SIGNATURE_PATH))

    def read(self) -> Weighed:
        return Weighed(
            policy=self._policy.name,
            flaws=tuple(sorted(self._flaws, key=lambda flaw: is_temporary(flaw.code))),
            because=tuple(dict.fromkeys(self._because)),
            counted=tuple(dict.fromkeys(self._counted)),
        )

    def _absent(self, verdict: Verdict) -> None:
        placeholder = any(finding.code is SigningCode.PLACEHOLDER for finding in verdict.findings)
        code = Code.PLACEHOLDER if placeholder else Code.UNSIGNED
        if self._policy.envelope_signature is EnvelopeSignature.REQUIRED:
            self._flaws.append(Flaw(code=code, path=SIGNATURE_PATH))
        elif self._policy.envelope_signature is EnvelopeSignature.MARK:
            self._because.append(code)

    def _not_mandated(self, verdict: Verdict, standing: _Standing) -> None:
        """A signature in the header of somebody who has no mandate, or of whom nobody told us."""
        if self._told or verdict.signer is None:
            got = verdict.signer.fingerprint if verdict.signer is not None else ""
            self._flaws.append(Flaw(code=Code.SIGNER_WITHOUT_MANDATE, path=SIGNATURE_PATH, got=got))
            return
        if standing is _Standing.UNCERTAIN:
            self._wait(verdict)
        self._because.append(Code.SIGNER_WITHOUT_MANDATE)
        self._pass_by(verdict)

    def _pass_by(self, verdict: Verdict) -> None:
        if not self._told and verdict.signer is not None and verdict.signer.role in self._policy.roles:
            self._unvouched = True

    def _wait(self, verdict: Verdict, place: str = "") -> None:
        if self._policy.uncertain is Uncertain.COME_AGAIN:
            self._flaws += _findings(verdict, place)
        else:
            self._because += (flaw.code for flaw in _findings(verdict, place))

    def _trouble(self, flaws: Iterator[Flaw]) -> None:
        if self._policy.attachments is Trouble.REFUSE:
            self._flaws += flaws
        else:
            self._because += (flaw.code for flaw in flaws)

    def _mandated(self, verdict: Verdict) -> bool:
        """At both times: the signing time is a claim, and who was dismissed could claim the day before.

        Whose signature it is may not be known yet: an authority is missing. It may be that of somebody mandated,
        but for a timestamp over the document, which is nobody's.
        """
        signer = verdict.signer
        if signer is None:
            return _standing(verdict) is _Standing.UNCERTAIN and verdict.stamp is None
        return all(self._sender.may_be_signed_by(signer, at=time) for time in (verdict.signing_time, self._at))

    def _weakness(self, verdict: Verdict, place: str) -> Flaw | None:
        """What the policy asks beyond verification; what is not told does not pass."""
        policy, signer = self._policy, verdict.signer
        if signer is None:
            return None  # asked when it is known whose it is
        for allowed, got in (
            (policy.signature_methods, verdict.algorithm),
            (policy.digest_algorithms, verdict.digest_algorithm),
        ):
            if allowed is not None and not set(got.split(",")) <= allowed:  # XML may use several digests
                return Flaw(code=Code.WEAK_ALGORITHM, path=place, expected=", ".join(sorted(allowed)), got=got)
        if verdict.algorithm.startswith("rsa") and signer.key_bits < policy.min_rsa_bits:
            expected, got = f"{policy.min_rsa_bits} bits", f"{signer.key_bits} bits"
            return Flaw(code=Code.WEAK_ALGORITHM, path=place, expected=expected, got=got)
        return None

    def _count(self, verdict: Verdict, place: str) -> None:
        if verdict.signer is None:
            self._awaited.add(place)
        elif verdict.signer.role in self._policy.roles:
            self._counted.append(place)

    def _main_document(self, report: Report) -> Iterator[Flaw]:
        main = next((one for one in report.attachments if one.main), None)
        place = _MANIFEST if main is None else _place(main)
        if main is None or place not in {*self._counted, *self._awaited}:
            yield Flaw(code=Code.MAIN_DOCUMENT_UNSIGNED, path=place)
            return
        last = max(main.verdicts, key=lambda verdict: verdict.order)
        if last.passed and _WHOLE not in last.covered and _STORE not in last.later_changes:
            yield Flaw(code=Code.PDF_NOT_COVERED, path=place)


def _place(attachment: AttachmentReport) -> str:
    return f"cid:{attachment.content_id}"


def _findings(verdict: Verdict, place: str = "") -> Iterator[Flaw]:
    """The verdict's findings as reasons; ``place``: of the attachment that it is inside."""
    for finding in verdict.findings:
        path = f"{place} {finding.path}".strip() if place else finding.path
        yield Flaw(code=Code(finding.code), path=path, expected=finding.expected, got=finding.got)
    if not verdict.findings:
        yield Flaw(code=Code.SIGNATURE_SHAPE, path=place or SIGNATURE_PATH)
