"""The proof that nothing accepted is lost: agencies at random, faults at random, and an oracle outside the trunk.

``python -m scripts.soak --help``. The oracle knows only what agencies' systems were told and what they hold.
"""
