"""Operators' and developers' tools; imported by nobody but the tests."""
