"""Test vectors of the form family that must be refused: by code, then by name."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping

from envelopes.errors import EnvelopeCode as E
from envelopes.writer import write_status
from scripts import form_threats
from scripts.form_vectors import LETTER, LONG_LETTER, PLACEHOLDER, change, dotnet, status, written


def rejected() -> Mapping[E, Mapping[str, bytes]]:
    """Every ENV code has at least one."""
    found: dict[E, dict[str, bytes]] = {}
    for family in (_octets(), _shape(), _absences(), _schema(), _contradictions(), form_threats.rejected()):
        for code, vectors in family.items():
            found.setdefault(code, {}).update(vectors)
    return found


def _declared(new: bytes, encoding: str) -> bytes:
    return change(new, 'encoding="UTF-8"', f'encoding="{encoding}"')


def _octets() -> Mapping[E, Mapping[str, bytes]]:
    new, long = written(), written(content=LONG_LETTER)
    laughs = '<!DOCTYPE edXML [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>\n<edXML '
    external = '<!DOCTYPE edXML SYSTEM "http://127.0.0.1:9/edxml.dtd">\n<edXML '
    return {
        E.EMPTY: {"nothing": b"", "white-space": b" \r\n\t\n", "byte-order-mark": b"\xef\xbb\xbf"},
        E.NOT_XML: {
            "junk-before-declaration": b"1212" + new,
            "space-before-declaration": b"\n" + new,
            "json": b'{"header": {"messageheader": {}}}\n',
            "archive": b"PK\x03\x04\x14\x00\x00\x08\x08\x00" * 40,
            "wrong-end-tag": change(new, "</edXML:From>", "</edXML:To>"),
            "bare-ampersand": change(new, "Minh Sơn", "Minh & Sơn"),
            "unknown-entity": change(new, "Minh Sơn", "Minh&nbsp;Sơn"),
            "undeclared-prefix": change(new, "<edXML:Subject>", "<ed:Subject>"),
            "junk-behind-root": new + b"<edXML/>",
        },
        E.CUT_OFF: {
            "in-the-header": new[: new.index(b"<edXML:Subject>") + 20],
            "in-a-tag": new[: new.index(b"<edXML:Subject>") + 9],
            "between-elements": new[: new.index(b"<AttachmentEncoded>")],
            "in-base64": new[: new.index(b64encode(LETTER)) + 20],
            "in-long-base64": long[: long.index(b64encode(LONG_LETTER)) + 8_000],
            "in-a-letter": new[: new.index("ở".encode()) + 1],
            "in-the-last-tag": new.rstrip()[:-1],
        },
        E.WRONG_ENCODING: {
            "utf-16": _declared(new, "UTF-16").decode().encode("utf-16"),
            "utf-16-without-mark": new.decode().encode("utf-16-le"),
            "declared-as-another": _declared(new, "windows-1258"),
            "latin-1-octets": new.replace("Bản chính".encode(), b"B\xe3n ch\xednh"),
            "nul": new.replace(b"Y91.01", b"Y91\x0001", 1),
        },
        E.DTD: {
            "empty": change(new, "<edXML ", "<!DOCTYPE edXML>\n<edXML "),
            "entities": change(change(new, "<edXML ", laughs), "Minh Sơn", "&c;"),
            "external": change(new, "<edXML ", external),
        },
    }


def _shape() -> Mapping[E, Mapping[str, bytes]]:
    new = written()
    deep = "<b>" * 33 + "</b>" * 33
    attributes = " ".join(f'a{n}="1"' for n in range(17))
    namespaces = " ".join(f'xmlns:n{n}="urn:n{n}"' for n in range(17))
    recipient = "<edXML:To><edXML:OrganId>X07</edXML:OrganId></edXML:To>\n"
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:'
    include = '<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/hostname"/>'
    soap = "http://schemas.xmlsoap.org/soap/envelope/"
    return {
        E.TOO_DEEP: {
            "nested": change(new, "<edXML:Subject>", f"{deep}<edXML:Subject>"),
            "nested-in-placeholder": change(
                new,
                "    </edXML:edXMLHeader>",
                PLACEHOLDER.replace("<SignedInfo>", f"<SignedInfo>{deep}") + "</edXML:edXMLHeader>",
            ),
        },
        E.TOO_MANY: {
            "attributes": change(new, "<edXML:Subject>", f"<edXML:Subject {attributes}>"),
            "namespaces": change(new, "<edXML:Subject>", f"<edXML:Subject {namespaces}>"),
            "addressees": change(new, "        <edXML:To>", recipient * 499 + "        <edXML:To>"),
        },
        E.TEXT_TOO_LONG: {"subject": change(new, "V/v thử nghiệm", "dài " * (270 * 1024))},
        E.WRONG_ROOT: {
            "no-namespace": change(new, '<edXML xmlns="http', '<edXML xmlns:x="http'),
            "another-name": re.sub(rb"(</?)edXML(?=[ >])", rb"\1EDXML", new),
            "soap": f'<s:Envelope xmlns:s="{soap}"><s:Body/></s:Envelope>\n'.encode(),
        },
        E.INSTRUCTION: {
            "stylesheet": change(new, "<edXML ", '<?xml-stylesheet href="http://127.0.0.1:9/a.xsl"?>\n<edXML '),
            "inside": change(new, "<edXML:Subject>", "<edXML:Subject><?php x?>"),
            "schema-location": change(new, "<edXML ", f'<edXML {xsi}schemaLocation="urn:a http://127.0.0.1:9/a.xsd" '),
            "nil": change(new, "<edXML:Content>", f'<edXML:Content {xsi}nil="true">'),
            "xinclude": change(new, "<edXML:Subject>", f"<edXML:Subject>{include}"),
        },
        E.COMMENT: {
            "in-an-agency-code": change(new, ">Y91.01<", ">Y91<!-- -->.01<"),
            "in-an-empty-value": change(new, "2026/05/20", "<!-- none -->"),
            "in-base64": change(new, b64encode(LETTER).decode()[:20], b64encode(LETTER).decode()[:20] + "<!-- -->"),
        },
    }


def _without(octets: bytes, *names: str) -> bytes:
    """The message without the first element of each name."""
    for name in names:
        octets, found = re.subn(rb" *<(edXML:%b)[ >].*?</\1>\n" % name.encode(), b"", octets, count=1, flags=re.DOTALL)
        if not found:
            raise ValueError(f"{name} is not in the message")
    return octets


def _absences() -> Mapping[E, Mapping[str, bytes]]:
    new, arrived = written(), write_status(status("01"))
    return {
        E.MISSING: {
            "document-id": _without(new, "DocumentId"),
            "code": _without(new, "Code"),
            "code-number-and-notation": _without(new, "CodeNumber", "CodeNotation"),
            "promulgation-date": _without(new, "PromulgationDate"),
            "subject": _without(new, "Subject"),
            "empty-subject": re.sub(rb"(<edXML:Subject>).*?<", rb"\1 <", new),
            "sender": _without(new, "From"),
            "everything": _without(new, "From", "DocumentId", "Code", "PromulgationInfo", "Subject"),
            "message-header": _without(new, "MessageHeader"),
            "status-response-for": _without(arrived, "ResponseFor"),
            "status-document": change(_without(arrived, "Code"), "Y91.01,2026/05/04,27/STN-VP", " "),
            "reference-without-id": change(dotnet(), ' xlink:href="cid:letter-1"', ""),
        },
    }


def _schema() -> Mapping[E, Mapping[str, bytes]]:
    new, arrived = written(), write_status(status("01"))
    subject = "<edXML:Subject>"
    attached = '<edXML:edXMLAttachments xmlns:edXML="http://www.mic.gov.vn/TBT/QCVN_102_2016"/>'
    return {
        E.UNEXPECTED: {
            "unknown-element": change(new, subject, f"<edXML:Secret>1</edXML:Secret>{subject}"),
            "unknown-attribute": change(new, subject, '<edXML:Subject lang="vi">'),
            "text-between": change(new, subject, f"junk {subject}"),
            "element-in-a-value": change(new, ">KT. GIÁM ĐỐC<", "><b/>KT. GIÁM ĐỐC<"),
            "attachments-in-the-envelope": change(new, "<edXML:edXMLBody>", f"{attached}<edXML:edXMLBody>"),
            "another-namespace": change(new, subject, f'<Subject xmlns="urn:other">1</Subject>{subject}'),
        },
        E.BAD_VALUE: {
            "date": change(new, "2026/05/20", "ngày 20 tháng 5"),
            "priority": change(new, "<edXML:Priority>1<", "<edXML:Priority>5<"),
            "type-number": change(new, "<edXML:Type>2<", "<edXML:Type>hai<"),
            "operation": change(new, "<edXML:BussinessDocType>0<", "<edXML:BussinessDocType>4<"),
            "invisible-character-in-code": change(new, ">Y91.01<", ">Y91\u200b.01<"),
            "status-code": change(arrived, "<edXML:StatusCode>01<", "<edXML:StatusCode>07<"),
            "trunk-code-by-an-agency": change(arrived, "<edXML:StatusCode>01<", "<edXML:StatusCode>90<"),
            "two-content-ids": change(
                dotnet(), "<edXML:ContentType>", "<edXML:ContentId>cid:b</edXML:ContentId><edXML:ContentType>"
            ),
        },
        E.TOO_LONG: {
            "agency-code": change(new, ">Y91.01<", f">Y91.{'0' * 32}<"),
            "document-id": change(new, "27/STN-VP", "27/" + "S" * 500),
        },
        E.REPEATED: {
            "sender": change(
                new, "<edXML:From>", "<edXML:From><edXML:OrganId>X07</edXML:OrganId></edXML:From><edXML:From>"
            ),
            "subject": change(new, subject, f"<edXML:Subject>1</edXML:Subject>{subject}"),
            "code-number": change(
                new, "<edXML:CodeNumber>", "<edXML:CodeNumber>1</edXML:CodeNumber><edXML:CodeNumber>"
            ),
        },
    }


def _contradictions() -> Mapping[E, Mapping[str, bytes]]:
    new, long = written(), written(content=LONG_LETTER)
    encoded, long_encoded = b64encode(LETTER).decode(), b64encode(LONG_LETTER).decode()
    reference = re.search(rb" *<edXML:Reference>.*?</edXML:Reference>\n", new, re.DOTALL)
    attachment = re.search(rb" *<Attachment>.*?</Attachment>\n", new, re.DOTALL)
    if reference is None or attachment is None:
        raise ValueError("the message has no attachment")
    named = "<AttachmentName>Công văn 27.pdf</AttachmentName>"
    refused = write_status(status("02"))
    return {
        E.NO_ATTACHMENT: {
            "no-attachments": new.replace(attachment.group(), b""),
            "another-id": new.replace(b"<ContentId>cid:letter-1<", b"<ContentId>cid:letter-2<"),
        },
        E.NO_REFERENCE: {"no-manifest": _without(new, "edXMLManifest")},
        E.DUPLICATE_CONTENT_ID: {
            "references": new.replace(reference.group(), reference.group() * 2),
            "attachments": new.replace(
                attachment.group(), attachment.group() + attachment.group().replace(b"cid:letter-1", b"letter-1")
            ),
        },
        E.BAD_BASE64: {
            "foreign-character": change(new, encoded, encoded[:30] + "*" + encoded[30:]),
            "url-alphabet": change(new, encoded, encoded[:30] + "-_" + encoded[32:]),
            "no-padding": change(new, encoded, encoded.rstrip("=")),
            "padding-in-the-middle": change(new, encoded, "QQ==" + encoded),
            "words": change(new, encoded, "tệp đính kèm"),
            "long-foreign-character": change(long, long_encoded, long_encoded[:9_000] + "%" + long_encoded[9_001:]),
            "long-cut": change(long, long_encoded, long_encoded[:9_001]),
        },
        E.NO_ADDRESSEE: {"no-to": _without(new, "To", "To")},
        E.NO_REASON: {
            **{code: _without(write_status(status(code)), "Description") for code in ("02", "13", "16")},
            "blank": re.sub(rb"(<edXML:Description>).*?<", rb"\1 <", refused),
        },
        E.BAD_NAME: {
            "folder": change(new, named, "<AttachmentName>../../etc/passwd</AttachmentName>"),
            "drive": change(new, named, "<AttachmentName>C:\\27.pdf</AttachmentName>"),
            "line-end": change(new, named, "<AttachmentName>27&#10;.pdf</AttachmentName>"),
            "turned-around": change(new, named, "<AttachmentName>27\u202efdp.exe</AttachmentName>"),
            "in-the-manifest": change(new, "<edXML:AttachmentName>", "<edXML:AttachmentName>a/"),
        },
        E.EMPTY_ATTACHMENT: {"no-content": change(new, encoded, ""), "white-space": change(new, encoded, "\n  ")},
    }
