"""What a command means, done to a namespace by netlink and /proc/sys; refusals in the words of iproute2 and sysctl."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tui.core.labs import LinkCommand, Meaning, RouteCommand, RuleCommand, SysctlCommand
from tui.engines.netlink import Namespace
from tui.engines.netlink import encode as rtencode
from tui.engines.netlink.setns import Where, elsewhere, enter
from tui.engines.netlink.sockets import NLMSG_ERROR, failure, messages, receive, refusal


def written(meaning: Meaning, indexes: Mapping[str, int]) -> bytes | None:
    """The message that does it; None for a sysctl, which is a file. Raises CannotEncode with a sentence."""
    match meaning:
        case RouteCommand():
            return rtencode.route(meaning, indexes)
        case RuleCommand():
            return rtencode.rule(meaning)
        case LinkCommand(dev, up):
            if dev not in indexes:
                raise rtencode.CannotEncode(f'Cannot find device "{dev}"')
            return rtencode.set_link(indexes[dev], up)
        case SysctlCommand():
            return None


def do(where: Where, meaning: Meaning) -> str | None:
    """Do it in that namespace: None, or what would be printed against it. OSError where it may not be entered."""
    return elsewhere(lambda: _do_there(where, meaning))


def _do_there(where: Where, meaning: Meaning) -> str | None:
    enter(where)
    if isinstance(meaning, SysctlCommand):
        return _write(meaning)
    here = Namespace.here()
    try:
        message = written(meaning, {each.interface.name: each.interface.index for each in here.links()})
        if message is not None:
            here.link.send(message)
            for kind, flags, _, body in messages(receive(here.link)):
                error = failure(flags, body) if kind == NLMSG_ERROR else None
                if error is not None:
                    return refusal(error)
    except rtencode.CannotEncode as error:
        return str(error)
    finally:
        here.close()
    return None


def _write(meaning: SysctlCommand) -> str | None:
    """/proc/sys/net is that of the thread that opens it."""
    path = Path("/proc/sys") / meaning.name.translate({46: 47, 47: 46})
    try:
        path.write_text(str(meaning.value))
    except OSError as error:
        return not_set(meaning.name, error)
    return None


def not_set(name: str, error: OSError) -> str:
    """What sysctl(8) prints for one that could not be written."""
    if isinstance(error, FileNotFoundError):
        return f"sysctl: cannot stat /proc/sys/{name.replace('.', '/')}: No such file or directory"
    return f"sysctl: setting key {name!r}: {error.strerror}"
