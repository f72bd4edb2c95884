"""A parsed document read key by key, so that every complaint can name its place and its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

from tui.core.addresses import AddressError
from tui.core.labs import LabError

Path = tuple[str | int, ...]
T = TypeVar("T")

_TRUE, _FALSE = ("true", "yes", "on", "y", "1"), ("false", "no", "off", "n", "0")


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a document with the way to it. `value` is None where the key is absent or empty.

    `lines` maps paths to line numbers, counted from 1; a path without one takes its parent's.
    """

    value: object
    path: Path = ()
    lines: Mapping[Path, int] | None = None

    @property
    def line(self) -> int | None:
        """The line where the value, or what holds it, stands; None where lines are not known."""
        lines = self.lines or {}
        return next((lines[self.path[:n]] for n in range(len(self.path), -1, -1) if self.path[:n] in lines), None)

    @property
    def where(self) -> str:
        """The way to the value: services.web.networks."""
        return ".".join(str(part) for part in self.path) or "the file"

    def fail(self, sentence: str) -> LabError:
        """An error at this place."""
        return LabError(f"{self.where}: {sentence}", self.line)

    def note(self, sentence: str) -> str:
        """A sentence with the line, where it is known."""
        return f"line {self.line}: {sentence}" if self.line else sentence

    def __bool__(self) -> bool:
        return self.value is not None

    def __getitem__(self, key: str | int) -> Entry:
        value = self.value.get(key) if isinstance(self.value, Mapping) else None
        return Entry(value, (*self.path, key), self.lines)

    def fields(self) -> Iterator[tuple[str, Entry]]:
        """The pairs of a mapping; nothing where it is absent."""
        if self.value is None:
            return
        if not isinstance(self.value, Mapping):
            raise self.fail("this must be a mapping (`key: value` lines).")
        for key in self.value:
            yield str(key), self[key]

    def items(self) -> Iterator[Entry]:
        """The elements of a list; nothing where it is absent."""
        if self.value is None:
            return
        if not isinstance(self.value, list):
            raise self.fail("this must be a list (lines that begin with `- `).")
        for index, value in enumerate(self.value):
            yield Entry(value, (*self.path, index), self.lines)

    def pairs(self) -> Iterator[tuple[str, Entry]]:
        """A mapping, or a list of NAME=VALUE texts: Compose allows either for sysctls, labels and environment."""
        if not isinstance(self.value, list):
            yield from self.fields()
            return
        for item in self.items():
            name, equals, value = item.text().partition("=")
            yield name.strip(), Entry(value.strip() if equals else None, item.path, self.lines)

    def names(self) -> Iterator[tuple[str, Entry]]:
        """A list of names, or a mapping from them: Compose allows either for networks and depends_on."""
        if isinstance(self.value, list):
            yield from ((item.text(), Entry(None, item.path, self.lines)) for item in self.items())
        else:
            yield from self.fields()

    def texts(self) -> tuple[str, ...]:
        """A list of texts, or a single text as a list of one."""
        if isinstance(self.value, list):
            return tuple(item.text() for item in self.items())
        return (self.text(),) if self else ()

    def text(self, default: str = "") -> str:
        """A text; a number or a truth value is taken as it is written."""
        if self.value is None:
            return default
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        if not isinstance(self.value, str | int | float):
            raise self.fail("this must be a single text.")
        return str(self.value)

    def flag(self, default: bool = False) -> bool:
        """A truth value."""
        word = self.text().lower()
        if not word:
            return default
        if word not in _TRUE + _FALSE:
            raise self.fail(f"{word!r} is neither true nor false.")
        return word in _TRUE

    def number(self, default: int = 0) -> int:
        """A whole number, which may be negative."""
        word = self.text()
        if not word:
            return default
        if not re.fullmatch(r"[-+]?[0-9]{1,10}", word):
            raise self.fail(f"{word!r} is no whole number.")
        return int(word)

    def read(self, reader: Callable[[str], T]) -> T:
        """What `reader` makes of the text; its AddressError or ValueError is told with the place."""
        try:
            return reader(self.text())
        except (AddressError, ValueError) as error:
            raise self.fail(str(error)) from None

    def only(self, known: tuple[str, ...]) -> None:
        """Refuse a key that is not in `known` (keys that begin with x- are always allowed)."""
        for key, entry in self.fields():
            if key not in known and not key.startswith("x-"):
                close = get_close_matches(key, known, 1)
                few = f"known are {', '.join(sorted(known))}." if len(known) < 12 else "see the Compose specification."
                hint = f"did you mean {close[0]!r}?" if close else few
                raise LabError(f"{self.where} has no key {key!r}: {hint}", entry.line)
