"""A Docker Engine for the tests alone: in a network namespace with no way out, gone without a trace when they end.

`PrivateEngine` is the near side. The engine itself is kept by a process of its own (`keeper.py`), which takes
everything down when its standard input closes: so it goes however this process ends, kill -9 included.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType

from private_engine import images, traces

NEEDED = ("dockerd", "containerd", "ip", "ping", "traceroute", "tcpdump", "busybox", "iptables", "unshare")
READY = "ready"


class CannotStart(Exception):
    """No engine here; str() says why."""


def why_not() -> str | None:
    """One sentence on what keeps this machine from running a private engine, or None."""
    if os.geteuid() != 0:
        return "A private Docker Engine needs root."
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = [tool for tool in NEEDED if not shutil.which(tool, path=path)]
    return f"Not installed: {', '.join(missing)}." if missing else None


class PrivateEngine:
    """A running engine; `url` is its socket. A context manager: leaving it takes the engine down."""

    def __init__(self) -> None:
        base = Path(os.environ.get("ROUTETUI_TEST_DIR", "/tmp"))  # short: a socket's path has 107 bytes at most
        traces.sweep(base)
        self.directory = Path(tempfile.mkdtemp(prefix="routetui-engine-", dir=base))
        self.directory.chmod(0o755)
        self.url = f"unix://{self.directory}/docker.sock"
        self._keeper = self._start()
        try:
            images.make_all(self.url)
        except BaseException:
            self.close()
            raise

    def _start(self) -> subprocess.Popen[str]:
        command = ["unshare", "--mount", "--net", "--propagation", "private"]
        command += [sys.executable, str(Path(__file__).with_name("keeper.py")), str(self.directory)]
        # A session of its own: Ctrl-C in the terminal is for the tests; the keeper ends when they have.
        keeper = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert keeper.stdout
        answer = keeper.stdout.readline().strip()
        if answer != READY:
            log = self.directory / "dockerd.log"
            said = log.read_text(errors="replace")[-3000:] if log.exists() else ""
            self._wait(keeper)
            raise CannotStart(f"The private Docker Engine did not start: {answer}\n{said}")
        return keeper

    @staticmethod
    def _wait(keeper: subprocess.Popen[str]) -> None:
        assert keeper.stdin
        assert keeper.stdout
        keeper.stdin.close()
        keeper.wait(timeout=60)
        keeper.stdout.close()

    @property
    def daemon_pid(self) -> int:
        """The process id of dockerd, which lives in the network namespace of the engine's host."""
        return int((self.directory / "dockerd.pid").read_text())

    def restart(self) -> None:
        """Kill the daemon as a crash would and have the keeper start it again; containers go down with it."""
        self.stop_daemon()
        self.start_daemon()

    def stop_daemon(self) -> None:
        """Kill the daemon and wait until it is gone; the keeper stays."""
        self._ask("stop", "stopped")

    def start_daemon(self) -> None:
        """Start the daemon again and wait until it answers."""
        self._ask("start", READY)

    def _ask(self, request: str, expected: str) -> None:
        assert self._keeper.stdin
        assert self._keeper.stdout
        self._keeper.stdin.write(request + "\n")
        self._keeper.stdin.flush()
        answer = self._keeper.stdout.readline().strip()
        if answer != expected:
            raise CannotStart(f"The private Docker Engine did not {request}: {answer}")

    def close(self) -> None:
        """Take the engine down and wait; raises AssertionError where a trace of it is left."""
        try:
            self._wait(self._keeper)
        except subprocess.TimeoutExpired:
            self._keeper.send_signal(signal.SIGKILL)
            traces.remove(self.directory)
            raise
        left = traces.find(self.directory)
        assert not left, f"The private engine left something behind: {left}"

    def __enter__(self) -> PrivateEngine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
