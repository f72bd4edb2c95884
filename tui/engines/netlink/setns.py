"""Entering another namespace, in a thread that is thrown away afterwards (setns(2), unshare(2))."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
T = TypeVar("T")
Where = int | str
"""A network namespace: the number of a process that lives in it, or the path of its file (/run/netns/NAME)."""

_libc: ctypes.CDLL | None = None


def call(name: str, *words: Any) -> int:
    """A function of the C library that returns -1 and sets errno; raises OSError. (os.setns comes with Python 3.12.)"""
    global _libc  # noqa: PLW0603  # opened once, when first needed, so that the module imports everywhere
    if _libc is None:
        _libc = ctypes.CDLL(None, use_errno=True)
    result = int(getattr(_libc, name)(*words))
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def namespace_path(where: Where) -> str:
    """The file that stands for the namespace."""
    return f"/proc/{where}/ns/net" if isinstance(where, int) else where


def enter(where: Where) -> None:
    """Move the calling thread into a network namespace; it needs CAP_SYS_ADMIN there and in its own user namespace."""
    file = os.open(namespace_path(where), os.O_RDONLY | os.O_CLOEXEC)
    try:
        call("setns", file, CLONE_NEWNET)
    finally:
        os.close(file)


def elsewhere(work: Callable[[], T]) -> T:
    """Do `work`, which may enter namespaces, in a thread of its own that ends with it; what it raises is raised here.

    A thread is never moved back: where that failed, the rest of the program would run in the wrong network.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body, name="setns", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
