"""Signed test vectors that must be refused for what they are: where the signature stands, its shape, what it covers.

By code, then by name. Whom to trust, and since when, is ``scripts.signed_certificates``.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

from scripts import handmade_letter as hand
from scripts.handmade_letter import Ref
from scripts.make_test_pki import ec_key
from scripts.signed_workshop import OTHER_PLACE, PLACEHOLDER, TWO_FILES, Workshop, change

_XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
_XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"


def rejected(shop: Workshop) -> dict[str, dict[str, bytes]]:
    bare, trace = hand.document().write, "<edXML:TraceHeaderList"
    legacy = hand.sign(hand.styled(hand.document(), prefix=""), shop.signer).replace(
        f' xmlns="{hand.DS}"'.encode(), b""
    )
    return {
        "SIG-001": {"unsigned": bare(""), "empty": bare("<edXML:DigitalSignature/>")},
        "SIG-002": {"library": bare(PLACEHOLDER), "in-the-legacy-namespace": legacy},
        "SIG-003": _several(shop),
        "SIG-004": _misplaced(shop),
        "SIG-005": _uncovered(shop),
        "SIG-006": {**_shapes(shop), **_references(shop), **_transforms(shop), **_key_infos(shop), **_unsigned(shop)},
        "SIG-007": {
            "id-spelled-otherwise": shop.changed(f"{trace}>", f'{trace} id="Manifest">'),
            "wrapped-header-with-its-id": _wrapped(shop, keep_id=True),
        },
        "SIG-101": _tampered(shop),
        "SIG-102": _forged(shop),
        "SIG-103": _weak(shop),
        "ENV-011": _comments(shop),
        "ENV-105": {"signed-header-behind-another": _second_header(shop)},
    }


def _several(shop: Workshop) -> dict[str, bytes]:
    letter = hand.document()
    one = hand.signature(letter.style, shop.signer, letter.refs())
    signed = letter.write(one).decode()
    whole = signed.partition("\n")[2]
    other = hand.signature(hand.styled(letter, signature_id="Other").style, shop.alone("person-p384"), letter.refs())
    return {
        "twice": letter.write(one + one),
        "message-inside-its-signature": signed.replace(
            "</ds:Signature>", f"<ds:Object>{whole}</ds:Object></ds:Signature>"
        ).encode(),
        "two-signers": letter.write(one + other),
        "library-beside": replace(letter, after_header=PLACEHOLDER).write(one),
    }


def _misplaced(shop: Workshop) -> dict[str, bytes]:
    letter = hand.document()
    one = hand.signature(letter.style, shop.signer, letter.refs())
    inside = OTHER_PLACE.replace("{hidden}", one)
    return {
        "first": replace(letter, before_header=one).write(),
        "not-last": letter.write(one + "<edXML:DigitalSignature/>"),
        "inside-the-header": letter.write().replace(b"</edXML:MessageHeader>", inside.encode()),
    }


def _uncovered(shop: Workshop) -> dict[str, bytes]:
    two = hand.document(attachments=TWO_FILES)
    plain = shop.with_refs(lambda refs: [ref for ref in refs if ref.uri != "#Bussiness"])
    return {
        "header": shop.with_refs(lambda refs: refs[1:]),
        "manifest": shop.with_refs(lambda refs: [ref for ref in refs if ref.uri != "#Manifest"]),
        "attachment": shop.with_refs(lambda refs: refs[:-1], two),
        "header-alone": shop.with_refs(lambda refs: refs[:1]),
        "unsigned-order-to-revoke": plain.replace(b"DocType>0<", b"DocType>1<"),
        "wrapped-header": _wrapped(shop),
        "wrapped-manifest": _wrapped_manifest(shop),
        "added-attachment": shop.changed(
            "</AttachmentEncoded>",
            "<Attachment><ContentId>them</ContentId><ContentTransferEncoded>JVBERi0=</ContentTransferEncoded>"
            "</Attachment></AttachmentEncoded>",
        ),
        "name-beside-the-octets": shop.changed("<AttachmentName>tep-1.pdf", "<AttachmentName>hoa-don.exe"),
    }


def _wrapped(shop: Workshop, *, keep_id: bool = False) -> bytes:
    """The signed header, hidden in one that reads otherwise."""
    octets = hand.sign(hand.document(), shop.signer).decode()
    end = "</edXML:MessageHeader>"
    signed = octets[octets.index("<edXML:MessageHeader") : octets.index(end)] + end
    other = signed.replace("H41.01", "H99")
    other = other if keep_id else other.replace(' Id="MessageHeader"', "")
    return octets.replace(signed, other.replace(end, OTHER_PLACE.replace("{hidden}", signed))).encode()


def _wrapped_manifest(shop: Workshop) -> bytes:
    """The signed manifest, hidden in the header; the one in its place names another file."""
    octets = hand.sign(hand.document(), shop.signer).decode()
    end = "</edXML:edXMLManifest>"
    signed = octets[octets.index("<edXML:edXMLManifest") : octets.index(end)] + end
    other = signed.replace("tep-1.pdf", "tep-2.pdf").replace(' Id="Manifest"', "")
    octets = octets.replace(signed, other)
    return octets.replace("</edXML:MessageHeader>", OTHER_PLACE.replace("{hidden}", signed)).encode()


def _second_header(shop: Workshop) -> bytes:
    octets = hand.sign(hand.document(), shop.signer).decode()
    end = "</edXML:MessageHeader>"
    signed = octets[octets.index("<edXML:MessageHeader") : octets.index(end)] + end
    return octets.replace(signed, signed.replace("H41.01", "H99").replace(' Id="MessageHeader"', "") + signed).encode()


def _comments(shop: Workshop) -> dict[str, bytes]:
    """Canonicalization drops them: the value stays signed, and a careless reader sees half of it."""
    return {
        "signed-agency-code": shop.changed(
            "H41.01</edXML:OrganId></edXML:To>", "H41<!-- -->.01</edXML:OrganId></edXML:To>"
        ),
        "signed-between-elements": shop.changed("<edXML:From>", "<!-- --><edXML:From>"),
        "signed-in-the-signature": shop.changed("<ds:SignedInfo>", "<!-- --><ds:SignedInfo>"),
    }


def _shapes(shop: Workshop) -> dict[str, bytes]:
    flood = "".join(f' xmlns:n{number}="urn:n{number}"' for number in range(10))
    method = hand.styled(hand.document(), c14n=hand.EXCLUSIVE)
    info = f'<ds:CanonicalizationMethod Algorithm="{hand.EXCLUSIVE}'
    octets = hand.sign(method, shop.signer).decode()
    return {
        "canonicalization-with-comments": octets.replace(info, f"{info}WithComments").encode(),
        "canonicalization-unknown": octets.replace(info, info.replace(hand.EXCLUSIVE, "urn:none")).encode(),
        "covert-object": shop.changed("</ds:Signature>", "<ds:Object>x</ds:Object></ds:Signature>"),
        "covert-text": shop.changed("<ds:KeyInfo>", "x<ds:KeyInfo>"),
        "covert-attribute": shop.changed("<ds:KeyInfo>", '<ds:KeyInfo note="x">'),
        "lax-base64": shop.changed("<ds:SignatureValue>", "<ds:SignatureValue>*"),
        "namespace-flood": shop.changed("<ds:SignedInfo>", f"<ds:SignedInfo{flood}>"),
        "properties-of-another": shop.dated(target="Other"),
        "manifest-of-references": shop.changed(
            "</ds:Signature>", "<ds:Object><ds:Manifest></ds:Manifest></ds:Object></ds:Signature>"
        ),
    }


def _references(shop: Workshop) -> dict[str, bytes]:
    def extra(uri: str) -> bytes:
        return shop.with_refs(lambda refs: [*refs, Ref(uri=uri, octets=b"")])

    letter = hand.document()
    whole = letter.whole()
    many = [Ref(uri=f"#x{number}", octets=b"") for number in range(200)]
    return {
        "references-none": shop.with_refs(lambda _: []),
        "references-200": shop.with_refs(lambda refs: refs + many),
        "reference-twice": shop.with_refs(lambda refs: [*refs, refs[0]]),
        "reference-file": extra("file:///etc/passwd"),
        "reference-http": extra("http://127.0.0.1:9/"),
        "reference-xpointer": extra("#xpointer(/)"),
        "reference-own-object": shop.with_refs(lambda _: [Ref(uri="#Object", octets=b"")]),
        "reference-without-uri": shop.changed('<ds:Reference URI="#Manifest">', "<ds:Reference>"),
        "whole-document-beside-a-part": hand.sign(letter, shop.signer, refs=[whole, letter.refs()[0]]),
    }


def _transforms(shop: Workshop) -> dict[str, bytes]:
    letter = hand.document()

    def transforms(*uris: str, extra: str = "") -> bytes:
        return shop.with_refs(lambda refs: [replace(refs[0], transforms=uris, extra=extra), *refs[1:]])

    def whole(*uris: str) -> bytes:
        return hand.sign(letter, shop.signer, refs=[replace(letter.whole(), transforms=uris)])

    return {
        "transform-xpath": transforms(_XPATH),
        "transform-xpath-before": transforms(_XPATH, hand.EXCLUSIVE),
        "transform-xslt": transforms(_XSLT),
        "transform-base64": transforms(f"{hand.DS}base64"),
        "transform-none": transforms(),
        "transform-enveloped-on-a-part": transforms(hand.ENVELOPED, hand.EXCLUSIVE),
        "transform-c14n-with-comments": transforms(hand.EXCLUSIVE + "WithComments"),
        "transform-c14n-11": transforms("http://www.w3.org/2006/12/xml-c14n11"),
        "transforms-500": transforms(*[hand.EXCLUSIVE] * 500),
        "transform-on-octets": shop.with_refs(
            lambda refs: [*refs[:-1], replace(refs[-1], transforms=(hand.EXCLUSIVE,))]
        ),
        "transform-of-whole-xpath": whole(hand.ENVELOPED, _XPATH),
        "whole-document-without-enveloped": whole(hand.EXCLUSIVE),
        "whole-document-enveloped-alone": whole(hand.ENVELOPED),
        "whole-document-order": whole(hand.EXCLUSIVE, hand.ENVELOPED),
    }


def _key_infos(shop: Workshop) -> dict[str, bytes]:
    """What may not tell which key it is."""
    data, ca = "<ds:X509Data>", shop.pki["ca"].certificate
    named = "{<}KeyInfo>{<}KeyName>x{/}KeyName>{/}KeyInfo>"
    value = "{<}KeyInfo>{<}KeyValue>{/}KeyValue>{/}KeyInfo>"
    stranger = shop.pki["person-p384"].certificate
    return {
        "key-value": shop.changed(data, f"<ds:KeyValue></ds:KeyValue>{data}"),
        "key-value-alone": hand.sign(hand.styled(hand.document(), key_info=value), shop.signer),
        "key-name-alone": hand.sign(hand.styled(hand.document(), key_info=named), shop.signer),
        "retrieval-method": shop.changed(data, f'<ds:RetrievalMethod URI="#x"/>{data}'),
        "two-x509-data": shop.changed("</ds:X509Data>", f"</ds:X509Data>{data}</ds:X509Data>"),
        "two-signers-certificates": hand.sign(hand.document(), replace(shop.signer, issuers=(stranger,))),
        "six-certificates": hand.sign(hand.document(), replace(shop.signer, issuers=(ca,) * 5)),
        "sixty-certificates": hand.sign(hand.document(), replace(shop.signer, issuers=(ca,) * 59)),
    }


def _unsigned(shop: Workshop) -> dict[str, bytes]:
    token = shop.token()

    def lax(octets: bytes) -> str:
        return token(octets).replace("<xades:EncapsulatedTimeStamp>", "<xades:EncapsulatedTimeStamp>*")

    return {
        "three-timestamps": shop.stamped(token, token, token),
        "counter-signature": shop.stamped(lambda _: "<xades:CounterSignature></xades:CounterSignature>"),
        "certificate-values": shop.stamped(lambda _: "<xades:CertificateValues></xades:CertificateValues>"),
        "lax-base64-in-a-token": shop.stamped(lax),
    }


def _tampered(shop: Workshop) -> dict[str, bytes]:
    letter = hand.document()
    whole = hand.sign(letter, shop.signer, refs=[letter.whole()])
    hop = "<edXML:TraceHeader><edXML:OrganId>H41.TRUC</edXML:OrganId></edXML:TraceHeader>"
    return {
        "sender": shop.changed("<edXML:From><edXML:OrganId>G12", "<edXML:From><edXML:OrganId>G13"),
        "addressee": shop.changed("H41.01</edXML:OrganId></edXML:To>", "H41.02</edXML:OrganId></edXML:To>"),
        "file-name": shop.changed("tep-1.pdf</edXML:AttachmentName>", "tep-2.pdf</edXML:AttachmentName>"),
        "order": shop.changed("DocType>1<", "DocType>3<", letter=hand.document(kind="1")),
        "attachment": shop.changed("JVBERi0xLjcg", "JVBERi0xLjYg"),
        "attachments-exchanged": _exchanged(shop),
        "signing-time": shop.dated().replace(b"T09:00:00+07", b"T09:00:01+07"),
        "whole-document-subject": change(whole, "kế hoạch năm", "kế hoạch năm sau"),
        "whole-document-hop-added": change(whole, "</edXML:TraceHeader>", f"</edXML:TraceHeader>{hop}"),
        "whole-document-white-space": change(whole, "</edXML>", " </edXML>"),
        "whole-document-attachment-rewrapped": change(whole, "JVBERi0xLjcg", "JVBERi0x\nLjcg"),
    }


def _exchanged(shop: Workshop) -> bytes:
    """Each file under the other's name."""
    octets = hand.sign(hand.document(attachments=TWO_FILES), shop.signer)
    one, two = (b64encode(file) for _, file in TWO_FILES)
    return octets.replace(one, b"-").replace(two, one).replace(b">-<", b">" + two + b"<")


def _forged(shop: Workshop) -> dict[str, bytes]:
    stranger = ec_key()
    zero = b64encode(bytes(64)).decode()
    octets = hand.sign(hand.document(), shop.signer).decode()
    start, end = octets.index("<ds:SignatureValue>") + 19, octets.index("</ds:SignatureValue>")
    shown = replace(shop.alone("person-p521"), key=shop.signer.key)
    twin = replace(shop.signer, certificate=shop.pki["twin"].certificate)
    return {
        "bit-flipped": hand.sign(hand.styled(hand.document(), corrupt=True), shop.signer),
        "another-key": hand.sign(hand.document(), replace(shop.signer, key=stranger)),
        "another-certificate-shown": hand.sign(hand.styled(hand.document(), method="ecdsa-sha256"), shown),
        "zero": (octets[:start] + zero + octets[end:]).encode(),
        "half": (octets[:start] + octets[start : start + 44] + octets[end:]).encode(),
        "another-certificate-named": shop.dated(named=shop.alone("seal")),
        # the same key under another name: only what the signature names tells them apart
        "twin-certificate-shown": shop.dated(named=shop.signer, signer=twin),
    }


def _weak(shop: Workshop) -> dict[str, bytes]:
    used, letter = hand.method_uri("ecdsa-sha256"), hand.document()
    return {
        "digest-sha1": shop.with_refs(lambda refs: [replace(ref, digest="sha1") for ref in refs]),
        "digest-md5": shop.with_refs(lambda refs: refs).replace(
            b"http://www.w3.org/2001/04/xmlenc#sha256", b"http://www.w3.org/2001/04/xmldsig-more#md5"
        ),
        "rsa-sha1": shop.changed(used, hand.method_uri("rsa-sha1")),
        "hmac": shop.changed(used, hand.method_uri("hmac-sha256")),
        "dsa": shop.changed(used, "http://www.w3.org/2009/xmldsig11#dsa-sha256"),
        "none": shop.changed(used, "urn:none"),
        "rsa-1024": hand.sign(letter, shop.alone("rsa-1024")),
    }
