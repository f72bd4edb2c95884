"""Shell prompts in pasted text: whose machine it is, and which commands were typed there."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from tui.core.reading.sections import FOREIGN, KNOWN

_HOST = r"[A-Za-z0-9][\w.-]*"
_FULL = re.compile(
    rf"^\s*(?:\([\w.-]+\)\s*)?\[?[\w.+-]+@(?P<host>{_HOST})(?:[:\s][^#$%>]*?)?\]?\s*[#$%>](?:\s+(?P<command>\S.*))?\s*$"
)
"""user@host:path# command, [user@host path]$ command, user@host path % command, with a (venv) before it or not."""

_NAMED = re.compile(rf"^\s*(?P<host>{_HOST})(?:\(\S*\))?(?:[:~]\S*)?\s?[#>$%]\s*(?P<command>\S.*)?$")
"""host> command, host# command, h1:/root# command, bash-5.1# command."""

_BARE = re.compile(r"^\s*(?:~|/\S*)?\s?(?P<sign>[#$%>+])(?:\s+(?P<command>\S.*))?\s*$")
"""$ command, # command, / # command, + command."""

_SHELL_NAME = re.compile(r"^(?:ba|da|k|z|c|a)?sh(?:-[\d.]+)?$")
_REDIRECTION = re.compile(r"^\d?>+(?:&\d|\S+)?$")
_SIGN = re.compile("[#$>%+]")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as it stood. `host` is "" where it names none; `commands` the argument lists typed after it, in order.

    `shown` is the prompt's own text, by which a return from an inner shell is known. `filtered` marks a pipe into a
    program that may leave lines out.
    """

    shown: str
    host: str
    commands: tuple[tuple[str, ...], ...]
    filtered: bool = False


def read_prompt(line: str) -> Prompt | None:
    """The prompt that a line is, or None. A sign alone (`# ip route`) counts only before a command that is known.

    Mininet's `mininet> h1 ip route` is a prompt of h1.
    """
    if not _SIGN.search(line):  # most lines, and quickly
        return None
    if match := _FULL.match(line):
        return _prompt(line, match["host"], match["command"] or "")
    if match := _NAMED.match(line):
        host, command = match["host"], match["command"] or ""
        if host == "mininet":
            host, _, command = command.partition(" ")
        if _SHELL_NAME.match(host):
            host = ""
        if _is_known(command) or not command:
            return _prompt(line, host, command)
    if match := _BARE.match(line):
        command = match["command"] or ""
        if match["sign"] == "$" or _is_known(command) or not command:
            return _prompt(line, "", command)
    return None


def is_prompt(line: str) -> bool:
    """Whether a line is a prompt, alone or with a command typed after it."""
    return read_prompt(line) is not None


def _prompt(line: str, host: str, command: str) -> Prompt:
    shown = line[: len(line) - len(command)] if command else line
    commands, filtered = _split(command)
    return Prompt(shown.strip(), host, commands, filtered)


def _is_known(command: str) -> bool:
    words = command.split()
    while words and (words[0] == "sudo" or re.match(r"^\w+=", words[0])):
        words = words[1:]
    return bool(words) and words[0].rpartition("/")[2] in KNOWN | FOREIGN


def _split(command: str) -> tuple[tuple[tuple[str, ...], ...], bool]:
    """A command line as its commands' words; what a pipe leads into only tells whether lines may be missing."""
    try:
        lexer = shlex.shlex(command, posix=True, punctuation_chars="|;&")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:  # an open quote
        words = command.split()
    commands: list[list[str]] = [[]]
    piped, filtered = False, False
    for word in words:
        if word == "|":
            piped = True
        elif word and not word.strip(";&|"):
            piped = False
            commands.append([])
        elif piped:
            filtered = filtered or word in ("grep", "egrep", "head", "tail", "awk", "sed", "cut", "uniq", "fgrep")
        elif not _REDIRECTION.match(word):
            commands[-1].append(word)
    return tuple(tuple(each) for each in commands if each), filtered
