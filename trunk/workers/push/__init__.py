"""Mail that the trunk posts to agencies' own endpoints: who carries it, and over which wire."""
