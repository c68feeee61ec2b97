"""Signed envelopes of another form, through the very parts that judge ours.

The generated envelopes have ``edXMLEnvelope`` as their root, one signature as its last child, and one reference to
the whole document. Adapted is where the signature must stand and that nothing but ``URI=""`` (and the signer's own
properties) may be signed; no schema is asked. Parser, identifiers, shape, properties, time, path, revocation, digest
and value are the house's own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from lxml.etree import _Element

from envelopes import safe_xml
from envelopes.errors import EnvelopeCode
from envelopes.limits import Limits
from envelopes.safe_xml import Tree
from envelopes.skeleton import ParsedXml
from scripts.vectors_check.frame import ACCEPTED, Answer, refused
from signing import coverage, shape, xades
from signing.coverage import Target
from signing.engine import ChangedError, PinnedVerifier
from signing.errors import SigningCode
from signing.judge import Judge
from signing.names import ENVELOPED, ds, qcvn
from signing.policy import CANONICALIZATIONS, SIGNATURE_METHODS
from signing.shape import Reference, Shape
from signing.trust import Chain
from signing.verdict import Finding, Indication
from signing.when import When, decide
from signing.whole import Whole
from signing.xades import Properties

_LIMITS = Limits()


class _Engine(PinnedVerifier):
    """The engine, for a signature that stands elsewhere."""

    def _get_signature(self, root: Any) -> Any:  # noqa: ARG002 - signxml's signature
        return self._pinned


def answer(octets: bytes, judge: Judge, at: datetime) -> Answer:
    """Cheapest first, as ``signing.verifier`` has it."""
    tree = safe_xml.parse(octets, limits=_LIMITS)
    if not isinstance(tree, Tree):
        return refused(tree.code)
    signature = _place(tree)
    if not isinstance(signature, _Element):
        return refused(signature)
    taken = shape.examine(signature, policy=judge.policy)
    if not isinstance(taken, Shape):
        return refused(taken[0].code)
    properties = xades.read(taken)
    if not isinstance(properties, Properties):
        return refused(properties[0].code)
    parsed = ParsedXml(
        root=tree.root, elements=tree.elements, source=octets, payloads=(), has_comments=False, limits=_LIMITS
    )
    targets = _targets(taken, Whole(parsed=parsed, signature=signature))
    if not isinstance(targets, dict):
        return refused(targets)
    return _weigh(parsed, taken, properties, targets, judge, at)


def _place(tree: Tree) -> _Element | EnvelopeCode | SigningCode:
    root, found = tree.root, list(tree.root.iter(ds("Signature")))
    if tree.has_comments:
        return EnvelopeCode.COMMENT
    if coverage.repeated_ids(root):
        return SigningCode.DUPLICATE_ID
    if len(found) != 1:
        return SigningCode.SEVERAL if found else SigningCode.UNSIGNED
    if root.tag != qcvn("edXMLEnvelope") or found[0].getparent() is not root or found[0].getnext() is not None:
        return SigningCode.MISPLACED
    return found[0]


def _targets(taken: Shape, whole: Whole) -> dict[str, Target] | SigningCode:
    targets: dict[str, Target] = {}
    for reference in taken.references:
        if reference.uri == "" and _is_plain(reference) and reference.uri not in targets:
            targets[""] = Target(name="whole", path="", whole=whole)
        elif taken.properties is not None and reference.uri == f"#{taken.properties.get('Id')}":
            targets[reference.uri] = Target(name="properties", path="", element=taken.properties)
        else:
            return SigningCode.NOT_COVERED
    return targets if "" in targets else SigningCode.NOT_COVERED


def _is_plain(reference: Reference) -> bool:
    """Exactly the transforms that our own profile allows on a whole document."""
    enveloped, *others = reference.transforms or ("",)
    return enveloped == ENVELOPED and len(others) == 1 and others[0] in CANONICALIZATIONS


def _weigh(
    parsed: ParsedXml, taken: Shape, properties: Properties, targets: dict[str, Target], judge: Judge, at: datetime
) -> Answer:
    when = decide(claimed=properties.claimed_time, accepted_at=at, policy=judge.policy)
    if not isinstance(when, When):
        return refused(when.code)
    chain = judge.chain(taken.certificates, at=when.at)
    if isinstance(chain, Finding):
        return refused(chain.code)
    if not xades.names_certificate(properties, chain.leaf):
        return refused(SigningCode.FORGED)
    if not SIGNATURE_METHODS[taken.method].startswith(chain.key.family):
        return refused(SigningCode.FORGED)
    return _computed(parsed, taken, targets, judge, chain, when) or _standing(chain, judge, when, at)


def _computed(
    parsed: ParsedXml, taken: Shape, targets: dict[str, Target], judge: Judge, chain: Chain, when: When
) -> Answer | None:
    engine = _Engine(signature=taken.signature, targets=targets)
    try:
        verified = engine.run(parsed.root, certificate=chain.leaf, at=when.at, policy=judge.policy)
    except ChangedError:
        return refused(SigningCode.DIGEST_MISMATCH)
    except InvalidSignature:
        return refused(SigningCode.FORGED)
    return None if verified == list(targets) else refused(SigningCode.NOT_COVERED)


def _standing(chain: Chain, judge: Judge, when: When, at: datetime) -> Answer:
    standing = judge.standing(chain, when=when, now=at, path="envelope")
    return ACCEPTED if standing.indication is Indication.TOTAL_PASSED else refused(standing.findings[0].code)
