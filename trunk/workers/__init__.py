"""The loops of a running trunk: relay, sweep, mailroom."""
