"""A captured frame as JSON values: the contract that scripts read."""

from __future__ import annotations

import dataclasses
from typing import Any

from tui.core.addresses import Address
from tui.core.packets import Frame


def frame_json(frame: Frame) -> dict[str, Any]:
    """One frame; `time` in nanoseconds since 1970, `data` in hexadecimal digits."""
    return {
        "time": frame.time,
        "node": frame.node,
        "dev": frame.dev,
        "direction": frame.direction,
        "src_mac": frame.src_mac or None,
        "dst_mac": frame.dst_mac or None,
        "protocol": frame.protocol,
        "src": _plain(frame.src),
        "dst": _plain(frame.dst),
        "ttl": frame.ttl,
        "length": frame.length,
        "info": frame.info,
        "detail": _fields(frame.detail),
        "data": frame.data.hex(),
    }


def _fields(detail: object) -> dict[str, Any] | None:
    """The fields of a detail, with its kind."""
    if detail is None or not dataclasses.is_dataclass(detail):
        return None
    told = {each.name: _plain(getattr(detail, each.name)) for each in dataclasses.fields(detail)}
    return {"kind": type(detail).__name__.lower(), **told}


def _plain(value: object) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Address):
        return str(value)
    return _fields(value) if dataclasses.is_dataclass(value) else value
