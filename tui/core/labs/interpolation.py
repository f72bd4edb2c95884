"""`${VAR:-default}` and its kin in a Compose file's values (the Compose specification, "Interpolation")."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_DEPTH = 10


class InterpolationError(ValueError):
    """A `$` expression that cannot be read, or a required variable that is not set; str() is one sentence."""


def interpolate(text: str, env: Mapping[str, str], unset: Callable[[str], None], depth: int = 0) -> str:
    """`text` with every variable replaced. `unset` is told the name of each one that has neither value nor default.

    `$$` is a dollar; `$VAR`, `${VAR}`; `${VAR:-word}` and `${VAR-word}` give a default, `:?` and `?` demand a value,
    `:+` and `+` replace one; with the colon an empty value counts as none. Words may hold further expressions.
    Raises InterpolationError.
    """
    parts, at = [], 0
    while (dollar := text.find("$", at)) >= 0:
        parts.append(text[at:dollar])
        name = _NAME.match(text, dollar + 1)
        if text.startswith("$$", dollar):
            parts.append("$")
            at = dollar + 2
        elif name:
            parts.append(_value(name.group(), env, unset))
            at = name.end()
        elif text.startswith("${", dollar):
            at = _closing(text, dollar + 2)
            parts.append(_braced(text[dollar + 2 : at - 1], env, unset, depth))
        else:
            raise InterpolationError(f"{text!r} has a lone $: write $$ for a dollar sign.")
    return "".join([*parts, text[at:]])


def _value(name: str, env: Mapping[str, str], unset: Callable[[str], None]) -> str:
    if name not in env:
        unset(name)
    return env.get(name, "")


def _closing(text: str, start: int) -> int:
    """The place after the brace that closes an expression whose inside begins at `start`."""
    depth, at = 1, start
    while at < len(text):
        if text.startswith("${", at):
            depth, at = depth + 1, at + 1
        elif text[at] == "}":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    raise InterpolationError(f"{text!r} opens ${{ and never closes it with }}.")


def _braced(inside: str, env: Mapping[str, str], unset: Callable[[str], None], depth: int) -> str:
    name = _NAME.match(inside)
    operator = _OPERATOR.match(inside, name.end()) if name else None
    if name is None or (operator is None and name.end() < len(inside)) or depth > _DEPTH:
        raise InterpolationError(f"'${{{inside}}}' is no variable: write ${{NAME}} or ${{NAME:-default}}.")
    if operator is None:
        return _value(name.group(), env, unset)
    value = env.get(name.group())
    given = bool(value) if operator.group().startswith(":") else value is not None
    word = inside[operator.end() :]
    kind = operator.group()[-1]
    if kind == "?" and not given:
        raise InterpolationError(f"the variable {name.group()} must be set{': ' + word if word else ''}.")
    if kind == "+":
        return interpolate(word, env, unset, depth + 1) if given else ""
    return (value or "") if given else interpolate(word, env, unset, depth + 1)
