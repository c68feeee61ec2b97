"""Test vectors of hostile form: what the threat model names of XML parsing, names and schema, as attackers send it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

from envelopes.errors import EnvelopeCode as E
from scripts.form_vectors import LETTER, QCVN, change, written

_SUBJECT = "<edXML:Subject>"
_ROOT = "<edXML "


def rejected() -> Mapping[E, Mapping[str, bytes]]:
    return {**_entities(), **_encodings(), **_floods(), **_elsewhere(), **_values()}


def _entities() -> Mapping[E, Mapping[str, bytes]]:
    new = written()

    def declared(internal: str, used: str = "") -> bytes:
        octets = change(new, _ROOT, f"<!DOCTYPE edXML [{internal}]>\n{_ROOT}")
        return change(octets, "Minh Sơn", used) if used else octets

    laughs = '<!ENTITY l0 "ha">' + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 11))
    many = " ".join(f'a{n} CDATA "{"x" * 100}"' for n in range(100))
    return {
        E.DTD: {
            "billion-laughs": declared(laughs, "&l10;"),
            "quadratic": declared(f'<!ENTITY q "{"q" * 5_000}">', "&q;" * 1_000),
            "local-file": declared('<!ENTITY x SYSTEM "file:///etc/passwd">', "&x;"),
            "over-http": declared('<!ENTITY x SYSTEM "http://127.0.0.1:9/x">', "&x;"),
            "over-ftp": declared('<!ENTITY x SYSTEM "ftp://127.0.0.1:9/x">', "&x;"),
            "parameter-entity": declared('<!ENTITY % p SYSTEM "http://127.0.0.1:9/p.dtd"> %p;'),
            "public-subset": change(new, _ROOT, f'<!DOCTYPE edXML PUBLIC "-//x//EN" "http://127.0.0.1:9/x">\n{_ROOT}'),
            "notation": declared('<!NOTATION n SYSTEM "http://127.0.0.1:9/n"><!ENTITY u SYSTEM "u" NDATA n>'),
            "default-attributes": declared(f"<!ATTLIST edXML:OrganId {many}>"),
        },
    }


def _encodings() -> Mapping[E, Mapping[str, bytes]]:
    new = written()
    hidden = change(new, _ROOT, f"<!DOCTYPE edXML>\n{_ROOT}")

    def declared(octets: bytes, name: str) -> str:
        return change(octets, 'encoding="UTF-8"', f'encoding="{name}"').decode()

    return {
        E.WRONG_ENCODING: {
            "utf-32": declared(new, "UTF-32").encode("utf-32"),
            "utf-7": declared(new, "UTF-7").replace("<edXML:Subject>", "+ADw-edXML:Subject+AD4-").encode(),
            "latin-1": declared(new, "ISO-8859-1").encode("latin-1", errors="xmlcharrefreplace"),
            "doctype-in-utf-16": declared(hidden, "UTF-16").encode("utf-16"),
            "half-a-letter": new.replace("Sở".encode(), "Sở".encode()[:-1], 1),
            "overlong": new.replace(b"Y91.01", b"Y91\xc0\xae01", 1),
            "surrogate": new.replace(b"Y91.01", b"Y91\xed\xa0\x80", 1),
        },
    }


def _floods() -> Mapping[E, Mapping[str, bytes]]:
    new = written()
    attributes = " ".join(f'a{n}="1"' for n in range(5_000))
    namespaces = " ".join(f'xmlns:n{n}="urn:n{n}"' for n in range(2_000))
    nested = "".join(f'<n{n}:a xmlns:n{n}="urn:n{n}">' for n in range(20))
    each = "".join(f'<n{n}:a xmlns:n{n}="urn:n{n}"/>' for n in range(2_100))
    return {
        E.TOO_DEEP: {"three-thousand": change(new, _SUBJECT, "<a>" * 3_000 + "</a>" * 3_000 + _SUBJECT)},
        E.TOO_MANY: {
            "five-thousand-attributes": change(new, _SUBJECT, f"<edXML:Subject {attributes}>"),
            "two-thousand-namespaces": change(new, _SUBJECT, f"<edXML:Subject {namespaces}>"),
            "namespaces-on-the-way-down": change(
                new, _SUBJECT, nested + "".join(f"</n{n}:a>" for n in reversed(range(20))) + _SUBJECT
            ),
            "a-namespace-on-each": change(new, _SUBJECT, each + _SUBJECT),
            "sixty-thousand-elements": change(new, _SUBJECT, "<a/>" * 60_000 + _SUBJECT),
        },
    }


def _elsewhere() -> Mapping[E, Mapping[str, bytes]]:
    """What sends a parser, a validator or a browser to another place."""
    new = written()
    included = 'xmlns:i="http://www.w3.org/2001/XInclude" href="http://127.0.0.1:9/" parse="text"'
    location = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation'
    look_alike = "http://www.w3.org/2000/09/xmldsig"
    return {
        E.INSTRUCTION: {
            "xinclude-as-text": change(new, _SUBJECT, f"{_SUBJECT}<i:include {included}/>"),
            "schema-without-namespace": change(new, _ROOT, f'{_ROOT}{location}="http://127.0.0.1:9/a.xsd" '),
            "behind-the-root": new + b"<?xml-stylesheet href='http://127.0.0.1:9/a.xsl'?>",
            "in-an-agency-code": change(new, ">Y91.01<", ">Y91<?x y?>.01<"),
        },
        E.WRONG_ROOT: {
            "look-alike-namespace": new.replace(QCVN.encode(), f"{QCVN}/".encode()),
            "envelope-alone": new[new.index(b"<edXML:edXMLEnvelope") : new.index(b"<AttachmentEncoded")],
        },
        E.UNEXPECTED: {
            "look-alike-of-a-signature": change(
                new, "</edXML:edXMLHeader>", f'<ds:Signature xmlns:ds="{look_alike}"/></edXML:edXMLHeader>'
            ),
            "relative-namespace": change(new, _SUBJECT, f'<r:a xmlns:r="../r"/>{_SUBJECT}'),
        },
        E.REPEATED: {"second-header": change(new, "<edXML:edXMLBody>", "<edXML:edXMLHeader/><edXML:edXMLBody>")},
    }


def _values() -> Mapping[E, Mapping[str, bytes]]:
    new = written()
    named = "<AttachmentName>Công văn 27.pdf</AttachmentName>"

    def called(name: str) -> bytes:
        return change(new, named, f"<AttachmentName>{name}</AttachmentName>")

    content = b64encode(LETTER).decode()
    return {
        E.BAD_VALUE: {
            "turned-around-agency-code": change(new, ">Y91.01<", ">Y91\u202e.01<"),
            "private-use-in-a-code": change(new, ">Y91.01<", ">Y91.0\ue000<"),
        },
        E.TOO_LONG: {
            "subject": change(new, "V/v thử nghiệm", "V/v " + "dài " * 2_000),
            "file-name": called("dài" * 200 + ".pdf"),
        },
        E.BAD_NAME: {
            "absolute": called("/etc/cron.d/27"),
            "share": called("\\\\127.0.0.1\\c$\\27.pdf"),
            "stream": called("27.pdf:hidden"),
            "invisible": called("27\u200b.pdf"),
            "escape": called("27&#x9b;31m.pdf"),
        },
        E.BAD_BASE64: {"data-url": change(new, content, f"data:application/pdf;base64,{content}")},
    }
