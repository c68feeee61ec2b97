"""What the trunk decides: states, outcomes and rules. Pure; imports only the standard library and envelopes.model."""
