"""Whether a Docker Engine answers at its socket."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path


def answers(path: Path) -> bool:
    """One question (GET /_ping), with the least that HTTP needs; nothing listening is no answer."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return connection.recv(64).startswith(b"HTTP/1.0 200")
    return False
