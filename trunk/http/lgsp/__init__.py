"""The façade for clients of provincial LGSP services, ``/lgsp/v1``, over the use cases that the native API calls.

``login`` and ``guard`` say who calls; ``entrance`` has the table of operations; ``multipart`` takes files out of
forms; ``replies`` spells answers and refusals. Decisions and quirks: docs/adr/0014-lgsp-facade.md.
"""
