"""What this machine can tell of an engine's processes by itself: their ids, networks, capabilities, /proc files."""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Iterable
from pathlib import Path

PROC_FILES = ("route", "fib_trie", "ipv6_route", "if_inet6", "dev")
"""Files of /proc/PID/net that anybody may read and that tell of a process's network."""
CAPABILITIES = {12: "NET_ADMIN", 13: "NET_RAW", 21: "SYS_ADMIN"}
"""The capabilities that matter for routing, by number (capabilities(7), linux/capability.h)."""

# Podman's conmon watches a container from outside, in a group that has its id too.
_ID = re.compile(r"(?<!conmon-)[0-9a-f]{64}")


def pids(containers: Iterable[str]) -> dict[str, int]:
    """The first process of each of these containers (full ids), for those that have one on this machine.

    The control group of a process names its container, innermost last: one pass over /proc is cheaper than asking the
    engine for each. Where several match, the one that started first is the container's own.
    """
    wanted = set(containers)
    found: dict[str, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            identity = container_of(int(entry.name))
            if identity in wanted:
                found.setdefault(identity, []).append(int(entry.name))
    return {identity: min(each, key=_age) if len(each) > 1 else each[0] for identity, each in found.items()}


def container_of(pid: int) -> str:
    """The full id of the container that a process is in, "" for none (or where it cannot be told)."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="ascii", errors="replace") as file:  # noqa: PTH123  # thousands of them
            ids = _ID.findall(file.read())
    except OSError:
        return ""
    return ids[-1] if ids else ""


def _age(pid: int) -> tuple[int, int]:
    """When the process started, in clock ticks since boot (proc(5), /proc/pid/stat field 22)."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]), pid
    return 1 << 63, pid


def same_network(pid: int) -> bool:
    """Whether a process lives in this program's network namespace. Needs no right to look at the process.

    The files of /proc/PID/net are made once for each namespace, and numbered then.
    """
    try:
        return Path(f"/proc/{pid}/net/dev").stat().st_ino == Path("/proc/self/net/dev").stat().st_ino
    except OSError:
        return False


@functools.lru_cache(maxsize=4096)
def capabilities(pid: int, container: str) -> tuple[str, ...] | None:  # noqa: ARG001  # a pid is used again one day
    """Those of CAPABILITIES that a container's process may ever have (its bounding set, which it keeps for life).

    None where that cannot be read.
    """
    with contextlib.suppress(OSError):
        return capabilities_in(Path(f"/proc/{pid}/status").read_text())
    return None


def capabilities_in(status: str) -> tuple[str, ...] | None:
    """The same from the text of /proc/PID/status."""
    found = re.search(r"^CapBnd:\s*([0-9a-f]+)", status, re.MULTILINE)
    if found is None:
        return None
    bits = int(found[1], 16)
    return tuple(sorted(name for number, name in CAPABILITIES.items() if bits >> number & 1))


def proc_files(pid: int) -> dict[str, str]:
    """The text of each of PROC_FILES of a process; those that cannot be read are left out."""
    texts = {}
    for name in PROC_FILES:
        with contextlib.suppress(OSError):
            texts[name] = Path(f"/proc/{pid}/net/{name}").read_text()
    return texts
