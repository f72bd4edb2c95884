"""The processes of this machine by their command lines, to see that nothing is left."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

AT_ONCE = 5.0
"""Seconds within which what is stopped has ended on a machine that is busy: by itself each would go on for longer."""


def processes(fits: Callable[[list[bytes]], bool]) -> set[int]:
    """The numbers of those whose words fit, and that these tests started: a worker beside this one has its own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    mark = f"PYTEST_XDIST_WORKER={worker}".encode()
    found = set()
    for folder in Path("/proc").iterdir():
        if (
            folder.name.isdecimal()
            and fits(_parts(folder / "cmdline"))
            and (not worker or mark in _parts(folder / "environ"))
        ):
            found.add(int(folder.name))
    return found


def _parts(file: Path) -> list[bytes]:
    """The words of a file of /proc; none for a process that is gone, or another user's."""
    try:
        return file.read_bytes().split(b"\0")
    except OSError:
        return []
