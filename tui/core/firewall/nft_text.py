"""Rules of nf_tables written as `nft list ruleset` writes them, from its JSON: what a person looks for in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_QUOTED = ("iifname", "oifname", "iif", "oif", "ibrname", "obrname")
_PLAIN = ("accept", "drop", "return", "continue", "notrack", "masquerade")


def rule_text(expressions: Sequence[Mapping[str, Any]], comment: str | None = None) -> str:
    """A rule without its counter, which changes all the time."""
    words = [expression_text(each) for each in expressions if "counter" not in each]
    if comment:
        words.append(f'comment "{comment}"')
    return " ".join(words)


def expression_text(each: Mapping[str, Any]) -> str:
    """One expression; what has no rule of its own is its kind and its JSON's words."""
    (kind, body), *_ = each.items()
    if kind == "match":
        return _match(body)
    if kind in _PLAIN:
        return kind
    if kind in ("jump", "goto"):
        return f"{kind} {body['target']}"
    if kind == "vmap":
        return f"{_left(body['key'])} vmap {_right(body['data'], _device(body['key']))}"
    if kind == "mangle":
        return f"{_left(body['key'])} set {_right(body['value'])}"
    writer = {"reject": _reject, "limit": _limit, "dnat": _nat, "snat": _nat, "redirect": _nat, "log": _log}.get(kind)
    if writer is not None:
        return " ".join(filter(None, (kind, writer(body or {}))))
    if kind == "xt":
        return f"xt {body.get('type', '')} {body.get('name', '')}"
    return kind if not body else f"{kind} {_right(body)}"


def verdict_text(verdict: Mapping[str, Any]) -> str:
    """A verdict in a map: accept, drop, return, continue, jump NAME, goto NAME."""
    return expression_text(verdict)


def _match(body: Mapping[str, Any]) -> str:
    op = body.get("op", "==")
    left, right = body["left"], _right(body["right"], _device(body["left"]))
    if op == "in" and isinstance(body["right"], list):
        right = ",".join(str(each) for each in body["right"])
    if isinstance(left, dict) and "&" in left:
        return f"{_left(left['&'][0])} & {_right(left['&'][1])} {op} {right}"
    return " ".join((_left(left), *((op,) if op not in ("==", "in") else ()), right))


def _device(left: Any) -> bool:
    return isinstance(left, dict) and isinstance(left.get("meta"), dict) and left["meta"].get("key") in _QUOTED


def _left(left: Any) -> str:
    if not isinstance(left, dict):
        return str(left)
    (kind, body), *_ = left.items()
    if kind == "meta":
        return body["key"] if body["key"] in _QUOTED else f"meta {body['key']}"
    if kind == "payload" and "field" in body:
        return f"{body['protocol']} {body['field']}"
    if kind == "ct":
        return " ".join(filter(None, ("ct", body.get("dir"), body["key"])))
    if kind == "fib":
        return f"fib {' . '.join(body.get('flags', ()))} {body.get('result')}"
    if kind == "concat":
        return " . ".join(map(_left, body))
    return _right(left)


def _right(value: Any, quoted: bool = False) -> str:
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[1], dict) and set(value[1]) & {*_PLAIN, "jump", "goto"}:
            return f"{_right(value[0], quoted)} : {verdict_text(value[1])}"
        return " . ".join(_right(each) for each in value) if quoted else ",".join(_right(each) for each in value)
    if not isinstance(value, dict):
        text = "missing" if value is False else "exists" if value is True else str(value)
        return f'"{text}"' if quoted and not text.startswith("@") else text
    (kind, body), *_ = value.items()
    match kind:
        case "set" if isinstance(body, list):
            return f"{{ {', '.join(_right(each, quoted) for each in body)} }}"
        case "prefix":
            return f"{body['addr']}/{body['len']}"
        case "range":
            return f"{_right(body[0])}-{_right(body[1])}"
        case "concat":
            return " . ".join(_right(each) for each in body)
        case "elem":
            return _right(body["val"], quoted)
        case "map":
            return f"{_left(body['key'])} map {_right(body['data'])}"
        case "|" | "&" | "^":
            return f"{_left(body[0])} {kind} {_right(body[1])}"
        case "meta" | "payload" | "ct" | "fib":
            return _left(value)
    return " ".join(f"{name} {_right(each)}" for name, each in value.items())


def _reject(body: Mapping[str, Any]) -> str:
    if not body:
        return ""
    return f"with {' '.join(str(each) for each in (body.get('type'), body.get('expr')) if each)}"


def _limit(body: Mapping[str, Any]) -> str:
    over = "over " if body.get("inv") else ""
    return f"rate {over}{body.get('rate')}/{body.get('per')}"


def _log(body: Mapping[str, Any]) -> str:
    return f'prefix "{body["prefix"]}"' if "prefix" in body else ""


def _nat(body: Mapping[str, Any]) -> str:
    address, port = body.get("addr"), body.get("port")
    if address is None and port is None:
        return ""
    family = f"{body['family']} " if "family" in body else ""
    end = "".join((_right(address) if address is not None else "", f":{_right(port)}" if port is not None else ""))
    return f"{family}to {end}"
