"""The built-in labs, and Compose files read as labs: text in, Lab or World out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

from tui.core.labs import Lab, LabError
from tui.core.labs.compose import read_lab
from tui.core.labs.composing import document
from tui.core.labs.layout import world
from tui.core.world import World
from tui.labs.yamlfile import read_yaml, write_yaml

DEFAULT = "two-bridges"
"""The lab that opens when nothing else is there."""

_SUFFIX = ".yaml"
_COMPOSE = re.compile(r"^[\"']?(?:services|networks)[\"']?[ \t]*:", re.MULTILINE)


def names() -> tuple[str, ...]:
    """The built-in labs by name, the default first."""
    found = sorted(each.name.removesuffix(_SUFFIX) for each in files(__name__).iterdir() if each.name.endswith(_SUFFIX))
    return tuple(sorted(found, key=lambda name: name != DEFAULT))


def source(name: str) -> str:
    """The Compose file of a built-in lab, as text. Raises LabError for a name that is none."""
    if name not in names():
        raise LabError(f"there is no lab {name!r}: built in are {', '.join(names())}.")
    return files(__name__).joinpath(name + _SUFFIX).read_text(encoding="utf-8")


def load(name_or_text: str, env: Mapping[str, str] | None = None, name: str = "lab") -> Lab:
    """A built-in lab by its name, or a lab from the text of a Compose file (anything that looks like one).

    `env` are the variables for `${...}`; `name` the lab's where the file gives itself none. Raises LabError.
    """
    if looks_like_compose(name_or_text) or "\n" in name_or_text:
        return read(name_or_text, name, env)
    return read(source(name_or_text), name_or_text, env)


def read(text: str, name: str = "lab", env: Mapping[str, str] | None = None) -> Lab:
    """A lab from the text of a Compose file. Raises LabError, one sentence with the line."""
    value, lines = read_yaml(text)
    return read_lab(value, name, env, lines)


def looks_like_compose(text: str) -> bool:
    """Whether a text may be a Compose file: it has `services:` or `networks:` at the beginning of a line."""
    return _COMPOSE.search(text) is not None


def open_compose(text: str, name: str = "lab", env: Mapping[str, str] | None = None) -> World:
    """The World that a Compose file's text predicts. Raises LabError, one sentence with the line."""
    return world(read(text, name, env))


def write_compose(world: World) -> str:
    """A World as the text of a Compose file that would rebuild it."""
    return write_yaml(document(world))
