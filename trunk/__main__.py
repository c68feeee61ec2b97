"""``trunk``, and ``python -m trunk``."""

from __future__ import annotations

from trunk.cli.main import trunk


def main() -> None:
    """Run the command line; ends the process with the codes of ``trunk.cli.exits``."""
    trunk()


if __name__ == "__main__":
    main()
