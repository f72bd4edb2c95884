"""The process that holds a lab: it owns the namespaces, sends what it is told into them and starts commands there.

It is run as a file of its own, by `python -I -S`, with the standard library alone, and of routetui it imports only
`tui.engines.unshare`: the privileged part stays small and starts in a few milliseconds. Its first process waits outside
and removes what files there are; the second is process 1 of a process namespace, so that everything in the lab ends
with it (kill -9 included, pid_namespaces(7)). A lab that nobody keeps ends when the program that started it is gone:
its control socket closes.

Requests come over a SOCK_SEQPACKET socket: a JSON object, then perhaps a newline and bytes, descriptors beside it
(SCM_RIGHTS). Each is answered by one such message; {"errno", "error"} where it failed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

# The folder that holds the package `tui`; isolated mode has put no folder of ours on the path.
sys.path.append(__file__.rsplit("/", 4)[0])
from tui.engines.unshare import CLONE_NEWNET, MNT_DETACH, MS_BIND, call, new_world, own_mounts

PR_SET_PDEATHSIG = 1
MESSAGE = 1 << 17
HOST = "host"


class Request:
    """What was asked: the fields of the JSON object, the bytes after it, the descriptors beside it."""

    def __init__(self, message: bytes, files: list[int]) -> None:
        head, _, self.payload = message.partition(b"\n")
        self.fields: dict[str, Any] = json.loads(head)
        self.files = files

    @property
    def node(self) -> str:
        """The node that is meant."""
        return str(self.fields["node"])


Answer = tuple[dict[str, Any], bytes, list[int]]
"""An object, bytes, and descriptors, which are closed once sent."""


class Host:
    """Process 1 of the lab."""

    def __init__(self, mounted: bool, outside: int) -> None:
        self.outside = outside
        self.nodes = {HOST: os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)}
        self.links: dict[tuple[str, int], socket.socket] = {}
        self.running: dict[int, socket.socket] = {}
        self.homes: dict[int, str] = {}  # the node of each of them
        self.clients: list[socket.socket] = []
        self.holder: socket.socket | None = None  # whose farewell ends the lab; None: only a request does
        self.mounted = mounted
        self.memo, self.revision = b"", 0
        self.ended = False

    # --- requests ---

    def serve(self, asked: Request) -> Answer:
        """Do what a request asks."""
        known = (self.make, self.unmake, self.send, self.write, self.window, self.run, self.keep, self.recall, self.end)
        requests: dict[str, Callable[[Request], Answer]] = {each.__name__: each for each in known}
        return requests[asked.fields["do"]](asked)

    def make(self, asked: Request) -> Answer:
        """A node: a new network namespace, or the one of that name. Answers with its descriptor in this process."""
        node = asked.node
        if node in self.nodes:
            return {"descriptor": self.nodes[node]}, b"", []
        call("unshare", CLONE_NEWNET)
        self.nodes[node] = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        if self.mounted and "/" not in node and node not in ("", ".", ".."):
            path = f"/run/netns/{node}".encode()
            with contextlib.suppress(OSError):
                os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o444))
                call("mount", b"/proc/self/ns/net", path, None, MS_BIND, None)
        return {"descriptor": self.nodes[node]}, b"", []

    def unmake(self, asked: Request) -> Answer:
        """Let go of a node, and end what was started in it; its links go with the last process that stays in it."""
        node = asked.node
        for pid in [each for each, home in self.homes.items() if home == node]:
            kill(pid)
        self.enter(HOST)
        for key in [each for each in self.links if each[0] == node]:
            self.links.pop(key).close()
        os.close(self.nodes.pop(node))
        if self.mounted and "/" not in node:
            with contextlib.suppress(OSError):
                call("umount2", f"/run/netns/{node}".encode(), MNT_DETACH)
                os.unlink(f"/run/netns/{node}")  # noqa: PTH108
        return {}, b"", []

    def send(self, asked: Request) -> Answer:
        """Netlink messages, as they are, into a node, and all that the kernel answers: it has when they are sent."""
        link = self.link(asked.node, asked.fields["protocol"])
        link.send(asked.payload)
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(link.recv(MESSAGE, socket.MSG_DONTWAIT))
        return {}, b"".join(found), []

    def link(self, node: str, protocol: int) -> socket.socket:
        """The socket for requests to a node, which belongs to its namespace."""
        if (node, protocol) not in self.links:
            self.enter(node)
            link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
            link.bind((0, 0))
            # NETLINK_CAP_ACK, NETLINK_EXT_ACK: errors come in words; SO_RCVBUFFORCE: the acks of a whole request fit.
            for level, option, value in ((270, 10, 1), (270, 11, 1), (socket.SOL_SOCKET, 33, 1 << 23)):
                with contextlib.suppress(OSError):
                    link.setsockopt(level, option, value)
            self.links[node, protocol] = link
        return self.links[node, protocol]

    def write(self, asked: Request) -> Answer:
        """Sysctls of a node, by their files below /proc/sys; answers with those that could not be written."""
        self.enter(asked.node)
        failed = []
        for path, value in asked.fields["values"]:
            try:
                with open(f"/proc/sys/{path}", "w") as out:  # noqa: PTH123
                    out.write(str(value))
            except OSError as error:
                failed.append((path, error.errno or 0))
        return {"failed": failed}, b"", []

    def window(self, asked: Request) -> Answer:
        """Netlink sockets of a node, and its folders of /proc/sys/net: reading needs no privilege, being there does."""
        self.enter(asked.node)
        found, folders = [], []
        for _ in range(asked.fields["sockets"]):
            link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
            link.bind((0, 0))
            found.append(link.detach())
        for folder in asked.fields["folders"]:
            with contextlib.suppress(OSError):
                found.append(os.open(f"/proc/sys/net/{folder}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
                folders.append(folder)
        return {"folders": folders}, b"", found

    def run(self, asked: Request) -> Answer:
        """A command in a node. Its descriptors: where it writes, and a socket that tells its exit code and ends it."""
        output, status = asked.files
        told = socket.socket(fileno=os.dup(status))
        pid = os.fork()
        if pid == 0:
            self.become(asked, output)
        self.running[pid], self.homes[pid] = told, asked.node
        return {}, b"", []

    def become(self, asked: Request, output: int) -> None:
        """In the child: move into the node and be the command. Never returns."""
        argv, code = asked.fields["argv"], 127
        words = f"There is no {argv[0]} on this machine."
        try:
            self.enter(asked.node)
            os.setsid()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.dup2(os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.execvpe(argv[0], argv, asked.fields["env"])
        except (OSError, ValueError) as error:
            if not isinstance(error, FileNotFoundError) and found(argv[0], asked.fields["env"]):
                words, code = f"{argv[0]} cannot be started: {getattr(error, 'strerror', None) or error}.", 126
        finally:
            with contextlib.suppress(OSError):
                os.write(output, f"{words}\n".encode(errors="surrogateescape"))
            os._exit(code)

    def keep(self, asked: Request) -> Answer:
        """Bytes to give to whoever attaches later, in the place of those of the revision that is named."""
        if asked.fields["revision"] != self.revision:
            raise OSError(errno.ESTALE, "somebody else has changed the lab meanwhile")
        self.memo, self.revision = asked.payload, self.revision + 1
        return {"revision": self.revision}, b"", []

    def recall(self, asked: Request) -> Answer:
        """The bytes that were kept unless that revision is known, and the process outside, which ends last of all."""
        told = {"pid": self.outside, "revision": self.revision}
        return told, b"" if asked.fields.get("known") == self.revision else self.memo, []

    def end(self, _asked: Request) -> Answer:
        """End the lab, once this is answered."""
        self.ended = True
        return {}, b"", []

    # --- the loop ---

    def enter(self, node: str) -> None:
        """Move this process into a node's network."""
        call("setns", self.nodes[node], CLONE_NEWNET)

    def stay(self, listener: socket.socket | None, lifeline: int, bell: int) -> None:
        """Serve until told to end, until the process outside is gone, or until the holder is."""
        while not self.ended and (self.holder is None or self.holder in self.clients):
            sockets = {each.fileno(): each for each in (*self.clients, *self.running.values())}
            poll = select.poll()
            for number in (lifeline, bell, *sockets, *([listener.fileno()] if listener else [])):
                poll.register(number, select.POLLIN)
            ready = [number for number, _event in poll.poll()]
            if lifeline in ready:
                return
            if bell in ready:
                self.reap(bell)
            for number in ready:
                if listener is not None and number == listener.fileno():
                    self.clients.append(listener.accept()[0])
                elif number in sockets and sockets[number] in self.clients:
                    self.attend(sockets[number])
                elif number in sockets:
                    self.abandon(sockets[number])

    def attend(self, client: socket.socket) -> None:
        """One request of a client, or its farewell."""
        try:
            message, files, _flags, _address = socket.recv_fds(client, MESSAGE, 8)
        except ConnectionError:
            message, files = b"", []
        for number in files:
            os.set_inheritable(number, False)
        if not message:
            self.clients.remove(client)
            client.close()
            return
        sent: list[int] = []
        payload = b""
        try:
            answer, payload, sent = self.serve(Request(message, files))
        except OSError as error:
            answer = {"errno": error.errno or 0, "error": str(error.strerror or error)}
        except (KeyError, TypeError, ValueError) as error:
            answer = {"errno": 22, "error": f"not understood: {error!r}"}
        with contextlib.suppress(ConnectionError):
            socket.send_fds(client, [json.dumps(answer).encode() + b"\n", payload], sent)
        for number in (*files, *sent):
            os.close(number)

    def reap(self, bell: int) -> None:
        """Take leave of every child that has ended, and tell its exit code to who waits for it."""
        with contextlib.suppress(BlockingIOError):
            os.read(bell, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.homes.pop(pid, None)
            told = self.running.pop(pid, None)
            if told is not None:
                with contextlib.suppress(OSError):
                    told.send(struct.pack("=i", os.waitstatus_to_exitcode(status)))
                told.close()

    def abandon(self, told: socket.socket) -> None:
        """Nobody waits for this command any more: end it, and all that it started in its session's first group."""
        for pid, each in list(self.running.items()):
            if each is told:
                kill(pid)
                del self.running[pid]
                told.close()


def kill(pid: int) -> None:
    """End a command that was not reaped yet, and its group; one that has just been forked has no group so far."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def found(program: str, env: dict[str, str]) -> bool:
    """Whether a program is there at all: execvp(3) tells of a forbidden folder of PATH instead of what is missing."""
    folders = [""] if "/" in program else env.get("PATH", os.defpath).split(":")
    return any(os.path.exists(os.path.join(folder, program)) for folder in folders)  # noqa: PTH110, PTH118


def inside(control: socket.socket, listener: socket.socket | None, lifeline: int, outside: int, kept: bool) -> None:
    """Process 1: be the lab's host until it ends, unless `kept` with `control`. `outside` is who waits for it."""
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    ear, bell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
    mounted = True
    try:
        own_mounts()
    except OSError:
        mounted = False  # only `ip netns` misses it
    host = Host(mounted, outside)
    host.clients.append(control)
    host.holder = None if kept else control
    control.send(json.dumps({"pid": outside, "mounted": mounted}).encode() + b"\n")
    host.stay(listener, lifeline, ear)


def taken(number: str) -> socket.socket:
    """A socket that was passed as an inheritable descriptor; no command in the lab is to inherit it."""
    os.set_inheritable(int(number), False)
    return socket.socket(fileno=int(number))


def main() -> None:
    """`lab_host.py CONTROL root|user [LISTENER keep|hold FILE...]`: to hold is to end with CONTROL; FILEs go then."""
    control = taken(sys.argv[1])
    listener = taken(sys.argv[3]) if len(sys.argv) > 3 else None
    kept = sys.argv[4:5] == ["keep"]
    if kept and os.fork():
        os._exit(0)  # whoever started a lab that is kept need not wait for it
    try:
        new_world(sys.argv[2] == "user")
    except OSError as error:
        told = {"errno": error.errno or 0, "error": str(error.strerror), "at": str(error.filename or "unshare")}
        control.send(json.dumps(told).encode() + b"\n")
        sys.exit(1)
    lifeline, held = os.pipe()
    outside = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(held)
        inside(control, listener, lifeline, outside, kept)
        os._exit(0)
    os.close(lifeline)
    control.close()
    if listener is not None:
        listener.close()
    os.waitpid(child, 0)
    for file in sys.argv[5:]:
        with contextlib.suppress(OSError):
            os.unlink(file)  # noqa: PTH108


if __name__ == "__main__":
    main()
