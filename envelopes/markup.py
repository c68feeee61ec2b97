"""Writes indented XML, element by element, in the prefixes that strict receivers ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from envelopes.errors import EnvelopeCode, Fault
from envelopes.places import shorten

_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INDENT: Final = "  "


class UnwritableError(ValueError):
    """The values cannot stand in a message; ``faults`` says why, as a reader of the message would."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(", ".join(f"{fault.code} {fault.path}" for fault in faults))
        self.faults = faults


class Markup:
    """One XML file in the making."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = [b'<?xml version="1.0" encoding="UTF-8"?>\n']
        self._depth = 0

    @contextmanager
    def element(self, name: str, **attributes: str) -> Iterator[None]:
        """Everything written inside stands in the element ``name``."""
        said = "".join(f' {key.replace("__", ":")}="{_escaped(value, key)}"' for key, value in attributes.items())
        self._line(f"<{name}{said}>")
        self._depth += 1
        yield
        self._depth -= 1
        self._line(f"</{name}>")

    def text(self, name: str, value: object) -> None:
        """The element ``name``, unless there is nothing to say."""
        if value is None or value == "":
            return
        text = str(value).lower() if isinstance(value, bool) else str(value)
        self._line(f"<{name}>{_escaped(text, name)}</{name}>")

    def payload(self, name: str, base64: bytes, *, declaration: str) -> None:
        """Base64 as it is, on one line."""
        self._pieces += [f"{_INDENT * self._depth}<{name} {declaration}>".encode(), base64, f"</{name}>\n".encode()]

    def octets(self) -> bytes:
        return b"".join(self._pieces)

    def _line(self, line: str) -> None:
        self._pieces.append(f"{_INDENT * self._depth}{line}\n".encode())


def _escaped(text: str, name: str) -> str:
    illegal = _ILLEGAL.search(text)
    if illegal is not None:
        got = shorten(illegal.group())
        raise UnwritableError(
            (Fault(code=EnvelopeCode.BAD_VALUE, path=name, expected="characters that XML allows", got=got),)
        )
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return text.replace("\r", "&#13;")
