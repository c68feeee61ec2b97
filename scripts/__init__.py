"""Tools for operators and developers; imported by nobody but the tests."""
