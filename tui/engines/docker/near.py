"""The ways into a network from this machine: the programs and netlink sockets of root, entered into its namespace."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tui.core.commands import CommandError, meaning
from tui.core.labs import RouteCommand
from tui.engines.base import clean
from tui.engines.docker.errand import SECONDS, Done, Errand, Ground, Place, Unfit, lines_of
from tui.engines.docker.local import same_network
from tui.engines.netlink import encode, open_namespaces
from tui.engines.netlink.setns import elsewhere, enter
from tui.engines.netlink.sockets import NLMSG_ERROR, failure, messages, receive, refusal

REFUSED = 2
"""The exit code of iproute2 for what the kernel refuses."""


def near(_: Ground, place: Place, __: Errand) -> None:
    """Whether its namespace can be entered from here."""
    if place.pid is None:
        raise Unfit("the engine is on another machine")
    if os.geteuid() != 0:
        raise Unfit("only root may enter its namespace")


def with_ip(ground: Ground, place: Place, errand: Errand) -> None:
    """The same; and whether there is a program to start in it."""
    near(ground, place, errand)
    if errand.switch is None and shutil.which("ip", path=_path()) is None:
        raise Unfit("this machine has no `ip`")


def _path() -> str:
    """Where programs are looked for: PATH, and the folders of administration; nowhere else where PATH is empty."""
    path = os.environ.get("PATH", os.defpath)
    return f"{path}:/usr/sbin:/sbin" if path else path


def by_ip(_: Ground, place: Place, errand: Errand) -> Done:
    """This machine's `ip`, started in the namespace; a switch is written there."""
    if errand.switch is not None:
        return _written(place, errand.switch)
    program = shutil.which("ip", path=_path()) or "ip"

    def work() -> subprocess.CompletedProcess[bytes]:
        _enter(place.pid)
        return subprocess.run(
            [program, *errand.argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )

    try:
        done = elsewhere(work)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unfit(f"its namespace cannot be entered ({_reason(error)})") from None
    return Done(done.returncode, lines_of(done.stdout), "in its namespace, by this machine's ip")


def by_netlink(__: Ground, place: Place, errand: Errand) -> Done:
    """The kernel asked through netlink, in the namespace."""
    if errand.switch is not None:
        return _written(place, errand.switch)
    how = "in its namespace, by netlink"
    try:
        wanted = meaning(errand.argv)
    except CommandError as error:
        raise Unfit(f"netlink is not asked for this ({error})") from None
    if not isinstance(wanted, RouteCommand):
        raise Unfit("netlink is asked for routes only")
    try:
        (window,) = open_namespaces([place.pid or 0])
    except OSError as error:
        raise Unfit(f"its namespace cannot be entered ({_reason(error)})") from None
    try:
        indexes = {each.interface.name: each.interface.index for each in window.links()}
        window.link.send(encode.route(wanted, indexes))
        for kind, flags, _, body in messages(receive(window.link)):
            refused = failure(flags, body) if kind == NLMSG_ERROR else None
            if refused is not None:
                raise refused
    except encode.CannotEncode as error:
        return Done(1, (str(error),), how)
    except OSError as error:
        return Done(REFUSED, (refusal(error),), how)
    finally:
        window.close()
    return Done(0, (), how)


def _written(place: Place, switch: tuple[str, int]) -> Done:
    refused = write_switch(place.pid, *switch)
    lines = (f"sysctl: setting key {switch[0]!r}: {refused}",) if refused else ()
    return Done(1 if refused else 0, lines, "in its namespace, from this machine")


def write_switch(pid: int | None, name: str, value: int) -> str:
    """Set a sysctl in a process's network, seen from this machine; empty, or the kernel's reason.

    In a container /proc/sys can only be read; in its network, seen from the host, it can be written.
    """
    path = Path("/proc/sys", name.translate({46: 47, 47: 46}))

    def write() -> None:
        _enter(pid)
        path.write_text(str(value))

    try:
        elsewhere(write)
    except OSError as error:
        return _reason(error)
    return ""


def _enter(pid: int | None) -> None:
    if pid is not None and not same_network(pid):
        enter(pid)


def _reason(error: BaseException) -> str:
    return clean(str(getattr(error, "strerror", None) or error))
