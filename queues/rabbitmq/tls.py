"""How a broker proves who it is: its name stands in a certificate that a named authority has signed. No exceptions."""

from __future__ import annotations

import ssl
from pathlib import Path


def verifying(
    ca_file: Path | None = None, *, certificate_file: Path | None = None, key_file: Path | None = None
) -> ssl.SSLContext:
    """TLS 1.2 or later, host name verified. Raises ``OSError`` (``ssl.SSLError`` is one) for files that are no good."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate_file is not None:
        context.load_cert_chain(certificate_file, key_file, password="")  # no prompt for one that is locked
    return context
