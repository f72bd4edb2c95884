"""What a private engine leaves on the machine, found by the name of its directory, and taken away."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def cgroup_parent(directory: Path) -> str:
    """The control group that all containers of the engine in `directory` live under; its name is unique."""
    return f"/{directory.name}"


def processes(directory: Path) -> list[int]:
    """Ids of the processes that belong to the engine in `directory`, this process excluded.

    Daemons and shims name the directory among their arguments; containers are in its control group.
    """
    marks = (f"{directory}/".encode(), cgroup_parent(directory).encode())
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            said = (entry / "cmdline").read_bytes().replace(b"\0", b"/") + b"/" + (entry / "cgroup").read_bytes()
            if any(mark in said for mark in marks):
                found.append(int(entry.name))
    return found


def mounts(directory: Path) -> list[str]:
    """Mount points under `directory` that this process sees."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [line.split()[1] for line in lines if line.split()[1].startswith(f"{directory}/")]


def cgroups(directory: Path) -> Iterator[Path]:
    """The engine's control groups, innermost first, in every hierarchy."""
    name = cgroup_parent(directory).lstrip("/")
    for hierarchy in (CGROUPS, *CGROUPS.glob("*")):
        for top in (hierarchy / name, hierarchy / f"{name}.slice"):
            if top.is_dir():
                yield from sorted((each for each in (top, *top.rglob("*")) if each.is_dir()), reverse=True)


def find(directory: Path) -> list[str]:
    """Everything that the engine in `directory` has on this machine, in words."""
    left = [f"process {pid}" for pid in processes(directory)]
    left += [f"mount {point}" for point in mounts(directory)]
    left += [f"control group {path}" for path in cgroups(directory)]
    return left + ([f"directory {directory}"] if directory.exists() else [])


def remove(directory: Path) -> None:
    """End the processes, then take away the rest."""
    end(directory)
    clear(directory)


def end(directory: Path, patience: float = 20) -> None:
    """Kill the processes and wait until they are gone, at most `patience` seconds."""
    for group in cgroups(directory):
        with contextlib.suppress(OSError):  # a paused container does not even die before it is thawed
            (group / "freezer.state").write_text("THAWED")
    deadline = time.monotonic() + patience
    while (alive := processes(directory)) and time.monotonic() < deadline:
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)


def clear(directory: Path) -> None:
    """Take away mounts, control groups and, last of all, the directory."""
    for point in reversed(mounts(directory)):
        os.system(f"umount -l '{point}'")
    for group in cgroups(directory):
        with contextlib.suppress(OSError):
            group.rmdir()
    shutil.rmtree(directory, ignore_errors=True)


def sweep(base: Path) -> None:
    """Take away what engines of earlier runs left in `base`, where the keeper that they recorded is gone."""
    for directory in base.glob("routetui-engine-*"):
        with contextlib.suppress(OSError, ValueError):
            recorded = (directory / "keeper.pid").read_text().split()
            if start_time(int(recorded[0])) != recorded[1]:
                remove(directory)


def start_time(pid: int) -> str | None:
    """When that process began, in clock ticks since boot: with the pid it names one process for good."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None
