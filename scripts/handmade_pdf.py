"""PDFs written by hand, and what is done to them: signing, adding, replacing, hiding. Good and bad alike."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any
from unittest.mock import patch

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import BasePdfFileWriter, PageObject, copy_into_new_writer
from pyhanko.sign.fields import MDPPerm, SigFieldSpec
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigMDPSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import PdfSignedData

from scripts.certificates import Identity
from scripts.handmade_cms import CmsWish, signature

CATALOG, PAGE, CONTENT, INFORMATION, TEXT_FIELD = 1, 3, 4, 6, 7
SHARED = 8  #: the stream that both a page and a field show
_PASSWORD = "owner"  # noqa: S105 - of a file that anybody may read
_TEXT = b"BT /F1 14 Tf 72 720 Td (Test document, signed to be checked) Tj ET"
METADATA = b" /Type /Metadata /Subtype /XML"
_RDF = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF>'
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">%b</x:xmpmeta>' % _RDF
_PAGE = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Annots [7 0 R] /Resources "
    b"<< /Font << /F1 5 0 R >> /XObject << /Im1 9 0 R >> >> >>"
)
_AMOUNT = (
    b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (Amount) /V (100) /Rect [72 600 200 620] /P 3 0 R "
    b"/DA (/F1 12 Tf) /AP << /N 8 0 R >> >>"
)
_RESERVED = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """How a signature is put into a document."""

    field: str = "Signature1"
    wish: CmsWish = CmsWish()  # noqa: RUF009 - frozen
    kind: str = "adbe.pkcs7.detached"
    box: tuple[int, int, int, int] | None = (350, 100, 500, 160)  #: None: invisible
    drawing: bytes = b"0.8 0 0 RG 0 0 150 60 re S"  #: what it shows
    overwrites: int = 0  #: the stream in whose place the drawing is put
    certifies: int = 0  #: DocMDP P
    written: datetime | None = None  #: M
    cms: Callable[[bytes], bytes] | None = None  #: instead of a signature: from the document's digest


def document(
    extra: Mapping[str, bytes] | None = None,
    *,
    weight: int = 0,
    contents: bytes = b"4 0 R",
    page: bytes = b"",
    more: Sequence[bytes] = (),
) -> bytes:
    """One page, one text field.

    ``extra``: into the catalog; ``weight``: octets of an image beside the text; ``contents``: of the page;
    ``page``: into it; ``more``: objects from number 10 on.
    """
    catalog = b"".join(b" /%s %s" % (key.encode(), value) for key, value in (extra or {}).items())
    appearance = b"BT /F1 12 Tf 2 6 Td (100) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [7 0 R] /DR << /Font << /F1 5 0 R >> >> >>%s >>"
        % catalog,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        _PAGE.replace(b"4 0 R", contents + page),
        _stream(b"", _TEXT),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Title (Test) /Producer (Tests) /ModDate (D:20261122100000+07'00') >>",
        _AMOUNT,
        _stream(
            b" /Type /XObject /Subtype /Form /BBox [0 0 128 20] /Resources << /Font << /F1 5 0 R >> >>", appearance
        ),
        _image(weight),
    ]
    return _file([*objects, *more])


def sharing(name: bytes, *, within: bytes = b"", catalog: bytes = b"", more: Sequence[bytes] = ()) -> bytes:
    """A page that draws an XObject called ``name``, which is what an empty signature field (Signature2) shows as well.

    ``within``: the page's XObjects, if not by that name alone; ``catalog``: into it; ``more``: objects from 9 on.
    """
    form = b" /Type /XObject /Subtype /Form /BBox [0 0 400 60] /Resources << /Font << /F1 5 0 R >> >>"
    drawn = within or b"<< /%b %d 0 R >>" % (name, SHARED)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [7 0 R] >>%b >>" % catalog,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Annots [7 0 R] /Resources "
        b"<< /Font << /F1 5 0 R >> /XObject %b >> >>" % drawn,
        _stream(b"", b"q 1 0 0 1 72 700 cm /%b Do Q" % name),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Title (Test) >>",
        b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (Signature2) /Rect [60 100 210 160] /P 3 0 R /F 4 "
        b"/AP << /N %d 0 R >> >>" % SHARED,
        _stream(form, b"BT /F1 12 Tf 2 6 Td (Pay 100) Tj ET"),
    ]
    return _file([*objects, *more])


def hybrid() -> bytes:
    """A file with a table and a stream of cross-references, as a word processor writes them."""
    plain = document()
    at = len(plain)
    entries = b"\x01" + (at).to_bytes(4, "big") + b"\0"
    stream = b"10 0 obj\n<< /Type /XRef /Size 11 /W [1 4 1] /Index [10 1] /Length %d >>\nstream\n" % len(entries)
    tail = b"%b%b\nendstream\nendobj\n" % (stream, entries)
    table = at + len(tail)
    first = plain.rindex(b"xref\n0 ")
    return b"%b%bxref\n0 1\n0000000000 65535 f \ntrailer\n%b\nstartxref\n%d\n%%%%EOF\n" % (
        plain,
        tail,
        b"<< /Size 11 /Root 1 0 R /Prev %d /XRefStm %d >>" % (first, at),
        table,
    )


def sign(octets: bytes, *, by: Identity, how: Signing = Signing()) -> bytes:
    """The document with one more signature, in one more revision."""
    writer = opened(octets)
    steps = PdfCMSEmbedder(SigFieldSpec(how.field, box=how.box)).write_cms(how.field, writer)
    field = next(steps).get_object()
    if how.box is not None:
        field["/AP"] = generic.DictionaryObject({pdf_name("/N"): _drawn(writer, how)})
    kind = "/DocTimeStamp" if how.kind == "ETSI.RFC3161" else "/Sig"
    placeholder = PdfSignedData(pdf_name(kind), timestamp=how.written, bytes_reserved=2 * _RESERVED)
    placeholder["/SubFilter"] = pdf_name(f"/{how.kind}")
    permitted = SigMDPSetup("sha256", certify=True, docmdp_perms=MDPPerm(how.certifies)) if how.certifies else None
    steps.send(SigObjSetup(sig_placeholder=placeholder, mdp_setup=permitted))
    algorithm = how.wish.algorithm
    prepared, out = steps.send(SigIOSetup(md_algorithm=algorithm))
    digest = prepared.document_digest
    steps.send(how.cms(digest) if how.cms is not None else signature(digest, by=by, wish=how.wish))
    return bytes(out.getvalue())


def _drawn(writer: IncrementalPdfFileWriter, how: Signing) -> generic.IndirectObject:
    form = _form(how.drawing)
    if not how.overwrites:
        return writer.add_object(form)
    form.container_ref = generic.Reference(how.overwrites, 0, writer)
    writer.objects[(0, how.overwrites)] = form
    writer.mark_update(form.container_ref)
    return generic.IndirectObject(how.overwrites, 0, writer)


def opened(octets: bytes) -> IncrementalPdfFileWriter:
    writer = IncrementalPdfFileWriter(BytesIO(octets), strict=False)
    if b"/Encrypt" in octets:
        writer.encrypt(_PASSWORD)
    return writer


def written(writer: BasePdfFileWriter) -> bytes:
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def changed(octets: bytes, number: int, change: Callable[[Any], None]) -> bytes:
    """One more revision, in which the object was changed."""
    writer = opened(octets)
    change(writer.get_object(generic.Reference(number, 0, writer)))
    writer.mark_update(generic.Reference(number, 0, writer))
    return written(writer)


def form_filled(octets: bytes) -> bytes:
    """Another amount, value and looks: what DocMDP 2 permits and nobody signed."""
    writer = opened(octets)
    reference = generic.Reference(TEXT_FIELD, 0, writer)
    field = writer.get_object(reference)
    field["/V"] = generic.TextStringObject("100000")
    looks = writer.add_object(_form(b"BT /F1 12 Tf 2 6 Td (100000) Tj ET"))
    field["/AP"] = generic.DictionaryObject({pdf_name("/N"): looks})
    writer.mark_update(reference)
    return written(writer)


def page_added(octets: bytes) -> bytes:
    writer = opened(octets)
    contents = writer.add_object(generic.StreamObject(stream_data=_TEXT))
    writer.insert_page(PageObject(contents=contents, media_box=(0, 0, 595, 842)))
    return written(writer)


def annotation_added(octets: bytes) -> bytes:
    writer = opened(octets)
    note = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Annot"),
            pdf_name("/Subtype"): pdf_name("/Square"),
            pdf_name("/Rect"): generic.ArrayObject(map(generic.NumberObject, (60, 700, 400, 740))),
            pdf_name("/AP"): generic.DictionaryObject({pdf_name("/N"): writer.add_object(_form(b"0 0 340 40 re f"))}),
        }
    )
    reference = generic.Reference(PAGE, 0, writer)
    writer.get_object(reference)["/Annots"].append(writer.add_object(note))
    writer.mark_update(reference)
    return written(writer)


def content_replaced(octets: bytes) -> bytes:
    """Shadow attack *replace*: the page shows another text."""
    writer = opened(octets)
    reference = generic.Reference(PAGE, 0, writer)
    text = generic.StreamObject(stream_data=_TEXT.replace(b"Test", b"Other"))
    writer.get_object(reference)["/Contents"] = writer.add_object(text)
    writer.mark_update(reference)
    return written(writer)


def looks_emptied(octets: bytes) -> bytes:
    """Shadow attack *hide*: what a field shows is taken away."""

    def change(field: Any) -> None:
        field["/AP"] = generic.DictionaryObject()

    return changed(octets, TEXT_FIELD, change)


def field_painted(octets: bytes) -> bytes:
    """An empty signature field, added to paint over the page."""
    writer = opened(octets)
    steps = PdfCMSEmbedder(SigFieldSpec("Signature9", box=(60, 700, 400, 740))).write_cms("Signature9", writer)
    field = next(steps).get_object()
    field["/AP"] = generic.DictionaryObject({pdf_name("/N"): writer.add_object(_form(b"0 0 340 40 re f"))})
    return written(writer)


def defaults_changed(octets: bytes, *, key: str, value: Any) -> bytes:
    """Of the form: ``key`` is one of its own, or the name of a font."""
    writer = opened(octets)
    form = writer.root["/AcroForm"]
    if key.startswith("/F"):
        fonts = form.setdefault(pdf_name("/DR"), generic.DictionaryObject())
        fonts.setdefault(pdf_name("/Font"), generic.DictionaryObject())[pdf_name(key)] = writer.add_object(value)
    else:
        form[pdf_name(key)] = value
    writer.update_container(form)
    return written(writer)


@contextmanager
def spelled(plain: str, otherwise: bytes) -> Iterator[None]:
    """A name that is meanwhile written in another way, wherever it stands."""
    usual = generic.NameObject.write_to_stream

    def write(self: Any, stream: Any, *args: Any, **wishes: Any) -> None:
        if self == plain:
            stream.write(otherwise)
        else:
            usual(self, stream, *args, **wishes)

    with patch.object(generic.NameObject, "write_to_stream", write):
        yield


def signature_removed(octets: bytes) -> bytes:
    """The last field is taken out of the form and off the page; its signature stays behind, unseen."""
    writer = opened(octets)
    for holder in (
        writer.root["/AcroForm"]["/Fields"],
        writer.get_object(generic.Reference(PAGE, 0, writer))["/Annots"],
    ):
        holder.pop()
        writer.update_container(holder)
    return written(writer)


def value_removed(octets: bytes) -> bytes:
    """The last field is emptied; its signature stays behind, in no field."""
    writer = opened(octets)
    field = writer.root["/AcroForm"]["/Fields"][-1]
    del field["/V"]
    writer.update_container(field)
    return written(writer)


def title_changed(octets: bytes) -> bytes:
    def change(information: Any) -> None:
        information["/Title"] = generic.TextStringObject("Other")

    return changed(octets, INFORMATION, change)


def store_added(octets: bytes, *, certificates: Sequence[bytes]) -> bytes:
    """With a document security store (ISO 32000-2 12.8.4.3), as tools add it for later."""
    writer = opened(octets)
    streams = [writer.add_object(generic.StreamObject(stream_data=der)) for der in certificates]
    store = generic.DictionaryObject(
        {pdf_name("/Type"): pdf_name("/DSS"), pdf_name("/Certs"): generic.ArrayObject(streams)}
    )
    writer.root["/DSS"] = writer.add_object(store)
    writer.update_root()
    return written(writer)


def with_metadata() -> bytes:
    """A document with XMP, as object 10, which tools write anew whenever they save."""
    return document({"Metadata": b"10 0 R"}, more=[_stream(METADATA, XMP)])


def stream_added(octets: bytes, number: int, *, content: bytes = b"0 0 595 842 re f", entries: bytes = b"") -> bytes:
    """One more revision with a stream of that number, written by hand."""
    at, first = len(octets), int(octets[octets.rindex(b"startxref") :].split()[1])
    added = b"%d 0 obj\n%b\nendobj\n" % (number, _stream(entries, content))
    table = b"xref\n%d 1\n%010d 00000 n \n" % (number, at)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R /Prev %d >>\n" % (max(number + 1, 64), first)
    return octets + added + table + trailer + b"startxref\n%d\n%%%%EOF\n" % (at + len(added))


def range_replaced(
    octets: bytes, change: Callable[[tuple[int, ...]], tuple[int, ...]], *, by: Identity, wish: CmsWish
) -> bytes:
    """Another ByteRange in the place of the last one, as long as it, and really signed over what it names."""
    start = octets.rindex(b"/ByteRange") + len(b"/ByteRange ")
    end = octets.index(b"]", start) + 1
    given = tuple(map(int, octets[start:end].strip(b"[]").split()))
    numbers = change(given)
    made = b"[%b]" % b" ".join(b"%d" % number for number in numbers)
    changed = octets[:start] + made.ljust(end - start) + octets[end:]
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    digest = hashlib.sha256(b"".join(changed[at : at + max(length, 0)] for at, length in pairs)).digest()
    value = signature(digest, by=by, wish=wish).hex().encode()
    first, again = given[1] + 1, given[2] - 1
    return changed[:first] + value.ljust(again - first, b"0") + changed[again:]


def torn() -> bytes:
    """A document with an object stream that cannot be decompressed."""
    writer = copy_into_new_writer(PdfFileReader(BytesIO(document())))
    writer.stream_xrefs = True
    lost = generic.DictionaryObject({pdf_name("/A"): pdf_name("/B")})
    writer.root["/PieceInfo"] = writer.add_object(lost, obj_stream=writer.prepare_object_stream())
    octets = written(writer)
    start = octets.index(b"stream", octets.index(b"/ObjStm")) + len(b"stream\n")
    return octets[:start] + b"\0\0" + octets[start + 2 :]


def encrypted(octets: bytes) -> bytes:
    writer = copy_into_new_writer(PdfFileReader(BytesIO(octets)))
    writer.encrypt(_PASSWORD, "")
    return written(writer)


def _form(drawing: bytes) -> generic.StreamObject:
    return generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Form"),
            pdf_name("/BBox"): generic.ArrayObject(map(generic.NumberObject, (0, 0, 400, 60))),
        },
        stream_data=drawing,
    )


def _stream(entries: bytes, content: bytes) -> bytes:
    return b"<< /Length %d%b >>\nstream\n%b\nendstream" % (len(content), entries, content)


def _image(weight: int) -> bytes:
    pixels = zlib.compress(os.urandom(weight or 12), 0)
    about = b" /Type /XObject /Subtype /Image /Width %d /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray"
    return _stream(about % (weight or 12) + b" /Filter /FlateDecode", pixels)


def _file(objects: list[bytes]) -> bytes:
    out, places = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), list[int]()
    for number, one in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, one)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    identity = hashlib.sha256(b"document").hexdigest()[:32].encode()
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R /ID [<%b> <%b>] >>\n" % (
        len(objects) + 1,
        identity,
        identity,
    )
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % table)
