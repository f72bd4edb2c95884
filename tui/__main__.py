"""The command `routetui`, also as `python -m tui`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line with this process's arguments and give its exit code, quietly also when interrupted."""
    try:
        from tui.cli import run  # inside: an interrupt may come while modules load

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
