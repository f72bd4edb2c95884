"""Leaving for new namespaces (unshare(2), mount(2)), with the standard library alone."""

from __future__ import annotations

import ctypes
import os
from typing import Any

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 0x1000, 0x4000, 0x40000, 2
_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *words: Any) -> None:
    """A function of the C library; raises OSError with the function's name."""
    if getattr(_libc, name)(*words) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


def new_world(user: bool) -> None:
    """Leave for new namespaces; as an ordinary user a user namespace first, in which that user is root."""
    uid, gid = os.geteuid(), os.getegid()
    if user:
        call("unshare", CLONE_NEWUSER)
        for file, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{file}", "w") as out:  # noqa: PTH123  # one import less at the start
                out.write(text)
    call("unshare", CLONE_NEWPID | CLONE_NEWNET)


def own_mounts() -> None:
    """A mount namespace in which /run/netns is ours, so that `ip netns` sees the lab's nodes and nothing else does."""
    call("unshare", CLONE_NEWNS)
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    place = b"/run/netns" if os.path.isdir("/run/netns") else b"/run"  # noqa: PTH112
    call("mount", b"routetui", place, b"tmpfs", 0, b"mode=755")
    if place == b"/run":
        os.mkdir("/run/netns")  # noqa: PTH102
