"""A Podman for the tests alone: in namespaces with no way out and folders of its own, gone without a trace at the end.

It answers on a socket like an engine (`podman system service`). What keeps it (`keeper.py`) takes it down when its
standard input closes, so it goes however this process ends. What it leaves is found as a private Docker Engine's is.
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

from private_engine import CannotStart, images, traces

READY = "ready"
NEEDED = ("podman", "conmon", "ip", "ping", "traceroute", "tcpdump", "busybox", "iptables", "unshare", "nsenter")
RUNTIMES = ("crun", "runc")
"""Either of them starts the containers."""
NETAVARK = tuple(Path(each, "podman/netavark") for each in ("/usr/lib", "/usr/libexec", "/usr/local/libexec"))


def why_not() -> str | None:
    """One sentence on what keeps this machine from running a private Podman, or None."""
    if os.geteuid() != 0:
        return "A private Podman needs root."
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = [tool for tool in NEEDED if not shutil.which(tool, path=path)]
    if not any(shutil.which(each, path=path) for each in RUNTIMES):
        missing.append(" or ".join(RUNTIMES))
    if not any(each.exists() for each in NETAVARK):
        missing.append("netavark")
    return f"Not installed: {', '.join(missing)}." if missing else None


class PrivatePodman:
    """A running Podman; `url` is its socket. A context manager: leaving it takes Podman and its containers down."""

    def __init__(self) -> None:
        base = Path(os.environ.get("ROUTETUI_TEST_DIR", "/tmp"))  # short: a socket's path has 107 bytes at most
        traces.sweep(base)
        self.directory = Path(tempfile.mkdtemp(prefix="routetui-engine-", dir=base))
        self.directory.chmod(0o755)
        self.url = f"unix://{self.directory}/podman.sock"
        command = ["unshare", "--mount", "--net", "--propagation", "private"]
        command += [sys.executable, str(Path(__file__).with_name("keeper.py")), str(self.directory)]
        self._keeper = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._keeper.stdout
        answer = self._keeper.stdout.readline().strip()
        if answer != READY:
            said = self.log()
            self._wait()
            raise CannotStart(f"The private Podman did not start: {answer or 'its keeper ended'}. {said}".strip())
        try:
            images.make_all(self.url)
        except BaseException:
            self.close()
            raise

    def log(self) -> str:
        """The last lines of what Podman said."""
        log = self.directory / "podman.log"
        return " ".join(log.read_text(errors="replace").splitlines()[-3:]) if log.exists() else ""

    def _wait(self) -> None:
        assert self._keeper.stdin and self._keeper.stdout
        self._keeper.stdin.close()
        self._keeper.wait(timeout=60)
        self._keeper.stdout.close()

    def close(self) -> None:
        """Take it down and wait; raises AssertionError where a trace of it is left."""
        try:
            self._wait()
        except subprocess.TimeoutExpired:
            self._keeper.send_signal(signal.SIGKILL)
            traces.remove(self.directory)
            raise
        left = traces.find(self.directory)
        assert not left, f"The private Podman left something behind: {left}"

    def __enter__(self) -> PrivatePodman:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
