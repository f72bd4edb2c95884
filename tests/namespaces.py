"""Network namespaces of a test's own: made by root, held by one process, gone with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, TypeVar

from tui.core.world import Node

WHY_NOT = (
    "needs root, to make network namespaces and enter them"
    if os.geteuid() != 0
    else "needs iproute2 and util-linux"
    if not all(map(shutil.which, ("ip", "unshare", "nsenter")))
    else None
)


T = TypeVar("T")


def at_rest(read: Callable[[], T], fits: Callable[[T], bool] = lambda _: True, pause: float = 0.0) -> T:
    """What is read once it fits and stays the same: the kernel makes entries of its own beside the command."""
    end, before = time.monotonic() + 10, None
    while time.monotonic() < end:
        seen = read()
        if seen == before and fits(seen):
            return seen
        before = seen
        time.sleep(pause)
    raise AssertionError("the kernel does not come to rest")


def has_own_routes(node: Node) -> bool:
    """Whether each address has its entry in table local."""
    own = {(each.dev, each.dst.address) for each in node.routes if each.type in ("local", "anycast")}
    due = [(link.name, each.address) for link, each in node.addresses() if link.up or "nodad" in each.flags]
    return own.issuperset(due)


class Space:
    """One namespace; loopback is up. `pid` is the process that holds it."""

    def __init__(self) -> None:
        # The shell waits for its input to end, and so does the namespace.
        self._process = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", "ip link set lo up && echo ready && exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        self.pid = self._process.pid

    def run(self, *argv: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["nsenter", "-t", str(self.pid), "-n", *argv], input=text, capture_output=True, text=True, check=False
        )

    def ip(self, command: str) -> None:
        done = self.run("ip", *command.split())
        assert done.returncode == 0, (command, done.stderr)

    def batch(self, commands: Iterable[str], *options: str) -> None:
        """Run many; those that the kernel refuses are passed over."""
        self.run("ip", *options, "-force", "-batch", "-", text="\n".join(commands) + "\n")

    def json(self, command: str) -> list[dict[str, Any]]:
        done = self.run("ip", "-j", *command.split())
        assert done.returncode == 0, (command, done.stderr)
        return [each for each in json.loads(done.stdout or "[]") if each]

    def write(self, sysctl: str, value: int) -> None:
        path = "/proc/sys/" + sysctl.translate({46: 47, 47: 46})
        done = self.run("sh", "-c", f"echo {value} > {path}")
        assert done.returncode == 0, done.stderr

    def close(self) -> None:
        self._process.communicate()

    def __enter__(self) -> Space:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
