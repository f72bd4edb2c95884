"""The command `routetui`, also as `python -m tui`."""

from __future__ import annotations

import sys

from tui import __version__


def main() -> int:
    """Run the command line with this process's arguments and give its exit code, quietly also when interrupted."""
    if sys.argv[1:] == ["--version"]:
        print(f"routetui {__version__}")  # a script asks this often: nothing else need be loaded for it
        return 0
    try:
        from tui.cli import run  # inside: an interrupt may come while modules load

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
