"""The packet filters of containers, read from this machine: most have but the engine's few rules for names, or none."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tui.core.firewall.values import Ruleset
from tui.engines.filter_reading import FilterReader, legacy_in
from tui.engines.netlink.filter_tables import asking
from tui.engines.process_run import ProcessRun

QUICK, PATIENT = 0.15, 2.0
"""Seconds for the programs that read the filters of many containers; those that are left over count as unread."""


class ContainerFilters:
    """Reads them when the container's tables are read; only root may."""

    def __init__(self) -> None:
        self._readers: dict[tuple[str, int], FilterReader] = {}
        self._until = 0.0

    def begin(self, containers: Sequence[tuple[str, int]], patient: bool) -> None:
        """A round of readings begins: of these containers, with the process of each."""
        wanted = set(containers)
        self._readers = {key: reader for key, reader in self._readers.items() if key in wanted}
        self._until = time.monotonic() + (PATIENT if patient else QUICK)

    def read(self, identity: str, pid: int) -> Ruleset | None:
        """One container's filters, None where they may not be read or there was no more time for it."""
        if os.geteuid() != 0:
            return None
        if (identity, pid) not in self._readers:
            self._readers[identity, pid] = FilterReader(
                asking(pid), partial(_start, pid), partial(legacy_in, Path(f"/proc/{pid}/net"))
            )
        return self._readers[identity, pid].read(programs=time.monotonic() < self._until)


def _start(pid: int, argv: Sequence[str]) -> ProcessRun:
    return ProcessRun(argv, ["nsenter", f"--net=/proc/{pid}/ns/net", "--", *argv])
