"""Run as a file of its own, `python -I -S __main__.py TOOL KEY=VALUE...`: one probe, told in lines of JSON."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # The folder that holds the package `tui`; isolated mode has put no folder of ours on the path.
    sys.path.insert(0, __file__.rsplit("/", 4)[0])
    from tui.engines.prober.tools import main

    sys.exit(main(sys.argv[1:]))
