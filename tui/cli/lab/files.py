"""Which lab a word on the command line means: a built-in one by its name, or a Compose file."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

from tui import labs
from tui.cli.arguments import UsageError
from tui.cli.files import project, read_text
from tui.core.labs import Lab, LabError
from tui.core.labs.layout import world
from tui.core.text import clean
from tui.core.world import World


@dataclass(frozen=True, slots=True)
class Found:
    """A lab, the World that it promises, and the file that it was read from: empty for a built-in one."""

    lab: Lab
    world: World
    file: str = ""


def find_lab(word: str) -> Found:
    """The lab of that name, or in that file; `-` is standard input.

    A lab is refused here where the kernel would refuse one of its commands, before anything is made. Raises
    UsageError.
    """
    shown = "standard input" if word == "-" else clean(word)
    try:
        if word in labs.names():
            lab, file = labs.load(word, os.environ), ""
        elif is_file(word):
            text = read_text(word)
            if not labs.looks_like_compose(text):
                raise UsageError(f"{shown} is no Compose file: it has neither services nor networks.")
            lab, file = labs.read(text, project(word), os.environ), "" if word == "-" else str(Path(word).resolve())
        else:
            raise _unknown(shown)
        return Found(lab, world(lab), file)
    except LabError as error:
        raise UsageError(f"{shown}: {error}") from None


def is_file(word: str) -> bool:
    """Whether the word is meant as a file: one is there, or it looks like the path of one."""
    try:
        return word == "-" or "/" in word or word.endswith((".yaml", ".yml", ".json")) or Path(word).is_file()
    except (OSError, ValueError):
        return False


def _unknown(word: str) -> UsageError:
    near = difflib.get_close_matches(word, labs.names(), n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "`routetui lab list` shows those there are."
    return UsageError(f"There is no lab named {word!r}, and no file: {hint}")
