"""Everything that can be wrong with a signature, as values with a stable code.

A verifier never raises for what a caller sent: it returns a verdict with findings
(``signing.verdict``). The sentences and remedies stand in ``trunk.domain.rejection`` under the same codes.
"""

from __future__ import annotations

from enum import StrEnum


class SigningCode(StrEnum):
    """Family ``SIG``: 0xx presence and shape, 1xx cryptography, 2xx certificate, 3xx cannot be told, 4xx PDF."""

    UNSIGNED = "SIG-001"
    PLACEHOLDER = "SIG-002"  # the vendor library's constant: counted as no signature, and reported
    SEVERAL = "SIG-003"
    MISPLACED = "SIG-004"
    NOT_COVERED = "SIG-005"
    SHAPE = "SIG-006"  # a structure, transform, reference or key info that we do not accept
    DUPLICATE_ID = "SIG-007"
    DIGEST_MISMATCH = "SIG-101"  # what was signed is not what is here
    FORGED = "SIG-102"  # the signature value does not belong to the certificate's key
    WEAK_ALGORITHM = "SIG-103"
    TIMESTAMP = "SIG-104"  # a token that is not one over this signature, or that no trusted authority made
    NO_CERTIFICATE = "SIG-201"
    UNTRUSTED = "SIG-202"
    EXPIRED = "SIG-203"
    NOT_YET_VALID = "SIG-204"
    KEY_USAGE = "SIG-205"
    REVOKED = "SIG-206"
    SIGNING_TIME = "SIG-207"  # claimed signing time outside the policy window
    REVOCATION_UNKNOWN = "SIG-301"
    CHAIN_INCOMPLETE = "SIG-302"  # an authority on the path is missing and being fetched
    UNPROVED = "SIG-303"  # its certificate has expired since, and nobody proves that it was signed before
    PDF_UNREADABLE = "SIG-401"  # carries a signature, and cannot be read strictly
    PDF_CHANGED = "SIG-402"  # changed after signing by more than further signatures and their evidence
    PDF_NOT_COVERED = "SIG-403"  # a signature that does not cover its whole revision, or the last the whole file
    PDF_ACTIVE = "SIG-404"  # a signed PDF with scripts, launch actions or embedded files
