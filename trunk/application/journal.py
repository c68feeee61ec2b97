"""The journal's keeper: shows its lines, checks its chains, and seals their heads to be kept elsewhere."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from trunk.domain.operator import Operator
from trunk.errors import ConfigurationError
from trunk.storage.chain import Head
from trunk.storage.journal import Checked, Line
from trunk.storage.ledger import Ledger

FORMAT: Final = "edoc-trunk journal heads 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSeal:
    """The trunk's seal over a list of heads: ECDSA with SHA-256."""

    key: EllipticCurvePrivateKey
    public: EllipticCurvePublicKey

    def write(self, heads: Sequence[Head], *, at: datetime) -> bytes:
        """A file to be kept elsewhere."""
        said = orjson.dumps(
            {"format": FORMAT, "at": at.isoformat(), "heads": [[h.node, h.sequence, h.hash] for h in heads]}
        ).decode()
        signature = base64.b64encode(self.key.sign(said.encode(), ECDSA(SHA256()))).decode()
        return orjson.dumps({"said": said, "signature": signature}, option=orjson.OPT_INDENT_2) + b"\n"

    def read(self, file: Path, former: Sequence[Path] = ()) -> list[Head]:
        """The heads in a file of ours, under today's seal or one whose certificate is among ``former``.

        Raises ``ConfigurationError`` for any other file, or one that was altered.
        """
        keys = [self.public, *map(_key_of, former)]
        try:
            told = orjson.loads(file.read_bytes())
            said, signature = told["said"].encode(), base64.b64decode(told["signature"], validate=True)
            _require_one(keys, signature, said)
            heads = orjson.loads(said)
            if heads["format"] != FORMAT:
                raise ConfigurationError(f"{file}: heads of another format")
            return [Head(str(node), int(sequence), str(digest)) for node, sequence, digest in heads["heads"]]
        except (InvalidSignature, binascii.Error, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                f"{file}: no heads under this trunk's seal: they were altered, or the seal has been replaced since "
                "(name the certificate of then: --seal OLD.crt.pem)"
            ) from error


def _require_one(keys: Sequence[EllipticCurvePublicKey], signature: bytes, said: bytes) -> None:
    """Raises ``InvalidSignature`` unless the signature is of one of the keys."""
    for key in keys:
        with suppress(InvalidSignature):
            key.verify(signature, said, ECDSA(SHA256()))
            return
    raise InvalidSignature


def _key_of(file: Path) -> EllipticCurvePublicKey:
    try:
        key = load_pem_x509_certificate(file.read_bytes()).public_key()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file}: no certificate in PEM") from error
    if not isinstance(key, EllipticCurvePublicKey):
        raise ConfigurationError(f"{file}: no certificate of a trunk's seal (ECDSA)")
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """Looks; what it finds, people judge."""

    ledger: Ledger
    operator: Operator
    seal: Callable[[], HeadSeal]

    def size(self) -> int:
        with self.ledger.read() as view:
            return view.journal_size()

    def check(
        self, *, against: Path | None = None, former: Sequence[Path] = (), passed: Callable[[int], None]
    ) -> Checked:
        """Whether the journal is as it was written. Raises ``ConfigurationError`` for heads that are not ours."""
        kept = self.seal().read(against, former) if against is not None else ()
        with self.ledger.read() as view:
            return view.check_journal(against=kept, passed=passed)

    def lines(self, *, since: datetime | None, actor: str, envelope_id: str, limit: int) -> Sequence[Line]:
        with self.ledger.read() as view:
            return view.journal(since=since, actor=actor, envelope_id=envelope_id, limit=limit)

    def heads(self) -> bytes:
        """All heads under the trunk's seal."""
        with self.ledger.read() as view:
            heads = view.journal_heads()
        return self.seal().write(heads, at=self.operator.now())
