"""The JSON of `ip -j`, old and new, as objects: also the invalid JSON of old iproute2, and what is no JSON at all."""

from __future__ import annotations

import json
import re
from typing import Any

from tui.core.names import TYPES
from tui.core.text import clean

_BARE_TYPE = re.compile(rf'\{{\s*"({"|".join(TYPES.values())})"\s*,')
_WAY_OUT = ("gateway", "via", "dev", "nhid", "protocol", "scope", "metric", "flags")


def json_objects(text: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Every object of one or several JSON documents, lists flattened, and the lines that are no JSON.

    Old iproute2 printed a route's type as a bare string, {"broadcast","dst":...}, which is mended here. A key that
    comes twice keeps its first value: the encap of a route repeats `dst` and `src`, and is gathered under `encap`.
    """
    text = _BARE_TYPE.sub(r'{"type":"\1",', clean(text))
    decoder = json.JSONDecoder(object_pairs_hook=_gathered)
    objects: list[dict[str, Any]] = []
    unread: list[str] = []
    at = 0
    while (at := _skip_blank(text, at)) < len(text):
        try:
            if text[at] not in "[{":
                raise ValueError
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            line, _, _ = text[at:].partition("\n")
            unread.append(line)
            at += len(line)
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                objects += [each] if each else []  # old iproute2 prints {} for what its filter left out
            else:
                unread.append(json.dumps(each))
    return objects, unread


def _skip_blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


def _gathered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs as a dict, first value kept; those between `encap` and the way out as one list of pairs."""
    found = dict(pairs)
    if len(found) == len(pairs) and "encap" not in found:  # nearly every object
        return found
    found = {}
    encap: list[tuple[str, Any]] | None = None
    for key, value in pairs:
        if key == "encap" and isinstance(value, str) and " " not in value:  # ours has all its words in one text
            encap = found[key] = [(key, value)]
        elif encap is not None and key not in _WAY_OUT and not (key == "tos" and isinstance(value, str)):
            encap.append((key, value))
        else:
            encap = None
            found.setdefault(key, value)
    return found
