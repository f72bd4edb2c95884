"""One command inside a container, through the engine's exec: its output as it comes, its exit code, its end."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import docker

STDOUT, STDERR = 1, 2
CHUNK = 65536
NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""Exit codes for a command that is not there or is no program, of the shell and of the engine alike."""

_MISSING = re.compile(r"exec: \"?([^\"]*?)\"?: (?:executable file not found|.*no such file)", re.DOTALL)


def create(api: docker.APIClient, container: str, argv: Sequence[str]) -> str:
    """Prepare a command; its exec id. Raises docker.errors.APIError (paused, stopped, gone)."""
    made: dict[str, Any] = api.exec_create(container, list(argv), stdout=True, stderr=True)
    return str(made["Id"])


def stream(api: docker.APIClient, exec_id: str, timeout: float | None) -> Iterator[tuple[int, bytes]]:
    """Start it and yield (STDOUT or STDERR, bytes) as they come, to the end of both.

    Each piece may take `timeout` seconds (None: any time) before requests.RequestException is raised, as it is when
    the connection breaks. The SDK's own `exec_start` asks for a raw connection instead, on which it has no bound and
    can lose what came with the headers.
    """
    import urllib3
    from docker.errors import create_api_error_from_http_exception
    from requests import ConnectionError, HTTPError  # the requests exception, not the built-in one

    url = f"{api.base_url}/v{api.api_version}/exec/{exec_id}/start"
    with api.post(url, json={"Detach": False, "Tty": False}, stream=True, timeout=timeout) as response:
        try:
            response.raise_for_status()
        except HTTPError as error:
            create_api_error_from_http_exception(error)
        try:
            yield from frames(response.raw)
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(str(error)) from None


def frames(raw: Any) -> Iterator[tuple[int, bytes]]:
    """The pieces of a multiplexed stream (Engine API, "Attach to a container", stream format); `raw` has read(n)."""
    while len(header := raw.read(8)) == 8:
        kind, size = struct.unpack(">BxxxL", header)
        while size > 0:
            piece = raw.read(min(size, CHUNK))
            if not piece:
                return
            size -= len(piece)
            yield kind, piece


def missing_program(said: str) -> str | None:
    """The program that the engine says is not in the container, or None."""
    found = _MISSING.search(said)
    return found[1] if found else None


class Lines:
    """Bytes that come in pieces, as lines of text. A line without an end is cut at `longest` bytes."""

    def __init__(self, longest: int = CHUNK) -> None:
        self._rest = b""
        self._longest = longest

    def feed(self, piece: bytes) -> list[str]:
        """The lines that this piece completes."""
        *whole, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > self._longest:
            whole.append(self._rest)
            self._rest = b""
        return [line.decode(errors="replace") for line in whole]

    def end(self) -> list[str]:
        """What is left without an end of line."""
        rest, self._rest = self._rest, b""
        return [rest.decode(errors="replace")] if rest else []
