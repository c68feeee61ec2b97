"""What we accept. Allow-lists only: an algorithm, a transform or a key that is not named here is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from signing.certificate import CURVES, LEAST_RSA_BITS

_MORE_2001 = "http://www.w3.org/2001/04/xmldsig-more#"
_MORE_2007 = "http://www.w3.org/2007/05/xmldsig-more#"

#: Algorithm identifier on the wire -> our name of it.
SIGNATURE_METHODS: Final[Mapping[str, str]] = MappingProxyType(
    {f"{_MORE_2001}rsa-sha{bits}": f"rsa-sha{bits}" for bits in (256, 384, 512)}
    | {f"{_MORE_2007}sha{bits}-rsa-MGF1": f"rsa-pss-sha{bits}" for bits in (256, 384, 512)}
    | {f"{_MORE_2001}ecdsa-sha{bits}": f"ecdsa-sha{bits}" for bits in (256, 384, 512)}
)

#: Digest identifier on the wire -> hashlib's name of it.
DIGEST_ALGORITHMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
        "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
        "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
    }
)

EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"

#: Canonicalization 1.1 is left out on purpose: signxml executes it as 1.0.
CANONICALIZATIONS: Final = frozenset({EXCLUSIVE, INCLUSIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a signature must be to pass; the default is the strictest that real mail can meet."""

    signature_methods: frozenset[str] = frozenset(SIGNATURE_METHODS.values())
    digest_algorithms: frozenset[str] = frozenset(DIGEST_ALGORITHMS.values())
    min_rsa_bits: int = LEAST_RSA_BITS
    curves: frozenset[str] = CURVES
    max_certificates: int = 5
    #: A claimed signing time counts if it is at most this long before acceptance; else acceptance counts.
    claim_max_age: timedelta = timedelta(days=7)
    #: A claimed signing time further in the future than this is a wrong clock or a lie: refused.
    claim_max_lead: timedelta = timedelta(minutes=5)
