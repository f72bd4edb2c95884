"""Starts the dockerd of a Debian in a folder: the first process of mount, network and process namespaces of its own.

`python inside.py FOLDER SOCKETS`: FOLDER is the Debian's root, SOCKETS a folder outside in which docker.sock appears.
Everything that it mounts and starts ends with it; no packet can leave its network namespace.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *words: object) -> None:
    """A function of the C library; raises OSError."""
    if getattr(_libc, name)(*words) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


def mount(source: str, target: Path, kind: str | None, flags: int = 0, data: bytes | None = None) -> None:
    """mount(2)."""
    words = (source.encode(), str(target).encode(), kind.encode() if kind else None)
    call("mount", *words, ctypes.c_ulong(flags), data)


def main() -> None:
    """Make the folder the root, as pivot_root(2) does it where a plain chroot would not do, and become dockerd."""
    root, sockets = Path(sys.argv[1]), Path(sys.argv[2])
    mount("none", Path("/"), None, MS_REC | MS_PRIVATE)
    mount(str(root), root, None, MS_BIND | MS_REC)
    mount("proc", root / "proc", "proc")
    for name in ("sys", "dev"):
        mount(f"/{name}", root / name, None, MS_BIND | MS_REC)
    mount("tmpfs", root / "run", "tmpfs", 0, b"mode=755")
    outside = root / "run" / "outside"
    outside.mkdir()
    mount(str(sockets), outside, None, MS_BIND)
    old = root / "mnt"
    call("pivot_root", str(root).encode(), str(old).encode())
    os.chdir("/")
    call("umount2", b"/mnt", MNT_DETACH)
    os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    os.system("ip link set lo up 2>/dev/null")
    options = ["--host", "unix:///run/outside/docker.sock", "--log-level", "warn", *sys.argv[3:]]
    os.execv("/usr/sbin/dockerd", ["dockerd", *options])


if __name__ == "__main__":
    main()
