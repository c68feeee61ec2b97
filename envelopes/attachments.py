"""The files inside a message: in which form they travel, how they are packed, and how they are unpacked safely.

A file travels plain, or as a ZIP with one entry ``<uuid>.<ext>``; its octets say which, the label does not.
Unpacking stops at a bound of octets and of inflation, and refuses everything but that one plain entry.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import BinaryIO, Final, Protocol

from envelopes.errors import EnvelopeCode, Fault
from envelopes.limits import Limits
from envelopes.model import Attachment, AttachmentForm
from envelopes.unzip import UnpackingError, inflate

_LOCAL_HEADER: Final = b"PK\x03\x04"
_LOCAL_HEADER_OCTETS: Final = 30
_WRAPPED_NAME: Final = re.compile(rb"[0-9a-fA-F-]{32,36}\.([A-Za-z0-9]{1,10})")
_OFFICE: Final = ("docx", "xlsx", "pptx", "docm", "xlsm", "pptm", "dotx", "xltx", "ppsx", "vsdx")
#: Files that are ZIP archives themselves: only the wrapped name tells their two forms apart.
_ARCHIVES: Final = frozenset((*_OFFICE, "zip", "jar", "odt", "ods", "odp", "odg", "epub", "kmz", "apk"))
_LIMITS: Final = Limits()


def form_of(head: bytes, *, name: str) -> AttachmentForm:
    """The form of the octets that begin with ``head`` (256 of them are enough), for a file called ``name``."""
    if not head.startswith(_LOCAL_HEADER):
        return AttachmentForm.PLAIN
    extension = name.rpartition(".")[2].lower()
    if extension not in _ARCHIVES:
        return AttachmentForm.ZIP
    length = int.from_bytes(head[26:28], "little")
    wrapped = _WRAPPED_NAME.fullmatch(head[_LOCAL_HEADER_OCTETS : _LOCAL_HEADER_OCTETS + length])
    same = wrapped is not None and wrapped.group(1).decode("ascii").lower() == extension
    return AttachmentForm.ZIP if same else AttachmentForm.PLAIN


def describe(
    octets: bytes, *, content_id: str, name: str, content_type: str = "application/octet-stream", description: str = ""
) -> Attachment:
    """The attachment whose content, before base64, is ``octets``: what a document to be written holds."""
    return Attachment(
        content_id=content_id,
        name=name,
        content_type=content_type,
        description=description,
        form=form_of(octets[:256], name=name),
        size=len(octets),
        sha256=hashlib.sha256(octets).hexdigest(),
    )


class Payload(Protocol):
    """What is unpacked: octets in chunks."""

    def chunks(self) -> Iterable[bytes]: ...


def unpack(payload: Payload, *, form: AttachmentForm, into: BinaryIO, limits: Limits = _LIMITS) -> Fault | None:
    """Writes the file's octets ``into`` a stream. A fault says why they must not be used; then throw them away."""
    if form is AttachmentForm.PLAIN:
        into.writelines(payload.chunks())
        return None
    try:
        into.writelines(inflate(payload.chunks(), limits=limits))
    except UnpackingError as error:
        return Fault(code=EnvelopeCode.BAD_VALUE, expected=error.expected, got=error.got)
    return None
