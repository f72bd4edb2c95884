"""Network namespaces of a test's own: made by root, held by one process, gone with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from types import TracebackType
from typing import Any

WHY_NOT = (
    "needs root, to make network namespaces and enter them"
    if os.geteuid() != 0
    else "needs iproute2 and util-linux"
    if not all(map(shutil.which, ("ip", "unshare", "nsenter")))
    else None
)


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
