"""What the trunk costs: every figure beside the bare work of the same run, by a command that anybody can repeat."""
