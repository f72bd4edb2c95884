"""Programs of this machine in a container's network, or in that of the host: for root on the engine's machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tui.engines.base import EngineError
from tui.engines.docker import local
from tui.engines.docker.connect import Connection
from tui.engines.process_run import ProcessRun

_ENTER = Path(__file__).parents[1] / "kernel" / "enter.py"


def into_host(connection: Connection, argv: Sequence[str]) -> ProcessRun:
    """Start it in the network of the engine's process; EngineError where that is not to be entered from here."""
    if connection.peer is None:
        raise EngineError(
            "The engine is not on this machine: nothing of this machine can be run in its host's network."
        )
    if local.same_network(connection.peer) and os.geteuid() == 0:
        return ProcessRun(argv, argv)
    return _entered(connection.peer, "the host", argv)


def into_container(container: str, name: str, argv: Sequence[str]) -> ProcessRun:
    """Start it in the network of a container (its full id); EngineError where there is no way in from here."""
    pid = local.pids([container]).get(container)
    if pid is None:
        raise EngineError(f"{name} has no process on this machine: its network can be entered only where it runs.")
    return _entered(pid, name, argv)


def _entered(pid: int, name: str, argv: Sequence[str]) -> ProcessRun:
    if os.geteuid() != 0:
        raise EngineError(f"The network of {name} can be entered by root only.", "Start routetui with sudo.")
    return ProcessRun(argv, (sys.executable, "-I", "-S", str(_ENTER), f"/proc/{pid}/ns/net", *argv))
