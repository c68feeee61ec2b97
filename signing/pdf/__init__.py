"""Signatures inside PDFs: read strictly, judged like any other, with what came after them."""

from signing.pdf.verifier import PdfVerifier

__all__ = ["PdfVerifier"]
