"""Docker Engines newer than this machine's: another Debian in a folder, its dockerd in namespaces of its own.

The folder is made by debootstrap from the mirror that this machine's own package configuration names, and can be kept
between runs (ROUTETUI_ENGINES_DIR).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

from private_engine.answering import answers

PACKAGES = "docker.io,iptables,nftables,iproute2"
PATIENCE = 60.0
"""Seconds that a dockerd has to answer."""


class CannotBuild(Exception):
    """No such engine here; str() says why."""


def mirror() -> str:
    """The Debian mirror of this machine's package configuration."""
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for each in sources:
        with contextlib.suppress(OSError):
            found = re.search(r"^[^#\n]*?(https?://\S+/debian)/?(?=\s|$)", each.read_text(), re.MULTILINE)
            if found:
                return found[1]
    raise CannotBuild("This machine's package configuration names no Debian mirror.")


def build(suite: str, folder: Path) -> Path:
    """A Debian of that suite with Docker in it, in `folder`; one that is there already is taken as it is."""
    root = folder / suite
    if (root / "usr/sbin/dockerd").exists():
        return root
    if os.geteuid() != 0 or shutil.which("debootstrap", path=os.environ["PATH"] + ":/usr/sbin") is None:
        raise CannotBuild("It needs root and debootstrap.")
    folder.mkdir(parents=True, exist_ok=True)
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(root), mirror()]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        shutil.rmtree(root, ignore_errors=True)
        last = (made.stdout + made.stderr).strip().splitlines()[-1:]
        raise CannotBuild(f"debootstrap {suite} failed: {re.sub('//[^/]+/', '//MIRROR/', ' '.join(last))}")
    return root


class NewerEngine:
    """A running engine; `url` is its socket. A context manager: leaving it takes the engine and all it made down."""

    def __init__(self, root: Path, *options: str) -> None:
        self._root = root
        # Short: a socket's path has 107 bytes at most.
        self._sockets = Path(tempfile.mkdtemp(prefix="rt-engine-", dir="/tmp"))
        self.url = f"unix://{self._sockets}/docker.sock"
        self._cgroup = f"routetui-{self._sockets.name}"
        command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"]
        command += [sys.executable, str(Path(__file__).with_name("inside.py")), str(root), str(self._sockets)]
        with (self._sockets / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--cgroup-parent", f"/{self._cgroup}", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def _wait(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise CannotBuild(f"dockerd ended: {self.log()}")
            if answers(self._sockets / "docker.sock"):
                return
            time.sleep(0.1)
        raise CannotBuild(f"dockerd does not answer: {self.log()}")

    def log(self) -> str:
        """The last lines of what dockerd said."""
        with contextlib.suppress(OSError):
            return " ".join((self._sockets / "dockerd.log").read_text().splitlines()[-3:])
        return ""

    def close(self) -> None:
        """End it and everything that it started, and remove what it kept in the folder."""
        parent = self._process.pid
        with contextlib.suppress(OSError):
            # The child of unshare is the namespace's first process: with it every other one ends.
            for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
        self._process.wait()
        for group in sorted(Path("/sys/fs/cgroup").glob(f"**/{self._cgroup}*"), reverse=True):
            for each in sorted((group, *group.glob("**/")), key=lambda path: -len(path.parts)):
                with contextlib.suppress(OSError):
                    each.rmdir()
        shutil.rmtree(self._root / "var/lib/docker", ignore_errors=True)
        shutil.rmtree(self._sockets, ignore_errors=True)

    def __enter__(self) -> NewerEngine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()
