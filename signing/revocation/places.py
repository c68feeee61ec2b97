"""Where a certificate says that more is known: responders, lists, its issuer's certificate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID as Access

_MOST: Final = 4


def responder_urls(certificate: x509.Certificate) -> tuple[str, ...]:
    """OCSP responders, in the certificate's order."""
    return _accessed(certificate, Access.OCSP)


def issuer_urls(certificate: x509.Certificate) -> tuple[str, ...]:
    """Where its issuer's certificate lies (caIssuers)."""
    return _accessed(certificate, Access.CA_ISSUERS)


def list_urls(certificate: x509.Certificate) -> tuple[str, ...]:
    """Complete lists that its issuer itself signs; other distribution points are of no use here."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    own = (point for point in points if point.full_name and not point.reasons and not point.crl_issuer)
    return _urls(name for point in own for name in point.full_name or ())


def _accessed(certificate: x509.Certificate, method: x509.ObjectIdentifier) -> tuple[str, ...]:
    try:
        told = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return _urls(one.access_location for one in told if one.access_method == method)


def _urls(names: Iterable[x509.GeneralName]) -> tuple[str, ...]:
    told = (name.value for name in names if isinstance(name, x509.UniformResourceIdentifier))
    return tuple(dict.fromkeys(url for url in told if url.lower().startswith(("http://", "https://"))))[:_MOST]
