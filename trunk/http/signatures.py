"""What the trunk found out about an envelope's signatures, in words of both languages, and what that rests on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeVar

from aiohttp import web
from pydantic import Field

from signing.evidence import EvidenceKind
from trunk.domain import signature_record
from trunk.domain.entry import EnvelopeRecord
from trunk.domain.outcome import refuse
from trunk.domain.rejection import CATALOGUE, Code
from trunk.domain.signature_record import Data
from trunk.http.description import Header, Operation, Reply, Route
from trunk.http.doors import Call
from trunk.http.parameters import envelope_id
from trunk.http.problems import Bilingual, RefusedError, insist
from trunk.http.wire import Moment, Shape, answer, shorten, spell_time

S = TypeVar("S", bound=Shape)

_PATH: Final = "/api/v1/envelopes/{envelope_id}/signatures"
_HEX: Final = frozenset("0123456789abcdef")
_DIGEST_LENGTH: Final = 64
_OCTETS: Final = "application/octet-stream"

MEDIA_TYPE: Final[Mapping[EvidenceKind, str]] = MappingProxyType(
    {
        EvidenceKind.CERTIFICATE: "application/pkix-cert",
        EvidenceKind.CRL: "application/pkix-crl",
        EvidenceKind.OCSP: "application/ocsp-response",
        EvidenceKind.TIMESTAMP: _OCTETS,
    }
)


class SignatureFinding(Shape):
    """What is wrong with a signature, and what to do."""

    code: str = Field(examples=["SIG-101"])
    path: str
    expected: str
    got: str
    title: Bilingual
    remedy: Bilingual

    @classmethod
    def of(cls, data: Data) -> SignatureFinding:
        refusal = CATALOGUE[Code(data["code"])]
        return cls(
            code=refusal.code,
            path=data["path"],
            expected=data["expected"],
            got=shorten(data["got"]),
            title=Bilingual.of(refusal.title),
            remedy=Bilingual.of(refusal.remedy),
        )


class SignerShown(Shape):
    """Whose certificate it is; persons are never named."""

    fingerprint: str = Field(description="SHA-256 of the certificate, hex")
    subject_uid: str = Field(description="a person's number is masked", examples=["CCCD:*********001"])
    serial: str
    issuer: str
    not_before: Moment
    not_after: Moment
    role: str = Field(examples=["person"], description="person, organisation or unknown")
    domain: str = Field(description="the trust domain that vouches for it")
    key_bits: int = Field(description="0: not told")


class ChainLink(Shape):
    """One certificate of the path, signer first."""

    fingerprint: str
    issuer: str
    serial: str
    not_before: Moment
    not_after: Moment


class RevocationShown(Shape):
    """What was known of one certificate of the path, and on whose word."""

    certificate: str = Field(description="fingerprint")
    state: str = Field(examples=["good"], description="good, revoked, unknown or not_checked")
    source: str = Field(examples=["ocsp"], description="crl, ocsp or empty")
    origin: str = Field(description="URL or offline file")
    produced_at: Moment | None
    next_update: Moment | None
    revoked_at: Moment | None
    reason: str
    evidence: str = Field(description="SHA-256 of the list or answer; or empty")
    age_seconds: int | None = Field(description="how old the list or answer was when it was relied on")


class TimestampShown(Shape):
    """A trusted timestamp over the signature."""

    at: Moment
    authority: str = Field(description="fingerprint of the authority's certificate")
    domain: str
    evidence: str


class Signature(Shape):
    """One signature and what was found out about it."""

    indication: str = Field(examples=["TOTAL-PASSED"], description="ETSI EN 319 102-1")
    sub_indication: str = Field(examples=["HASH_FAILURE"], description="empty for what passed")
    place: str = Field(description="envelope or attachment")
    path: str = Field(description="the element of the XML, or the name of the PDF's signature field")
    order: int
    profile: str = Field(examples=["XAdES-T"])
    signer: SignerShown | None
    chain: list[ChainLink]
    algorithm: str
    digest_algorithm: str
    covered: list[str]
    later_changes: list[str] = Field(description="what was added to a PDF afterwards and is allowed")
    revocation: list[RevocationShown]
    signing_time: Moment
    signing_time_source: str = Field(description="timestamp (trusted), claimed (by the signer) or acceptance")
    claimed_time: Moment | None
    timestamp: TimestampShown | None
    findings: list[SignatureFinding]

    @classmethod
    def of(cls, data: Data, *, at: datetime) -> Signature:
        made = {
            "findings": [SignatureFinding.of(finding) for finding in data["findings"]],
            "signer": data["signer"] and _made(SignerShown, data["signer"]),
            "chain": [_made(ChainLink, link) for link in data["chain"]],
            "revocation": [
                _made(RevocationShown, {**note, "age_seconds": _age(note, at)}) for note in data["revocation"]
            ],
            "timestamp": data["timestamp"] and _made(TimestampShown, data["timestamp"]),
        }
        return _made(cls, {**data, **made})


class AttachmentSignatures(Shape):
    """The signatures inside one attachment, in the order in which they were made."""

    content_id: str
    main: bool = Field(description="true: the document itself")
    file: str = Field(description="type of the file inside; empty: never looked into")
    signatures: list[Signature]


class Reason(Shape):
    """Why it travels for reference only."""

    code: str
    title: Bilingual


class PolicyApplied(Shape):
    """What the sender's policy made of the report."""

    name: str = Field(examples=["required"])
    outcome: str = Field(examples=["accepted"], description="accepted or marked")
    because: list[Reason] = Field(description="why it was marked")
    counted: list[str] = Field(description="where the signatures stand that count as the personal one")
    named: str = Field(description="the policy that the sender names, where no policy has that name; else empty")

    @classmethod
    def of(cls, data: Data) -> PolicyApplied:
        because = [Reason(code=code, title=Bilingual.of(CATALOGUE[Code(code)].title)) for code in data["because"]]
        return _made(cls, {"named": "", **data, "because": because})


class EvidenceShown(Shape):
    """Something that the verdicts rest on."""

    kind: str = Field(examples=["certificate"], description="certificate, crl, ocsp or timestamp")
    sha256: str
    content: str = Field(description="where its octets are (DER)")


class SignatureReport(Shape):
    """Every signature of one envelope, as it was judged at acceptance."""

    envelope_id: str
    version: int = Field(description="of this report's form")
    at: Moment = Field(description="when it was judged")
    marked: bool = Field(description="true: travels for reference only")
    indication: str = Field(examples=["TOTAL-PASSED"], description="the worst of all signatures")
    policy: PolicyApplied | None = Field(description="null: judged before there were policies")
    envelope: Signature | None = Field(description="the signature in the header, or why there is none")
    attachments: list[AttachmentSignatures]
    evidence: list[EvidenceShown]

    @classmethod
    def of(cls, envelope: EnvelopeRecord, data: Data) -> SignatureReport:
        at = datetime.fromisoformat(data["at"])
        here = _PATH.format(envelope_id=envelope.id)
        return cls(
            envelope_id=envelope.id,
            version=data["version"],
            at=spell_time(at),
            marked=envelope.marked,
            indication=data["indication"],
            policy=data["policy"] and PolicyApplied.of(data["policy"]),
            envelope=data["envelope"] and Signature.of(data["envelope"], at=at),
            attachments=[
                _made(
                    AttachmentSignatures, {**one, "signatures": [Signature.of(two, at=at) for two in one["signatures"]]}
                )
                for one in data["attachments"]
            ],
            evidence=[EvidenceShown(**item, content=f"{here}/evidence/{item['sha256']}") for item in data["evidence"]],
        )


_TIMES: Final = frozenset(
    {
        "at",
        "not_before",
        "not_after",
        "produced_at",
        "next_update",
        "revoked_at",
        "signing_time",
        "claimed_time",
    }
)


def _made(shape: type[S], data: Data) -> S:
    """What of ``data`` is described, with times as this API spells them; a newer report may hold more."""
    return shape(
        **{
            name: spell_time(datetime.fromisoformat(value)) if name in _TIMES and value else value
            for name, value in data.items()
            if name in shape.model_fields
        }
    )


def _age(note: Data, at: datetime) -> int | None:
    if not note["produced_at"]:
        return None
    return max(int((at - datetime.fromisoformat(note["produced_at"])).total_seconds()), 0)


async def show(call: Call) -> web.StreamResponse:
    """The report."""
    sought = envelope_id(call.request)
    envelope = insist(await call.offload.run(lambda: call.doors.tracking.envelope_for(call.caller, sought)))
    record = signature_record.read(envelope)
    if record is None:
        raise RefusedError(refuse(Code.NOT_FOUND, path="envelope_id", expected="a message of an agency", got=sought))
    return answer(SignatureReport.of(envelope, record.data))


async def fetch_evidence(call: Call) -> web.StreamResponse:
    """One piece of evidence, as it was relied on."""
    sought, sha256 = envelope_id(call.request), call.request.match_info["sha256"]
    if len(sha256) != _DIGEST_LENGTH or not _HEX.issuperset(sha256):
        raise RefusedError(refuse(Code.NOT_FOUND, path="sha256", got=shorten(sha256)))
    found = insist(await call.offload.run(lambda: call.doors.tracking.evidence_for(call.caller, sought, sha256)))
    return web.Response(body=found.octets, content_type=MEDIA_TYPE[found.kind], headers={"ETag": f'"{sha256}"'})


ROUTES: Final = (
    Route(
        method="GET",
        path=_PATH,
        handle=show,
        operation=Operation(
            id="showSignatures",
            tag="Following",
            summary="Look at the signatures of an envelope",
            summary_vi="Xem kết quả kiểm tra chữ ký số",
            about="Who signed (numbers of persons masked), when and on whose word, which path and which revocation "
            "lists or answers were relied on, what is wrong, and what the sender's policy made of it. As it was at "
            "acceptance; for the sender and the recipients. The trunk's own acknowledgements have none.",
            replies=(Reply(status=200, about="The report", shape=SignatureReport),),
            refusals=(Code.NOT_FOUND,),
        ),
    ),
    Route(
        method="GET",
        path=f"{_PATH}/evidence/{{sha256}}",
        handle=fetch_evidence,
        operation=Operation(
            id="fetchEvidence",
            tag="Following",
            summary="Fetch what a verdict rests on",
            summary_vi="Tải chứng cứ của kết quả kiểm tra",
            about="A certificate, revocation list, OCSP answer or timestamp token that the report names, DER.",
            replies=(
                Reply(
                    status=200,
                    about="The octets",
                    media_type=_OCTETS,
                    other_media_types=tuple(media for media in MEDIA_TYPE.values() if media != _OCTETS),
                    headers=(Header(name="ETag", about="The digest, in quotes"),),
                ),
            ),
            refusals=(Code.NOT_FOUND, Code.CORRUPT_PAYLOAD),
        ),
    ),
)
