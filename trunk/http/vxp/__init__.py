"""The VXP façade: what deployed VXP clients send and expect, over the use cases that the native API calls.

``signed`` and ``guard`` say who calls and what was really asked; ``entrance`` has the table of operations;
``replies`` spells answers and refusals. Decisions and quirks: docs/adr/0010-vxp-facade.md.
"""
