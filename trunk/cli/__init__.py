"""The commands that clerks, administrators and developers type."""
