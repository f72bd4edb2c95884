"""Captured frames as cells of a table, and one frame in all its layers."""

from __future__ import annotations

from collections.abc import Iterator

from tui.core.packets import Arp, Echo, Frame, IcmpError, Ports
from tui.core.text import clean

COLUMNS = ("time", "if", "dir", "source", "destination", "proto", "ttl", "length", "info")
_LINE = 16


def cells(frame: Frame, start: int) -> tuple[str, ...]:
    """A cell for each of COLUMNS; the time in seconds since `start` (nanoseconds since 1970, as in the frame)."""
    return (
        f"{(frame.time - start) / 1_000_000_000:.6f}",
        clean(frame.dev) or "?",
        frame.direction or "?",
        _end(frame, "src"),
        _end(frame, "dst"),
        frame.protocol,
        str(frame.ttl) if frame.ttl is not None else "",
        str(frame.length),
        frame.info,
    )


def _end(frame: Frame, end: str) -> str:
    """The address, where there is none the MAC."""
    address = getattr(frame, end)
    return str(address) if address is not None else getattr(frame, f"{end}_mac")


def layers(frame: Frame) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """A frame taken apart: each layer's name with its fields, outermost first."""
    return tuple((name, tuple((key, value) for key, value in fields if value)) for name, fields in _layers(frame))


def _layers(frame: Frame) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    where = f"{clean(frame.dev) or '?'} {frame.direction}".strip()
    yield "Frame", [("seen on", f"{frame.node} {where}"), ("length", f"{frame.length} bytes")]
    if frame.src_mac or frame.dst_mac:
        yield "Ethernet", [("source", frame.src_mac), ("destination", frame.dst_mac)]
    if frame.version is not None:
        ttl = "ttl" if frame.version == 4 else "hop limit"
        fields = [("source", str(frame.src)), ("destination", str(frame.dst)), (ttl, str(frame.ttl))]
        yield f"IPv{frame.version}", [*fields, ("protocol", frame.protocol)]
    detail = frame.detail
    match detail:
        case Arp():
            asked = [("sender", f"{detail.sender} ({detail.mac})"), ("target", str(detail.target))]
            yield "ARP", [("kind", "request" if detail.request else "reply"), *asked]
        case Ports():
            ports = [("source port", str(detail.sport)), ("destination port", str(detail.dport))]
            yield frame.protocol, [*ports, ("flags", detail.flags), ("data", f"{detail.data} bytes")]
        case Echo():
            numbers = [("identifier", str(detail.id)), ("sequence", str(detail.seq))]
            yield frame.protocol, [("kind", "echo request" if detail.request else "echo reply"), *numbers]
        case IcmpError(says, src, dst, echo):
            yield frame.protocol, [("kind", says)]
            quoted = [("source", str(src or "")), ("destination", str(dst or ""))]
            number = f"echo request id {echo.id} seq {echo.seq}" if echo is not None else ""
            yield "quoted packet", [*quoted, ("kind", number)]
        case None:
            return
        case _:
            yield frame.protocol, [("kind", frame.info)]


def dump(data: bytes) -> tuple[str, ...]:
    """Bytes in hexadecimal digits with what is printable beside them, sixteen on a line."""
    found = []
    for at in range(0, len(data), _LINE):
        piece = data[at : at + _LINE]
        shown = "".join(chr(each) if 32 <= each < 127 else "." for each in piece)
        found.append(f"{at:04x}  {piece.hex(' ').ljust(_LINE * 3 - 1)}  {shown}")
    return tuple(found)
