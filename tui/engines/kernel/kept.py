"""Labs that other programs find: each is one process with a socket in a folder; it may outlive the one that made it.

The folder is the user's own (XDG_RUNTIME_DIR/routetui, else /run/routetui for root, else /tmp/routetui-UID); a socket
NAME.lab in it that answers is a running lab, one that refuses is left from a lab that was killed, and is removed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import select
import socket
import stat
import tempfile
from pathlib import Path

from tui.core.labs import Lab
from tui.engines.base import EngineError
from tui.engines.kernel import KernelLab, lab_channel, memo
from tui.engines.kernel import start as start_lab
from tui.engines.kernel.isolation import NFT, RULES
from tui.engines.kernel.lab_channel import Channel
from tui.engines.kernel.lab_making import LabMaking

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}(\.[0-9]+)?")
_SUFFIX = ".lab"
_SECONDS = 5.0


def folder() -> Path:
    """The folder of this user's labs, made where it is missing. EngineError where it is somebody else's."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    uid = os.geteuid()
    if base and Path(base).is_dir():
        place = Path(base) / "routetui"
    elif uid == 0:
        place = Path("/run/routetui")
    else:
        place = Path(tempfile.gettempdir()) / f"routetui-{uid}"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        seen = place.lstat()
    except OSError as error:
        raise EngineError(f"The folder for running labs cannot be made: {place}: {error.strerror}.") from error
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != uid or seen.st_mode & 0o077:
        raise EngineError(f"{place} must be a folder of your own that nobody else can enter (chmod 700).")
    return place


def up(lab: Lab, persist: bool = False, isolation: tuple[str, ...] = (NFT, RULES)) -> KernelLab:
    """Bring a lab up; with `persist` it stays until `down`, else it ends with the engine or this program.

    Raises EngineError, also where a lab of that name is already up; nothing is left of one that fails.
    """
    return _named(lab, lab.name, True, isolation) if persist else start_lab(lab, isolation)


def hold(lab: Lab, isolation: tuple[str, ...] = (NFT, RULES)) -> KernelLab:
    """Bring a lab up that others find by `held_name`, and that ends with the engine or this program (kill -9 too).

    Raises EngineError as `up` does.
    """
    return _named(lab, held_name(lab), False, isolation)


def held_name(lab: Lab) -> str:
    """The name by which `attach` finds the lab that this program holds: its own, and this process."""
    return f"{lab.name}.{os.getpid()}"


def _named(lab: Lab, name: str, keep: bool, isolation: tuple[str, ...]) -> KernelLab:
    path = _path(name)
    listener = _listen(name, path)
    channel = None
    try:
        with listener:
            channel, _ = lab_channel.start(listener, (str(path),), keep)
        engine = KernelLab(channel, LabMaking(channel, lab, isolation).make())
        engine.keep(engine.made)
        return engine
    except BaseException:
        if channel is not None:
            with contextlib.suppress(EngineError, OSError):
                channel.ask("end")
            channel.close()
        path.unlink(missing_ok=True)
        raise


def running() -> list[str]:
    """The names of this user's labs that are up and stay, sorted; those that a program holds are that program's."""
    names = []
    for path in sorted(folder().glob(f"*{_SUFFIX}")):
        with contextlib.suppress(EngineError):
            _connect(path.stem, path).close()
            names.append(path.stem)
    return [name for name in names if "." not in name]


def attach(name: str) -> KernelLab:
    """A lab that is up, as an engine; closing it leaves the lab as it is. EngineError where there is none."""
    channel = Channel(_connect(name, _path(name)))
    try:
        answer, kept, _ = channel.ask("recall")
        return KernelLab(channel, memo.read(kept), answer["revision"])
    except OSError as error:
        channel.close()
        raise EngineError(f"The lab {name} does not answer: {error.strerror}.") from error
    except BaseException:
        channel.close()
        raise


def down(name: str) -> None:
    """End a lab that is up: all of it is gone when this returns. EngineError where there is none."""
    path = _path(name)
    channel = Channel(_connect(name, path))
    try:
        answer, _, _ = channel.ask("recall")
        process = os.pidfd_open(answer["pid"])
        try:
            channel.ask("end")
            ended = select.select([process], [], [], _SECONDS)[0]
        finally:
            os.close(process)
        if not ended:
            raise EngineError(f"The lab {name} does not end: its process {answer['pid']} is still there.")
    except OSError as error:
        raise EngineError(f"The lab {name} does not end: {error.strerror or error}.") from error
    finally:
        channel.close()
    path.unlink(missing_ok=True)


def _path(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise EngineError(f"{name!r} cannot name a lab: use lower-case letters, digits, '-' and '_', at most 41.")
    return folder() / f"{name}{_SUFFIX}"


def _listen(name: str, path: Path) -> socket.socket:
    """The socket at which the lab will be found; what a killed lab left there is taken away."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for _ in range(2):
        try:
            listener.bind(str(path))
            listener.listen()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                listener.close()
                raise EngineError(f"The lab {name} cannot be kept: {path}: {error.strerror}.") from error
            with contextlib.suppress(EngineError):
                _connect(name, path).close()
                break
        else:
            return listener
    listener.close()
    raise EngineError(f"A lab named {name} is already up.", f"End it: routetui lab down {name}")


def _connect(name: str, path: Path) -> socket.socket:
    """A connection to a lab; a socket at which nobody listens any more is removed."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        link.connect(str(path))
    except OSError as error:
        link.close()
        if error.errno == errno.ECONNREFUSED:
            path.unlink(missing_ok=True)
        known = [each.stem for each in path.parent.glob(f"*{_SUFFIX}") if each != path and "." not in each.stem]
        hint = f"Up are: {', '.join(sorted(known))}" if known else f"Bring it up: routetui lab up {name}"
        raise EngineError(f"There is no lab named {name} up.", hint) from None
    return link
