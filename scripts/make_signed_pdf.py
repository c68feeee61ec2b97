"""Signed PDFs for tests and vectors: as real ones look, and every bad one that a verifier must refuse, by code.

Run as ``python -m scripts.make_signed_pdf FOLDER`` to look at them; the tests and the vectors call the functions.
"""

from __future__ import annotations

import argparse
import hashlib
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name

from scripts import handmade_pdf as pdf
from scripts.certificates import Wish, ec_key, issue
from scripts.handmade_cms import CmsWish
from scripts.handmade_pdf import Signing
from scripts.make_test_pki import Pki, look_alikes, make_pki
from scripts.stamping import TokenWish, stamp

PADES = "ETSI.CAdES.detached"
DOCUMENT_TIMESTAMP = "ETSI.RFC3161"
_FONT = generic.DictionaryObject({pdf_name("/Type"): pdf_name("/Font"), pdf_name("/Subtype"): pdf_name("/Type1")})
_OTHER_FONT = generic.DictionaryObject({**_FONT, pdf_name("/BaseFont"): pdf_name("/Symbol")})
_SCRIPT = {"OpenAction": b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>"}
_LAUNCH = {"OpenAction": b"<< /S /Launch /F (calc.exe) >>"}
_EMBEDDED = {
    "Names": b"<< /EmbeddedFiles << /Names [(a.txt) << /Type /Filespec /F (a.txt) /EF << /F 4 0 R >> >>] >> >>"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Signs with the identities of a PKI, shortly before ``at``."""

    pki: Pki
    at: datetime

    def plain(self, minutes: int = 10) -> CmsWish:
        """As real Vietnamese documents are signed: three signed attributes and nothing else."""
        return CmsWish(claimed=self.at - timedelta(minutes=minutes))

    def signed(self, octets: bytes = b"", *, by: str = "person", how: Signing | None = None) -> bytes:
        """``octets`` (a fresh document, where there are none) with one more signature."""
        chosen = how or Signing(wish=self.plain(), written=self.at - timedelta(minutes=10))
        return pdf.sign(octets or pdf.document(), by=self.pki[by], how=chosen)

    def wished(self, *, by: str = "person", octets: bytes = b"", **wish: Any) -> bytes:
        """Signed once, with another CMS."""
        return self.signed(octets, by=by, how=Signing(wish=replace(self.plain(), **wish)))

    def second(self, octets: bytes, *, by: str = "organisation", field: str = "Signature2") -> bytes:
        return self.signed(octets, by=by, how=Signing(field=field, wish=self.plain(5), box=(60, 100, 210, 160)))

    def three(self, *, weight: int = 0) -> bytes:
        """Two people sign one after the other, then their organisation."""
        first = self.signed(pdf.document(weight=weight))
        both = self.second(first, by="person-p256")
        return self.second(both, field="Signature3")

    def pades(self, *, stamps: tuple[Callable[[bytes], bytes], ...] = (), octets: bytes = b"") -> bytes:
        wish = CmsWish(names_certificate=True, stamps=stamps)
        return self.signed(octets, how=Signing(wish=wish, kind=PADES, written=self.at - timedelta(minutes=10)))

    def stamper(self, by: str = "tsa", *, minutes: int = 9, wish: TokenWish = TokenWish()) -> Callable[[bytes], bytes]:  # noqa: B008
        """From a signature value to a token over it."""
        at = self.at - timedelta(minutes=minutes)
        return lambda value: stamp(hashlib.sha256(value).digest(), by=self.pki[by], at=at, wish=wish)

    def stamped(self, octets: bytes, *, by: str = "tsa") -> bytes:
        """With a timestamp over the whole document."""
        at = self.at - timedelta(minutes=2)
        how = Signing(
            field="Timestamp1",
            kind=DOCUMENT_TIMESTAMP,
            box=None,
            cms=lambda digest: stamp(digest, by=self.pki[by], at=at),
        )
        return self.signed(octets, how=how)

    def certified(self, permitted: int) -> bytes:
        return self.signed(how=Signing(wish=self.plain(), certifies=permitted))


def good(pki: Pki, *, at: datetime) -> dict[str, bytes]:
    """Documents whose every signature passes."""
    shop = Workshop(pki=pki, at=at)
    root = pki["root"].certificate
    return {
        "one-person": shop.signed(),
        "person-person-organisation": shop.three(),
        "leaf-alone": shop.wished(certificates=[pki["person"].certificate]),
        "whole-chain": shop.wished(certificates=[*pki["person"].chain, root]),
        "long-locality": shop.signed(by="organisation-plain"),
        "ecdsa-p384": shop.wished(by="person-p384", algorithm="sha384"),
        "rsa-pss": shop.wished(pss=True),
        "sha512": shop.wished(algorithm="sha512"),
        "no-claimed-time": shop.wished(claimed=None),
        "pades-b": shop.pades(),
        "pades-t": shop.pades(stamps=(shop.stamper(),)),
        "detached-with-timestamp": shop.wished(stamps=(shop.stamper(),)),
        "document-timestamp": shop.stamped(shop.pades()),
        "certified-then-stamped": shop.stamped(shop.certified(1)),
        "certified-then-signed": shop.signed(
            shop.certified(2), by="organisation", how=Signing(field="Signature2", wish=shop.plain(5), box=None)
        ),
        "store-behind-the-last": _stored(shop),
        "store-then-stamped": shop.stamped(_stored(shop)),
        "metadata-rewritten": shop.second(shop.signed(pdf.with_metadata())),
        "form-defaults-added": _defaults_added(shop),
        "invisible": shop.signed(how=Signing(wish=shop.plain(), box=None)),
        "government-person": shop.signed(by="government-person"),
    }


def _stored(shop: Workshop) -> bytes:
    certificates = [one.public_bytes(Encoding.DER) for one in shop.pki["person"].chain]
    return pdf.store_added(shop.pades(), certificates=certificates)


def _defaults_added(shop: Workshop) -> bytes:
    """A second tool brings its font and its default for fields, of which there is none but signatures."""
    once = shop.signed(pdf.sharing(b"Im1"))
    font = pdf.defaults_changed(once, key="/F9", value=_FONT)
    both = pdf.defaults_changed(font, key="/DA", value=generic.TextStringObject("/F9 0 Tf 0 g"))
    return shop.second(both, field="Signature3")


def bad(pki: Pki, *, at: datetime) -> dict[str, dict[str, bytes]]:
    """Documents that must be refused, by the code that is found first on the signature that is wrong."""
    shop = Workshop(pki=pki, at=at)
    return {
        "SIG-101": _altered(shop),
        "SIG-102": _forged(shop),
        "SIG-103": _weak(shop),
        "SIG-104": _stamps(shop),
        "SIG-201": {"no-certificate": shop.wished(certificates=[]), "other-certificate": _other(shop)},
        "SIG-202": _untrusted(shop),
        "SIG-203": {"expired": shop.signed(by="expired")},
        "SIG-204": {"not-yet-valid": shop.signed(by="not-yet-valid")},
        "SIG-205": {"server": shop.signed(by="server"), "authority": shop.signed(by="authority-signs")},
        "SIG-207": {"claimed-in-the-future": shop.wished(claimed=at + timedelta(hours=1))},
        "SIG-401": _unreadable(shop),
        "SIG-402": _changed(shop),
        "SIG-403": _uncovered(shop),
        "SIG-404": {
            "script": shop.signed(pdf.document(_SCRIPT)),
            "script-spelled-otherwise": shop.signed(pdf.document({"OpenAction": b"<< /S /Java#53cript /#4aS (1) >>"})),
            "launch": shop.signed(pdf.document(_LAUNCH)),
            "embedded-file": shop.signed(pdf.document(_EMBEDDED)),
        },
    }


def _altered(shop: Workshop) -> dict[str, bytes]:
    once = shop.signed()
    return {
        "octet-flipped": once.replace(b"Test document", b"Best document"),
        "amount-changed-in-place": once.replace(b"/V (100)", b"/V (900)"),
        "other-digest": shop.wished(digest=hashlib.sha256(b"another document").digest()),
    }


def _forged(shop: Workshop) -> dict[str, bytes]:
    thief = replace(shop.pki["person"], key=shop.pki["organisation"].key)
    return {
        "key-of-somebody-else": pdf.sign(pdf.document(), by=thief, how=Signing(wish=shop.plain())),
        "other-certificate-named": shop.wished(names_certificate=True, named=shop.pki["organisation"].certificate),
    }


def _weak(shop: Workshop) -> dict[str, bytes]:
    return {
        "sha1": shop.wished(algorithm="sha1"),
        "rsa-1024": shop.signed(by="rsa-1024"),
        "pkcs7-sha1": shop.signed(how=Signing(wish=shop.plain(), kind="adbe.pkcs7.sha1")),
        "x509-rsa-sha1": shop.signed(how=Signing(wish=shop.plain(), kind="adbe.x509.rsa_sha1")),
    }


def _stamps(shop: Workshop) -> dict[str, bytes]:
    tokens = {
        "over-something-else": lambda _: shop.stamper()(b"another signature"),
        "corrupt": shop.stamper(wish=TokenWish(corrupt=True)),
        "other-certificate-named": shop.stamper(wish=TokenWish(named=shop.pki["person"].certificate)),
        "no-certificate": shop.stamper(wish=TokenWish(certificates=())),
        "by-a-person": shop.stamper("person"),
        "by-an-expired-authority": shop.stamper("expired-tsa"),
        "purpose-not-critical": shop.stamper("tsa-not-critical"),
        "authority-of-all-trades": shop.stamper("tsa-of-all-trades"),
        "from-the-future": shop.stamper(minutes=-60),
    }
    made = {f"timestamp-{name}": shop.pades(stamps=(token,)) for name, token in tokens.items()}
    made["two-timestamps"] = shop.pades(stamps=(shop.stamper(), shop.stamper()))
    return made


def _other(shop: Workshop) -> bytes:
    return shop.wished(certificates=[shop.pki["organisation"].certificate])


def _untrusted(shop: Workshop) -> dict[str, bytes]:
    alone = issue(None, Wish(name="Nguyễn Văn Thử", uid="CCCD:001085000001", key=ec_key()), at=shop.at)
    crowd = look_alikes(12, at=shop.at)
    how = Signing(wish=shop.plain())
    return {
        "self-signed": pdf.sign(pdf.document(), by=alone, how=how),
        "other-root": shop.signed(by="another-root-person"),
        "look-alike-authorities": pdf.sign(pdf.document(), by=crowd, how=how),
    }


def _unreadable(shop: Workshop) -> dict[str, bytes]:
    once = shop.signed()
    return {
        "head-garbage": b"garbage\n" + once,
        "encrypted": shop.signed(pdf.encrypted(pdf.document())),
        "object-stream-torn": shop.signed(pdf.torn()),
        "hybrid-cross-references": shop.signed(pdf.hybrid()),
        "cross-references-cut": once[: once.rindex(b"startxref")] + b"startxref\n17\n%%EOF\n",
        "no-signed-attributes": shop.wished(with_attributes=False),
        "no-message-digest": shop.wished(with_digest=False),
        "version-of-another-identifier": shop.wished(versions=("v1", "v3")),
        "version-unknown": shop.wished(versions=("v0", "v1")),
        "digest-not-listed": shop.wished(listed="sha512"),
        "two-signers": shop.wished(signers=2),
        "countersigned": shop.wished(countersigned=True),
        "content-enclosed": shop.wished(content=b"another document"),
        "no-cms": shop.signed(how=Signing(cms=lambda _: b"not ASN.1")),
        "something-behind-cms": shop.signed(how=Signing(cms=lambda _: b"\x30\x00\x30\x00")),
        "unknown-kind": shop.signed(how=Signing(wish=shop.plain(), kind="adbe.unknown")),
        "pades-without-certificate-named": shop.signed(how=Signing(wish=shop.plain(), kind=PADES)),
        "nine-signatures": _many(shop, 9),
    } | _disguised(shop)


def _disguised(shop: Workshop) -> dict[str, bytes]:
    """The signature is not to be found by its name; a reader of PDFs finds it all the same."""
    made = {}
    for plain, otherwise in (("ByteRange", b"Byte#52ange"), ("Contents", b"#43ontents"), ("SubFilter", b"SubFilte#72")):
        with pdf.spelled(f"/{plain}", b"/" + otherwise):
            made[f"disguised-{plain.lower()}"] = shop.signed()
            made[f"disguised-{plain.lower()}-later"] = shop.second(shop.signed())
    made["disguised-then-altered"] = made["disguised-byterange"].replace(b"Test document", b"Best document")
    emptied = pdf.value_removed(shop.signed())
    with pdf.spelled("/ByteRange", b"/#42#79#74#65#52#61#6e#67#65"):
        made["disguised-in-the-place-of-another"] = shop.signed(emptied, by="organisation")
    return made


def _many(shop: Workshop, count: int) -> bytes:
    octets = pdf.document()
    for number in range(1, count + 1):
        octets = shop.second(octets, field=f"Signature{number}")
    return octets


def _changed(shop: Workshop) -> dict[str, bytes]:
    once = shop.signed()
    changes: Mapping[str, Callable[[bytes], bytes]] = {
        "form-filled": pdf.form_filled,
        "page-added": pdf.page_added,
        "annotation-added": pdf.annotation_added,
        "content-replaced": pdf.content_replaced,
        "looks-emptied": pdf.looks_emptied,
        "title-changed": pdf.title_changed,
        "painted-over": pdf.field_painted,
    }
    made = {name: change(once) for name, change in changes.items()}
    made |= {f"{name}-then-signed": shop.second(octets) for name, octets in made.items()}
    described = shop.signed(pdf.with_metadata())
    made["metadata-torn"] = pdf.stream_added(described, 10, content=pdf.XMP[:-4], entries=pdf.METADATA)
    drawing = pdf.stream_added(once, pdf.CONTENT)
    made["stream-overwritten"] = drawing
    made["stream-overwritten-then-signed"] = shop.second(drawing)
    made["certified-then-filled"] = pdf.form_filled(shop.certified(2))
    made["certified-as-final-then-signed"] = shop.second(shop.certified(1))
    invisible = Signing(field="Signature2", wish=shop.plain(5), box=None)
    made["certified-as-final-then-signed-unseen"] = shop.signed(shop.certified(1), how=invisible)
    made["signature-removed"] = pdf.signature_removed(shop.second(once))
    made["all-signatures-removed"] = pdf.signature_removed(once)
    made["object-made-later"] = _made_later(shop)
    made |= {f"{name}-then-signed": shop.second(octets) for name, octets in _redrawn(once).items()}
    of_signatures = shop.signed(pdf.defaults_changed(pdf.sharing(b"Im1"), key="/F1", value=_FONT))
    replaced = pdf.defaults_changed(of_signatures, key="/F1", value=_OTHER_FONT)
    made["font-of-signatures-replaced-then-signed"] = shop.second(replaced, field="Signature3")
    return made | _shadows(shop) | _overlaid(shop)


def _overlaid(shop: Workshop) -> dict[str, bytes]:
    """A further signature, by whomever, whose look paints the signed page over."""
    once, plain = shop.signed(), shop.plain(5)
    page, half = (0, 0, 595, 842), (0, 0, 595, 300)
    broken = Signing(field="Signature2", box=page, cms=lambda _: b"not ASN.1")
    twice = shop.signed(once, by="organisation", how=Signing(field="Signature2", wish=plain, box=(0, 0, 595, 150)))
    return {
        "page-painted-over": shop.signed(once, how=Signing(field="Signature2", wish=plain, box=page)),
        "page-painted-over-by-half": shop.signed(once, how=Signing(field="Signature2", wish=plain, box=half)),
        "page-painted-over-by-two": shop.signed(
            twice, how=Signing(field="Signature3", wish=plain, box=(0, 150, 595, 300))
        ),
        "page-painted-over-by-no-signature": shop.signed(once, how=broken),
    }


def _redrawn(once: bytes) -> dict[str, bytes]:
    """What the text field looks like where a viewer makes its look anew."""
    return {
        "font-replaced": pdf.defaults_changed(once, key="/F1", value=_OTHER_FONT),
        "font-added": pdf.defaults_changed(once, key="/F9", value=_OTHER_FONT),
        "defaults-changed": pdf.defaults_changed(once, key="/DA", value=generic.TextStringObject("/F1 0 Tf 1 g")),
        "quadding-changed": pdf.defaults_changed(once, key="/Q", value=generic.NumberObject(2)),
    }


def _shadows(shop: Workshop) -> dict[str, bytes]:
    """Shadow attack: what the signed page draws is drawn anew as the look of an empty field that is signed later."""
    element = b"<< /Type /StructElem /S /P /P 8 0 R >>"
    structure = b" /StructTreeRoot << /Type /StructTreeRoot /K [9 0 R] >>"
    widget = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (Amount) /Parent 8 0 R >>"
    prepared = {
        "shared-look": pdf.sharing(b"Im1"),
        "shared-look-called-parent": pdf.sharing(b"Parent"),
        "shared-look-of-an-element": pdf.sharing(b"P", within=b"9 0 R", catalog=structure, more=[element]),
        "shared-look-of-a-widget": pdf.sharing(b"Parent", within=b"9 0 R", more=[widget]),
    }
    how = Signing(field="Signature2", wish=shop.plain(5), overwrites=pdf.SHARED)
    return {name: shop.signed(shop.signed(octets), by="organisation", how=how) for name, octets in prepared.items()}


def _made_later(shop: Workshop) -> bytes:
    """Shadow attack: the signed page names an object that the next revision brings."""
    dangling = pdf.document(contents=b"[4 0 R 20 0 R]")
    return shop.second(pdf.stream_added(shop.signed(dangling), 20))


def _uncovered(shop: Workshop) -> dict[str, bytes]:
    once = shop.signed()
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("a.txt", "another document")
    changes: Mapping[str, Callable[[tuple[int, ...]], tuple[int, ...]]] = {
        "range-zero": lambda _: (0, 0, 0, 0),
        "range-not-from-the-start": lambda r: (9, r[1] - 9, r[2], r[3]),
        "range-with-a-wider-gap": lambda r: (0, r[1] - 4, r[2], r[3]),
        "range-over-the-value": lambda r: (0, r[1] + 10, r[2], r[3]),
        "range-of-one-pair": lambda r: r[:2],
        "range-negative": lambda r: (0, r[1], r[2], -1),
        "range-short-of-the-end": lambda r: (0, r[1], r[2], r[3] - 6),
        "range-short-of-the-table": lambda r: (0, r[1], r[2], 40),
    }
    by, wish = shop.pki["person"], shop.plain()
    made = {name: pdf.range_replaced(once, change, by=by, wish=wish) for name, change in changes.items()}
    made["signed-over-a-part-then-signed"] = shop.second(made["range-short-of-the-table"])
    made["store-then-garbage"] = _stored(shop) + b"garbage\n"
    made["store-then-polyglot-zip"] = _stored(shop) + archive.getvalue()
    made["tail-garbage"] = once + b"garbage\n"
    made["polyglot-zip"] = once + archive.getvalue()
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    at = datetime.fromtimestamp(int(time.time()), tz=UTC)
    pki = make_pki(at=at)
    pki.write(folder)
    for place, files in {"good": good(pki, at=at), **bad(pki, at=at)}.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        for name, octets in files.items():
            (folder / place / f"{name}.pdf").write_bytes(octets)
    print(f"signed PDFs in {folder}")


if __name__ == "__main__":
    main()
