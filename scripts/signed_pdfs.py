"""Test vectors with PDFs: every good and bad one of ``scripts.make_signed_pdf``, in a letter that is signed well."""

from __future__ import annotations

import zipfile
from io import BytesIO

from scripts import handmade_letter as hand
from scripts import handmade_pdf, make_signed_pdf
from scripts.handmade_letter import Letter
from scripts.signed_workshop import AT, Workshop

_ENTRY = "7e57c0de-0000-4000-8000-000000000001.pdf"
_OFTEN = 40 * 1024 * 1024


def accepted(shop: Workshop) -> dict[str, bytes]:
    good = make_signed_pdf.good(shop.pki, at=AT)
    made = {f"pdf-{name}": _sign(shop, carrying(octets)) for name, octets in good.items()}
    made["pdf-zipped"] = _sign(shop, carrying(_zipped({_ENTRY: good["one-person"]})))
    made["pdf-in-an-unsigned-letter"] = carrying(good["person-person-organisation"]).write()
    made["pdf-unsigned-in-a-signed-letter"] = _sign(shop, carrying(handmade_pdf.document()))
    return made


def rejected(shop: Workshop) -> dict[str, dict[str, bytes]]:
    made: dict[str, dict[str, bytes]] = {
        code: {f"pdf-{name}": _sign(shop, carrying(octets)) for name, octets in files.items()}
        for code, files in make_signed_pdf.bad(shop.pki, at=AT).items()
    }
    one = make_signed_pdf.good(shop.pki, at=AT)["one-person"]
    bomb = one + b"\0" * _OFTEN
    zips = {
        "bomb": _zipped({_ENTRY: bomb}),
        "two-entries": _zipped({_ENTRY: one, "other.pdf": one}),
        "wrong-checksum": _zipped({_ENTRY: one})[:-30] + b"\0" * 30,
        "cut": _zipped({_ENTRY: one})[:-60],
    }
    made.setdefault("SIG-401", {}).update(
        {f"pdf-zip-{name}": _sign(shop, carrying(octets)) for name, octets in zips.items()}
    )
    made["SIG-401"]["pdf-table-at-the-very-start"] = _sign(shop, carrying(one + b"startxref\n0\n%%EOF\n"))
    made["SIG-401"]["pdf-number-that-is-none"] = _sign(shop, carrying(_with_a_number_that_is_none(one)))
    revoked = make_signed_pdf.Workshop(pki=shop.pki, at=AT).signed(by="revoked")
    listless = make_signed_pdf.Workshop(pki=shop.pki, at=AT).signed(by="person-of-listless-ca")
    made["SIG-206"] = {"pdf-revoked": _sign(shop, carrying(revoked))}
    made["SIG-301"] = {"pdf-person-of-listless-ca": _sign(shop, carrying(listless))}
    return made


def _with_a_number_that_is_none(octets: bytes) -> bytes:
    """One more revision, in which the text field has a flag that only looks like a number."""
    start = octets[octets.rindex(b"startxref") :].split()[1]
    new = b"%d 0 obj\n<< /FT /Tx /T (amount) /F .Widget >>\nendobj\n" % handmade_pdf.TEXT_FIELD
    table = b"xref\n%d 1\n%010d 00000 n \n" % (handmade_pdf.TEXT_FIELD, len(octets))
    trailer = b"trailer\n<< /Size 40 /Root 1 0 R /Prev %b >>\nstartxref\n%d\n%%%%EOF\n" % (start, len(octets + new))
    return octets + new + table + trailer


def carrying(octets: bytes) -> Letter:
    return hand.document(attachments=(("tep-1", octets),))


def _sign(shop: Workshop, letter: Letter) -> bytes:
    return hand.sign(letter, shop.signer)


def _zipped(files: dict[str, bytes]) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, octets in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 22, 8, 0, 0)), octets, zipfile.ZIP_DEFLATED)
    return stream.getvalue()
