"""The simple commands of a shell list (`a && b; c || true`), for the hooks and start commands of containers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SHELLS = ("sh", "bash", "ash", "dash")
_KEYWORDS = frozenset(("if", "for", "while", "until", "case", "then", "do", "else", "function", "{", "("))


class ShellError(ValueError):
    """Text that a shell would not read, or that holds more than a list of simple commands; str() is one sentence."""


@dataclass(frozen=True, slots=True)
class Simple:
    """One command of a list; `may_fail` where the list goes on whatever it answers (`a || true`)."""

    argv: tuple[str, ...]
    may_fail: bool = False


def split_words(text: str) -> tuple[str, ...]:
    """A command line split as Compose splits one that is no list (quotes, no operators); raises ShellError."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ShellError(f"{text!r} cannot be split into words ({error}).") from None


def script(argv: Sequence[str]) -> str | None:
    """The text that `sh -c TEXT` runs, or None for any other command."""
    if len(argv) >= 3 and argv[0].rpartition("/")[2] in _SHELLS:
        for index, word in enumerate(argv[1:-1], 1):
            if word.startswith("-") and word.endswith("c"):
                return argv[index + 1]
    return None


def commands(argv: Sequence[str]) -> tuple[Simple, ...]:
    """The simple commands that running `argv` runs: itself, or those of its `sh -c` list. Raises ShellError."""
    text = script(argv)
    return (Simple(tuple(argv)),) if text is None else tuple(_list(text))


def _list(text: str) -> Iterator[Simple]:
    if "$" in text or "`" in text:
        raise ShellError("it uses variables or substitution.")
    words: list[str] = []
    skipping = False
    for token in [*_tokens(text), ";"]:
        if token not in (";", "&&", "||", "&", "|", ";;"):
            words.append(token)
            continue
        if words and not skipping:
            if words[0] in _KEYWORDS:
                raise ShellError(f"it is a script with {words[0]!r}, not a list of commands.")
            yield Simple(_without_redirection(words), token == "||")
        skipping, words = token in ("||", "|"), []


def _tokens(text: str) -> list[str]:
    lines = text.replace("\\\n", " ").split("\n")
    lexer = shlex.shlex(" ; ".join(line for line in lines if line.strip()), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError as error:
        raise ShellError(f"a shell could not read it ({error}).") from None


def _without_redirection(words: list[str]) -> tuple[str, ...]:
    """The words without `2>/dev/null` and the like; a file under /proc/sys stays, for it is what the command sets."""
    kept, rest = list[str](), list(words[1:] if words[0] == "exec" else words)
    while rest:
        word = rest.pop(0)
        if not set(word) <= set("<>&|") or (rest and rest[0].startswith("/proc/sys/")):
            kept.append(word)
            continue
        if kept and kept[-1] in ("1", "2") and len(kept) > 1:
            kept.pop()
        if rest:
            rest.pop(0)
    return tuple(kept)
