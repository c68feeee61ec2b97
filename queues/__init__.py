"""Moves opaque bytes from one named queue to a handler, and says who is responsible for them."""
