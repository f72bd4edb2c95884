"""The way to the process that holds a lab (`lab_host`): start it, connect to it, ask it for things."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tui.engines.base import EngineError
from tui.engines.netlink import Namespace
from tui.engines.netlink.sockets import NLMSG_ERROR, NetlinkError, adopt, failure, messages
from tui.engines.netlink.switches import FOLDERS, Switches
from tui.engines.netlink.watching import GROUPS

_MESSAGE = 1 << 17
_CHUNK = 1 << 15
_HOST = Path(__file__).with_name("lab_host.py")
_SETTINGS = (
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
    ("/proc/sys/user/max_net_namespaces", "0", "user.max_net_namespaces=15000"),
)
"""What forbids namespaces to ordinary users: (file, the value that forbids, the setting that allows)."""


class Channel:
    """One connection to a lab's host. Requests may come from any thread; each waits for its answer."""

    def __init__(self, link: socket.socket, process: subprocess.Popen[bytes] | None = None) -> None:
        self._link = link
        self._process = process
        self._lock = threading.Lock()

    def ask(
        self, do: str, payload: bytes = b"", files: Sequence[int] = (), **fields: object
    ) -> tuple[dict[str, Any], bytes, list[int]]:
        """One request and its answer: an object, bytes, and descriptors that are the caller's to close.

        Raises OSError for a refusal, EngineError when the lab is gone.
        """
        head = json.dumps({"do": do, **fields}).encode()
        with self._lock:
            try:
                socket.send_fds(self._link, [head + b"\n", payload], files)
                answer, payload, received = self._receive()
            except OSError:
                raise gone() from None
        if "errno" in answer:
            raise OSError(answer["errno"], answer["error"])
        return answer, payload, received

    def _receive(self) -> tuple[dict[str, Any], bytes, list[int]]:
        data, files, _flags, _address = socket.recv_fds(self._link, _MESSAGE, 16)
        for number in files:
            os.set_inheritable(number, False)
        if not data:
            raise ConnectionResetError
        head, _, payload = data.partition(b"\n")
        return json.loads(head), payload, files

    def fileno(self) -> int:
        """The descriptor of the connection, to hear of its end."""
        return self._link.fileno()

    def check(self) -> None:
        """EngineError where the host is gone; what was opened through it would go on showing a lab that is no more."""
        poll = select.poll()
        poll.register(self._link, 0)
        if poll.poll(0):
            raise gone()

    def hello(self) -> dict[str, Any]:
        """What a host says first; raises OSError where it could not even begin."""
        try:
            answer, _payload, _files = self._receive()
        except (OSError, ValueError):
            raise OSError(errno.EIO, "it ended at once") from None
        if "errno" in answer:
            raise OSError(answer["errno"], answer["error"], answer["at"])
        return answer

    def send(self, node: str, parts: Sequence[bytes]) -> None:
        """Messages of rtnetlink into a node, all of them; raises NetlinkError for the first that the kernel refuses."""
        for error in self.try_send(node, parts):
            if error is not None:
                raise error

    def try_send(self, node: str, parts: Sequence[bytes]) -> list[NetlinkError | None]:
        """Messages of rtnetlink into a node, and what became of each: None is success."""
        results: list[NetlinkError | None] = []
        for chunk in _chunks(parts):
            found = self._acknowledged(node, chunk, 0)
            results += [*found, *[NetlinkError(errno.EIO, "the kernel did not answer")] * (len(chunk) - len(found))]
        return results

    def send_batch(self, node: str, parts: Sequence[bytes], protocol: int) -> None:
        """A transaction of nf_tables; raises NetlinkError where any of it is refused."""
        for error in self._acknowledged(node, parts, protocol):
            if error is not None:
                raise error

    def _acknowledged(self, node: str, parts: Sequence[bytes], protocol: int) -> list[NetlinkError | None]:
        _, data, _ = self.ask("send", b"".join(parts), node=node, protocol=protocol)
        return [failure(flags, body) for kind, flags, _, body in messages(data) if kind == NLMSG_ERROR]

    def write(self, node: str, sysctls: Mapping[str, int]) -> list[tuple[str, OSError]]:
        """Sysctls of a node by their full names; those that could not be written, with the reason."""
        paths = {name.translate({46: 47, 47: 46}): name for name in sysctls}
        values = [(path, sysctls[name]) for path, name in paths.items()]
        answer, _, _ = self.ask("write", node=node, values=values)
        return [(paths[path], OSError(number, os.strerror(number))) for path, number in answer["failed"]]

    def window(self, node: str) -> Namespace:
        """A window into a node."""
        answer, _, files = self.ask("window", node=node, sockets=1, folders=FOLDERS)
        folders = dict(zip(answer["folders"], files[1:], strict=True))
        return Namespace(adopt(socket.socket(fileno=files[0])), Switches(folders))

    def ear(self, node: str) -> socket.socket:
        """A socket that listens to the notifications of a node."""
        _, _, files = self.ask("window", node=node, sockets=1, folders=())
        return adopt(socket.socket(fileno=files[0]), GROUPS)

    def close(self) -> None:
        """Let go: a lab that nobody keeps ends with it, and has ended when this returns."""
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._link.close()
            if self._process is not None:
                self._process.wait()


def gone() -> EngineError:
    """The sentence for a lab whose host has ended."""
    return EngineError(
        "The lab is gone: the process that held it has ended.", "Bring it up again: routetui lab up NAME"
    )


def _chunks(parts: Sequence[bytes]) -> list[list[bytes]]:
    """Messages in groups that fit into one request."""
    chunks: list[list[bytes]] = [[]]
    size = 0
    for part in parts:
        if size + len(part) > _CHUNK and chunks[-1]:
            chunks.append([])
            size = 0
        chunks[-1].append(part)
        size += len(part)
    return chunks if parts else []


def start(
    listener: socket.socket | None = None, files: Sequence[str] = (), keep: bool = True
) -> tuple[Channel, dict[str, Any]]:
    """A new lab's host, with what it says of itself.

    With a `listener` others find it, and `keep` has it stay when this program ends. `files` are removed at its end.

    Raises EngineError, with the setting to change where the system forbids it.
    """
    if not sys.platform.startswith("linux"):
        raise EngineError("A lab on the kernel needs Linux.")
    for user in [False, True] if os.geteuid() == 0 else [True]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        passed = [theirs.fileno(), *([listener.fileno()] if listener else [])]
        with theirs:
            argv = [sys.executable, "-I", "-S", str(_HOST), str(passed[0]), "user" if user else "root"]
            argv += [str(passed[1]), "keep" if keep else "hold", *files] if listener else []
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=passed,
                start_new_session=True,
            )
        channel = Channel(ours, process)
        try:
            return channel, channel.hello()
        except OSError as error:
            channel.close()
            refused = error
    raise _forbidden(refused)


def _forbidden(error: OSError) -> EngineError:
    """The sentence for a system that lets nobody, or only root, make namespaces."""
    for path, value, setting in _SETTINGS:
        with contextlib.suppress(OSError):
            if Path(path).read_text().strip() == value:
                name = setting.partition("=")[0]
                return EngineError(
                    f"This system does not let ordinary users make namespaces: {name} is {value}.",
                    f"As root: sysctl -w {setting}. Or use the simulator: --engine sim",
                )
    return EngineError(
        f"This system does not let us make namespaces: {error.strerror} ({error.filename or 'unshare'}).",
        "A container needs --privileged, or an unconfined seccomp profile. Or use the simulator: --engine sim",
    )
