"""A probe as a person writes it into a form: what kind, where to, and its settings as words and numbers on one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tui.core.addresses import Address, AddressError, parse_address
from tui.core.probes import PROTOCOLS, Capture, Ping, Probe, ProbeError, TcpConnect, Traceroute

KINDS = ("ping", "traceroute", "connect", "capture")

SETTINGS: Mapping[str, str] = {
    "ping": "count 5 interval 1 size 56 ttl 64",
    "traceroute": "by udp hops 16 queries 3",
    "connect": "port 80 wait 3",
    "capture": "dev any count 100 seconds 30",
}
"""What stands in the line of settings at first: the usual ones, to be changed."""


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ProbeError(f"{text!r} is no whole number.") from None


def _decimal(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ProbeError(f"{text!r} is no number.") from None


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except AddressError as error:
        raise ProbeError(str(error)) from None


def _proto(text: str) -> str:
    if text not in PROTOCOLS:
        raise ProbeError(f"by {text!r}: write by icmp, by udp or by tcp.")
    return text


_Read = tuple[str, Callable[[str], Any]]
_ENDS: dict[str, _Read] = {"dev": ("dev", str), "source": ("source", _address), "wait": ("wait", _decimal)}
_WORDS: Mapping[str, dict[str, _Read]] = {
    "ping": {
        "count": ("count", _number),
        "interval": ("interval", _decimal),
        "size": ("size", _number),
        "ttl": ("ttl", _number),
        **_ENDS,
    },
    "traceroute": {
        "by": ("proto", _proto),
        "port": ("port", _number),
        "hops": ("max_hops", _number),
        "queries": ("queries", _number),
        **_ENDS,
    },
    "connect": {"port": ("port", _number), **_ENDS},
    "capture": {"dev": ("dev", str), "count": ("count", _number), "seconds": ("seconds", _decimal)},
}


def words_of(kind: str) -> tuple[str, ...]:
    """The words that the settings of a kind may have."""
    return tuple(_WORDS[kind])


def settings(kind: str, text: str) -> dict[str, Any]:
    """The settings by the names of the value's fields. Raises ProbeError: which word, and which there are."""
    known, rest, found = _WORDS[kind], text.split(), dict[str, Any]()
    while rest:
        word = rest.pop(0)
        if word not in known:
            raise ProbeError(f"{word!r} is no setting of {kind}: write {', '.join(known)}, each with its value.")
        if not rest:
            raise ProbeError(f"{word} needs a value.")
        name, read = known[word]
        if name in found:
            raise ProbeError(f"{word} stands there twice.")
        found[name] = read(rest.pop(0))
    return found


def probe(kind: str, target: Address, text: str) -> Probe:
    """The probe of that kind. Raises ProbeError."""
    given = settings(kind, text)
    match kind:
        case "ping":
            return Ping(target, **given)
        case "traceroute":
            return Traceroute(target, **given)
        case "connect":
            if "port" not in given:
                raise ProbeError("A connect needs a port: write port 80, for example.")
            return TcpConnect(target, **given)
    raise ProbeError(f"{kind!r} is no kind of probe: write {', '.join(KINDS)}.")


def capture(filter_text: str, text: str) -> Capture:
    """The capture with that filter. Raises ProbeError."""
    return Capture(filter=filter_text, **settings("capture", text))
