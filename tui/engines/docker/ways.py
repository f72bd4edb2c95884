"""The ways in which a command gets done in a container's network, best first: from here, inside, or beside it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tui.engines.base import clean
from tui.engines.docker import beside, near
from tui.engines.docker import exec as docker_exec
from tui.engines.docker.errand import SECONDS, Done, Errand, Ground, Place, Unfit, lines_of

LONGEST = 1 << 20
"""Bytes of output after which a command is no longer listened to."""

_KERNEL_SAYS = re.compile(r"RTNETLINK answers|SIOC(ADD|DEL)RT|^Error: |Cannot find device|can't find device")
_GARBAGE = re.compile(r"is garbage|is duplicate|is wrong|nvalid argument '|argument .* is wrong")
_NO_RIGHT = re.compile(r"Operation not permitted|Permission denied|Read-only file system|unable to apply caps")


@dataclass(frozen=True, slots=True)
class Way:
    """`fit` raises Unfit where it can be told beforehand that this way does not lead there; `go` where it turns out."""

    fit: Callable[[Ground, Place, Errand], None]
    go: Callable[[Ground, Place, Errand], Done]


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
    return Done(code, lines_of(said.encode()), f"{ground.program} exec")


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
    how = f"{ground.program} exec{' --privileged' if privileged else ''}{f': {shlex.join(argv)}' if shown else ''}"
    code, said = _exec(ground, place, argv, privileged)
    _must_be_of_the_kernel(code, said, argv[0])
    return Done(code, lines_of(said.encode()), how)


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
        raise Unfit(f"the engine runs nothing in it ({clean(str(error.explanation or error))})") from None
    except RequestException as error:
        raise Unfit(f"it did not answer ({clean(str(error))})") from None
    said = b"".join(pieces).decode(errors="replace")
    return (code if code is not None else docker_exec.NOT_EXECUTABLE), said


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
    return Done(code, lines_of(said.encode()), f"a container that shares its network, of {image}")


WAYS: dict[str, Way] = {
    "ip": Way(near.with_ip, near.by_ip),
    "netlink": Way(near.near, near.by_netlink),
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
