"""Files that --open reads and save writes: found, bounded, decoded and told apart by what is in them."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

from tui.cli.arguments import UsageError
from tui.core.text import clean
from tui.core.world import World

LIMIT = 256 * 1024 * 1024
"""The largest file that is read, in bytes: a table of three million routes."""

_COMPOSE = re.compile(r"^(?:services|networks|\"services\"|'services')[ \t]*:", re.MULTILINE)


def open_world(name: str) -> World:
    """The World in a file: a saved world, a Compose file, or a transcript; `-` is standard input.

    Raises UsageError with one sentence for whatever cannot be read.
    """
    text = read_text(name)
    shown = "standard input" if name == "-" else clean(name)
    try:
        return _world(text, name)
    except ValueError as error:  # SavedError, LabError and the like: sentences without the file's name
        raise UsageError(f"{shown}: {error}") from None


def _world(text: str, name: str) -> World:
    kind = kind_of(text, name)
    if kind == "saved":
        from tui.core.saved import loads

        return loads(text)
    if kind == "compose":
        from tui.labs import open_compose

        return open_compose(text, project(name), os.environ)
    from tui.core.reading.transcript import read_transcript

    return read_transcript(text)


def project(name: str) -> str:
    """What a Compose file's lab is called where the file does not say: its directory's name, as Compose has it."""
    return "lab" if name == "-" else Path(name).resolve().parent.name or "lab"


def kind_of(text: str, name: str) -> str:
    """saved, compose or transcript. A JSON object is a saved world unless it has services; `ip -j` prints a list."""
    start = text.lstrip()[:1]
    if start == "{":
        return "compose" if '"services"' in text and '"routetui"' not in text else "saved"
    if start != "[" and (name.endswith((".yml", ".yaml")) or _COMPOSE.search(text)):
        return "compose"
    return "transcript"


def read_text(name: str) -> str:
    """The text of a file, made safe for a terminal; `-` is standard input. Raises UsageError."""
    shown = "standard input" if name == "-" else clean(name)
    try:
        if name == "-":
            if sys.stdin.isatty():
                print("routetui: reading from the terminal; end with ctrl-d on an empty line", file=sys.stderr)
            data = _bounded(sys.stdin.buffer, shown)
        else:
            data = _read_file(Path(name), shown)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"{shown} cannot be read: {reason}.") from None
    return _decoded(data, shown)


def _read_file(path: Path, shown: str) -> bytes:
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise UsageError(f"{shown} is a directory: name a file in it.")
    if found.st_size > LIMIT:
        raise _too_large(shown)
    with path.open("rb") as file:
        return _bounded(file, shown)


def _bounded(file: BinaryIO, shown: str) -> bytes:
    data = file.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise _too_large(shown)
    return data


def _too_large(shown: str) -> UsageError:
    return UsageError(f"{shown} is too large: routetui reads files of up to {LIMIT >> 20} MiB.")


def _decoded(data: bytes, shown: str) -> str:
    if not data.strip():
        raise UsageError(f"{shown} is empty: it should hold a saved world, a Compose file or pasted tables.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{shown} is UTF-16 text: save it as UTF-8.")
    if b"\0" in data[:65536]:
        raise UsageError(f"{shown} is a binary file: it should hold a saved world, a Compose file or pasted tables.")
    try:
        return clean(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown} is not UTF-8 text (byte {error.start + 1}): save it as UTF-8.") from None


def write_world(world: World, name: str) -> None:
    """Save a World; `-` writes to standard output. A file is replaced whole, and only if it held a saved world.

    Raises UsageError.
    """
    from tui.core.saved import dumps

    text = dumps(world)
    if name == "-":
        sys.stdout.write(text)
        return
    path, shown = Path(name), clean(name)
    try:
        if path.exists() and not path.is_file():
            if path.is_dir():
                raise UsageError(f"{shown} is a directory: name a file in it.")
            path.write_text(text, "utf-8")  # a pipe or a device
            return
        if path.exists() and not _is_saved(path):
            raise UsageError(f"{shown} exists and is no saved world: it stays as it is. Choose another name.")
        _replace(path, text)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"{shown} cannot be written: {reason}.") from None


def _is_saved(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(256).strip()
    return not start or (start.startswith(b"{") and b'"routetui"' in start)


def _replace(path: Path, text: str) -> None:
    """Write beside the file and rename, so that a full disk or an interrupt never leaves half a file."""
    target = path.resolve()
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
    handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
        Path(beside).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(beside).unlink()
        raise


def _umask() -> int:
    """The process's umask; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
