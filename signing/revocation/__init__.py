"""Was a certificate revoked? Asked of stored lists and answers; what is missing is fetched elsewhere, later."""

from signing.revocation.source import NoRevocationCheck, RevocationAnswer, RevocationSource

__all__ = ["NoRevocationCheck", "RevocationAnswer", "RevocationSource"]
