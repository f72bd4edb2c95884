"""Run as a file of its own, `python -I -S enter.py NAMESPACE COMMAND...`: be that command in that network namespace."""

from __future__ import annotations

import ctypes
import os
import sys

CLONE_NEWNET = 0x40000000

if __name__ == "__main__":
    path, *argv = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(os.open(path, os.O_RDONLY | os.O_CLOEXEC), CLONE_NEWNET) != 0:
        sys.exit(f"{path} cannot be entered: {os.strerror(ctypes.get_errno())}.")
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        sys.exit(f"{argv[0]} cannot be started: {error.strerror}.")
