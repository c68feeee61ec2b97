"""Every bound on the form of an envelope, in one place, with its unit in its name.

A bound is checked before the work that it bounds: octets before parsing, shape before schema and signature.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of parsing and unpacking. The defaults fit real mail many times over."""

    max_depth: int = 32
    max_elements: int = 50_000
    max_attributes_per_element: int = 16
    max_namespaces: int = 16  #: declarations in scope at one element
    max_namespace_declarations: int = 2_000  #: in the whole message; each attachment declares one
    max_markup_octets: int = 4 * 1024 * 1024  #: everything but the payloads
    max_text_octets: int = 1024 * 1024  #: one text that is no payload
    inline_text_octets: int = 4096  #: shorter payloads stay in the tree
    chunk_octets: int = 256 * 1024  #: of base64 text decoded at a time
    max_attachments: int = 500
    max_unpacked_octets: int = 512 * 1024 * 1024  #: of one unzipped attachment
    max_inflation: int = 100  #: unpacked octets for one packed octet
    max_faults: int = 200  #: named in one answer
