"""Writes the test vectors of the signature family: ``tests/vectors/signed`` and ``tests/vectors/rejected/SIG-…``.

Run as ``python -m scripts.make_vectors_signed``. Keys are fresh at each run and thrown away at its end, so these
vectors are made as one set together with ``tests/vectors/trust``, the public certificates and lists that they are
judged by, and they are committed: no private key is. All are judged as of ``AT``, so they do not age.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from scripts import signed_accepted, signed_certificates, signed_pdfs, signed_refusals
from scripts.make_test_pki import Pki, ec_key, make_pki
from scripts.signed_workshop import AT, Workshop

__all__ = ["AT", "write"]

FOLDER = Path("tests/vectors")
#: Named in the certificates; nobody is ever asked there.
BASE_URL = "http://ca.example"


def write(folder: Path) -> int:
    """Writes every vector and the trust folder below ``folder`` in place of what was; the number of vectors."""
    pki = _small_pki()
    files = dict(_vectors(folder, Workshop(pki)))
    _clear(folder)
    for file, octets in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(octets)
    pki.write_trust(folder / "trust")
    return len(files)


def _vectors(folder: Path, shop: Workshop) -> dict[Path, bytes]:
    good = signed_accepted.accepted(shop) | signed_pdfs.accepted(shop)
    files = {folder / "signed" / f"{name}.edxml": octets for name, octets in good.items()}
    for family in (signed_refusals, signed_certificates, signed_pdfs):
        for code, vectors in family.rejected(shop).items():
            files |= {folder / "rejected" / code / f"{name}.edxml": octets for name, octets in vectors.items()}
    return files


def _clear(folder: Path) -> None:
    """What an earlier run wrote: the keys to it are gone."""
    for old in ("signed", "trust"):
        shutil.rmtree(folder / old, ignore_errors=True)
    for pattern in ("SIG-*/*.edxml", "ENV-*/signed-*.edxml"):
        for file in (folder / "rejected").glob(pattern):
            file.unlink()


def _small_pki() -> Pki:
    """With authorities on P-384, so that certificates are small."""
    return make_pki(at=AT, authority_key=lambda: ec_key(ec.SECP384R1()), base_url=BASE_URL)


if __name__ == "__main__":
    sys.stdout.write(f"{write(FOLDER)} vectors written to {FOLDER}\n")
