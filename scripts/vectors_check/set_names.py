"""names: naughty strings as the name of an attachment and as a value in the log.

Nothing is stated about them; what must become of each is told here by rules of their own: a file name without
separators and characters that deceive passes, any other is refused; a log line stays one line whatever it holds.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import unicodedata
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import structlog

from envelopes import schema, skeleton
from envelopes.model import Document
from envelopes.reader import Read, UnsignedXml, read
from envelopes.schema import ValidXml
from envelopes.skeleton import ParsedXml
from scripts import handmade_letter as hand
from scripts.vectors_check.frame import ACCEPTED, Answer, Case, Stated, VectorSet, refused
from trunk.settings import Log
from trunk.workers import logging as house_log

_LONGEST_FAULT: Final = 200
_LINE_ENDS: Final = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


def sets(folder: Path) -> Iterator[VectorSet]:
    strings = [text for file in sorted(folder.glob("*.json")) for text in json.loads(file.read_text(encoding="utf-8"))]
    names = [_named(number, text) for number, text in enumerate(strings)]
    yield VectorSet(name="names", kind="attachment", cases=names, warm=[*(case.run for case in names[:5]), _warm])
    lines = [
        Case(name=f"log#{number}", stated=Stated.ACCEPT, run=partial(_logged, text))
        for number, text in enumerate(strings)
    ]
    yield VectorSet(name="names", kind="log", cases=lines, warm=[case.run for case in lines[:2]])


def _warm() -> None:
    """Wording such a fault imports a codec."""
    _as_attachment("a\u202eb")


def _named(number: int, text: str) -> Case:
    bad = not _xml(text) or bool(set("/\\:") & set(text.strip())) or _deceitful(text.strip())
    return Case(
        name=f"name#{number}", stated=Stated.REFUSE if bad else Stated.ACCEPT, run=partial(_as_attachment, text)
    )


def _xml(text: str) -> bool:
    """Whether XML 1.0 can hold it at all."""
    return all(c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff" for c in text)


def _deceitful(text: str) -> bool:
    """Controls, invisible and private characters, and the names of the folders themselves."""
    kinds = {unicodedata.category(character) for character in text}
    return bool(kinds & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}) or text in {".", ".."}


def _as_attachment(text: str) -> Answer:
    letter = hand.document().write().decode()
    octets = letter.replace("tep-1.pdf", escape(text)).encode("utf-8", "surrogatepass")
    parsed = skeleton.parse(octets)
    valid = schema.validate(parsed) if isinstance(parsed, ParsedXml) else parsed
    found = read(UnsignedXml(valid)) if isinstance(valid, ValidXml) else valid
    if isinstance(found, Read):
        _insist_on_one_attachment(found, text)
        return ACCEPTED
    for fault in found:
        worded = f"{fault.path}{fault.expected}{fault.got}"
        if not worded.isprintable() or len(fault.got) > _LONGEST_FAULT:
            raise ValueError("a fault that breaks a line or repeats the whole")
    return refused(found[0].code)


def _insist_on_one_attachment(found: Read, text: str) -> None:
    if not isinstance(found.message, Document) or len(found.message.attachments) != 1:
        raise ValueError("another message than was written")
    if found.message.attachments[0].name.split() != text.split():
        raise ValueError("another name than was written")


def _logged(text: str) -> Answer:
    """One event with the string as its value: one line, and the string comes back out of it."""
    kept, sys.stderr = sys.stderr, io.StringIO()
    try:
        house_log.configure(Log())
        structlog.get_logger("vectors").warning("named", value=text)
        written = sys.stderr.getvalue()
    finally:
        sys.stderr = kept
        logging.getLogger().handlers.clear()
    line = written.removesuffix("\n")
    if set(_LINE_ENDS) & set(line):
        return refused("a line end inside a line")
    if json.loads(line)["value"] != text:
        return refused("another value than was logged")
    return ACCEPTED
