"""The ways in which a command gets done in a container's network, best first: from here, inside, or beside it."""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.core.commands import CommandError, meaning
from tui.core.labs import RouteCommand
from tui.engines.base import clean
from tui.engines.docker import beside
from tui.engines.docker import exec as docker_exec
from tui.engines.docker.exec import Lines
from tui.engines.docker.local import same_network
from tui.engines.netlink import encode, open_namespaces
from tui.engines.netlink.setns import elsewhere, enter
from tui.engines.netlink.sockets import NLMSG_ERROR, failure, messages, receive, refusal

if TYPE_CHECKING:
    import docker

SECONDS = 20
"""How long a command may be silent."""
LONGEST = 1 << 20
"""Bytes of output after which a command is no longer listened to."""
REFUSED = 2
"""The exit code of iproute2 for what the kernel refuses."""

_KERNEL_SAYS = re.compile(r"RTNETLINK answers|SIOC(ADD|DEL)RT|^Error: |Cannot find device|can't find device")
_GARBAGE = re.compile(r"is garbage|is duplicate|is wrong|nvalid argument '|argument .* is wrong")
_NO_RIGHT = re.compile(r"Operation not permitted|Permission denied|Read-only file system|unable to apply caps")


class Unfit(Exception):
    """This way does not lead there; str() says why, as half a sentence that follows a colon."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whose network it is: a container, or the engine's host where `container` is "".

    `pid` is a process that lives in it, where this machine has one. `admin` tells whether the container's own
    processes have NET_ADMIN, `paused` whether none of them can run now.
    """

    name: str
    container: str = ""
    pid: int | None = None
    admin: bool = False
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Errand:
    """One command: as it is shown, in the classic form where there is one; for a switch its name and value."""

    argv: tuple[str, ...]
    classic: tuple[str, ...] | None = None
    switch: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: exit code 0 where it was done; the lines that were printed; by which way, in words."""

    code: int
    lines: tuple[str, ...]
    how: str


class Ground:
    """What the ways of one change have in common: a client of the engine, and the image of a container beside."""

    def __init__(self, api: docker.APIClient) -> None:
        self.api = api

    @functools.cached_property
    def image(self) -> str | None:
        """The image, or None; asked for only where no better way is left. Raises EngineError."""
        return beside.image(self.api)


@dataclass(frozen=True, slots=True)
class Way:
    """`fit` raises Unfit where it can be told beforehand that this way does not lead there; `go` where it turns out."""

    fit: Callable[[Ground, Place, Errand], None]
    go: Callable[[Ground, Place, Errand], Done]


# --- from this machine ---


def _near(_: Ground, place: Place, __: Errand) -> None:
    """Whether its namespace can be entered from here."""
    if place.pid is None:
        raise Unfit("the engine is on another machine")
    if os.geteuid() != 0:
        raise Unfit("only root may enter its namespace")


def _near_with_ip(ground: Ground, place: Place, errand: Errand) -> None:
    _near(ground, place, errand)
    if errand.switch is None and shutil.which("ip", path=_path()) is None:
        raise Unfit("this machine has no `ip`")


def _path() -> str:
    """Where programs are looked for: PATH, and the folders of administration; nowhere else where PATH is empty."""
    path = os.environ.get("PATH", os.defpath)
    return f"{path}:/usr/sbin:/sbin" if path else path


def _by_ip(_: Ground, place: Place, errand: Errand) -> Done:
    """This machine's `ip`, started in the namespace; a switch is written there."""
    if errand.switch is not None:
        return _written(place, errand.switch)
    program = shutil.which("ip", path=_path()) or "ip"

    def work() -> subprocess.CompletedProcess[bytes]:
        _enter(place)
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
    return Done(done.returncode, _lines(done.stdout), "in its namespace, by this machine's ip")


def _by_netlink(__: Ground, place: Place, errand: Errand) -> Done:
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
    refused = write_switch(place, *switch)
    lines = (f"sysctl: setting key {switch[0]!r}: {refused}",) if refused else ()
    return Done(1 if refused else 0, lines, "in its namespace, from this machine")


def write_switch(place: Place, name: str, value: int) -> str:
    """Set a sysctl in a network, seen from this machine (inside, /proc/sys is read-only); empty, or the reason."""
    path = Path("/proc/sys", name.translate({46: 47, 47: 46}))

    def write() -> None:
        _enter(place)
        path.write_text(str(value))

    try:
        elsewhere(write)
    except OSError as error:
        return _reason(error)
    return ""


def _enter(place: Place) -> None:
    if place.pid is not None and not same_network(place.pid):
        enter(place.pid)


def _reason(error: BaseException) -> str:
    return clean(str(getattr(error, "strerror", None) or error))


# --- inside ---


def _inside(_: Ground, place: Place, __: Errand) -> None:
    if not place.container:
        raise Unfit("the host is no container")
    if place.paused:
        raise Unfit("it is paused")


def _with_right(ground: Ground, place: Place, errand: Errand) -> None:
    """Whether an ordinary `docker exec` has what it needs there."""
    _inside(ground, place, errand)
    if errand.switch is not None:
        _writable(ground, place, errand.switch[0])
        return
    if not place.admin:
        raise Unfit("it was started without NET_ADMIN")
    _program(ground, place, ("ip", "-V"), privileged=False)


def _writable(ground: Ground, place: Place, name: str) -> None:
    """Whether a container may write its switches, as privileged ones may."""
    code, said = _exec(ground, place, ("sh", "-c", '[ -w "$1" ]', "sh", _file(name)), privileged=False)
    if docker_exec.missing_program(said) is not None:
        raise Unfit("it has no shell")
    if code != 0:
        raise Unfit("its /proc/sys can only be read from inside")


def _file(name: str) -> str:
    return "/proc/sys/" + name.translate({46: 47, 47: 46})


def _program(ground: Ground, place: Place, argv: Sequence[str], privileged: bool) -> None:
    """Whether a program is there and can be started."""
    code, said = _exec(ground, place, argv, privileged)
    if (program := docker_exec.missing_program(said)) is not None:
        raise Unfit(f"it has no `{program}`")
    if _NO_RIGHT.search(said) or code == docker_exec.NOT_EXECUTABLE:
        raise Unfit(
            "the engine does not start privileged commands" if privileged else "the engine starts nothing in it"
        )


def _by_exec(ground: Ground, place: Place, errand: Errand) -> Done:
    if errand.switch is None:
        return _spoken(ground, place, errand.argv, privileged=False)
    name, value = errand.switch
    code, said = _exec(ground, place, ("sh", "-c", 'echo "$1" >"$2"', "sh", str(value), _file(name)), privileged=False)
    if code != 0 and _NO_RIGHT.search(said):
        raise Unfit("its /proc/sys can only be read from inside")
    return Done(code, _lines(said.encode()), "docker exec")


def _privileged(ground: Ground, place: Place, errand: Errand) -> None:
    _inside(ground, place, errand)
    if errand.switch is not None:
        raise Unfit("not even a privileged command inside may write its /proc/sys")
    _program(ground, place, ("ip", "-V"), privileged=True)


def _by_privileged(ground: Ground, place: Place, errand: Errand) -> Done:
    return _spoken(ground, place, errand.argv, privileged=True)


def _classic(ground: Ground, place: Place, errand: Errand) -> None:
    _inside(ground, place, errand)
    if errand.switch is not None:
        raise Unfit("route sets no switches")
    if errand.classic is None:
        raise Unfit("the classic route command cannot say this")
    _program(ground, place, (errand.classic[0], "-n"), privileged=not place.admin)


def _by_classic(ground: Ground, place: Place, errand: Errand) -> Done:
    return _spoken(ground, place, errand.classic or (), privileged=not place.admin, shown=True)


def _spoken(ground: Ground, place: Place, argv: Sequence[str], privileged: bool, shown: bool = False) -> Done:
    """A command inside. Where the kernel did not speak, it was not understood, and nothing was done."""
    how = f"docker exec{' --privileged' if privileged else ''}{f': {shlex.join(argv)}' if shown else ''}"
    code, said = _exec(ground, place, argv, privileged)
    _must_be_of_the_kernel(code, said, argv[0])
    return Done(code, _lines(said.encode()), how)


def _must_be_of_the_kernel(code: int, said: str, program: str) -> None:
    """Raise Unfit for a failure that says nothing about the route: no right, no program, words it does not know."""
    if code == 0:
        return
    if _NO_RIGHT.search(said):
        raise Unfit("it may not change routes")
    if _GARBAGE.search(said) or not _KERNEL_SAYS.search(said):
        raise Unfit(f"its `{program}` does not take that command")


def _exec(ground: Ground, place: Place, argv: Sequence[str], privileged: bool) -> tuple[int, str]:
    """The exit code of a command inside, as root, and what it printed."""
    from docker.errors import APIError
    from requests import RequestException

    pieces, size = [], 0
    try:
        made = ground.api.exec_create(place.container, list(argv), privileged=privileged, user="0")["Id"]
        for _, piece in docker_exec.stream(ground.api, made, SECONDS):
            size += len(piece)
            if size < LONGEST:
                pieces.append(piece)
        code = ground.api.exec_inspect(made)["ExitCode"]
    except APIError as error:
        raise Unfit(f"the engine runs nothing in it ({_reason(error.explanation or error)})") from None  # type: ignore[arg-type]
    except RequestException as error:
        raise Unfit(f"it did not answer ({clean(str(error))})") from None
    said = b"".join(pieces).decode(errors="replace")
    return (code if code is not None else docker_exec.NOT_EXECUTABLE), said


def _lines(said: bytes) -> tuple[str, ...]:
    lines = Lines()
    return tuple(each for each in map(clean, [*lines.feed(said), *lines.end()]) if each.strip())


# --- beside it ---


def _beside(ground: Ground, _: Place, __: Errand) -> None:
    if ground.image is None:
        raise Unfit(
            "no image with an `ip` is known on the engine, for a container that shares its network (name one in "
            f"{beside.IMAGE})"
        )


def _by_container(ground: Ground, place: Place, errand: Errand) -> Done:
    image = ground.image or ""
    if errand.switch is None:
        argv: Sequence[str] = errand.argv
    else:
        name, value = errand.switch
        argv = ("sh", "-c", 'echo "$1" >"$2"', "sh", str(value), _file(name))
    code, said = beside.run(ground.api, place.container, image, argv, writes=errand.switch is not None)
    if errand.switch is None:
        _must_be_of_the_kernel(code, said, argv[0])
    elif code != 0 and _NO_RIGHT.search(said):
        raise Unfit("a container that shares its network may not write its switches either")
    return Done(code, _lines(said.encode()), f"a container that shares its network, of {image}")


WAYS: dict[str, Way] = {
    "ip": Way(_near_with_ip, _by_ip),
    "netlink": Way(_near, _by_netlink),
    "exec": Way(_with_right, _by_exec),
    "privileged": Way(_privileged, _by_privileged),
    "classic": Way(_classic, _by_classic),
    "container": Way(_beside, _by_container),
}
"""By name, best first: this machine's `ip` or netlink in the namespace itself; `docker exec`, plain, privileged, and by
the classic `route`; a container that shares the network, which somebody has to agree to."""


def admin(host: dict[str, Any]) -> bool:
    """Whether a container's HostConfig gives its processes NET_ADMIN."""
    added, dropped = (
        {str(each).upper().removeprefix("CAP_") for each in host.get(key) or ()} for key in ("CapAdd", "CapDrop")
    )
    return bool(host.get("Privileged")) or ("NET_ADMIN" in added or ("ALL" in added and "NET_ADMIN" not in dropped))
