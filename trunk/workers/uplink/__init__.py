"""Another hub as our uplink: a client of the VXP protocol, and the loops that carry mail up, down and word both ways.

``client`` speaks the protocol and judges each reply; ``upward`` and ``downward`` are the steps of the loops;
``address_book`` reads who is beyond; ``lease`` lets one process at a time do it. Decisions: docs/adr/0015-hubs.md.
"""
