"""The packet filters of the engine's host, read in the network namespace of the engine's process."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tui.core.firewall.values import Ruleset
from tui.engines.docker import local as docker_local
from tui.engines.filter_reading import FilterReader, legacy_in
from tui.engines.netlink.filter_tables import FilterSocket
from tui.engines.process_run import ProcessRun


class HostFilters:
    """Reads them again and again, as long as the engine's process is the same; only root may."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._pid: int | None = None
        self._socket: FilterSocket | None = None
        self._reader: FilterReader | None = None

    def read(self, pid: int, *, counters: bool = False) -> Ruleset | None:
        """The filters of the namespace in which that process lives; None where they may not be read."""
        if os.geteuid() != 0:
            return None
        with self._lock:
            if self._closed:  # by another thread, while a snapshot is under way
                return None
            if self._pid != pid or self._reader is None:
                self._release()
                try:
                    self._socket = FilterSocket(pid)
                except OSError:
                    return None
                self._reader = FilterReader(self._socket, _Starting(pid), partial(legacy_in, Path(f"/proc/{pid}/net")))
                self._pid = pid
            return self._reader.read(counters=counters)

    def close(self) -> None:
        """Let go of the namespace."""
        with self._lock:
            self._closed = True
            self._release()

    def _release(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._reader = None


class _Starting:
    """Starts commands in the namespace of a process."""

    def __init__(self, pid: int) -> None:
        self._way = [] if docker_local.same_network(pid) else ["nsenter", f"--net=/proc/{pid}/ns/net", "--"]

    def __call__(self, argv: Sequence[str]) -> ProcessRun:
        return ProcessRun(argv, [*self._way, *argv])
