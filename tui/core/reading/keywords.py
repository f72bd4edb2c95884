"""Words read by position: each keyword has a reader that takes it and what follows; what none takes is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar


class Keyed(Protocol):
    """What is being made of the words: the keywords understood so far, and the words that were not."""

    seen: set[str]
    words: list[str]


D = TypeVar("D", bound=Keyed)

Reader = Callable[[D, list[str]], int]
"""Puts the words from a keyword on into the draft and says how many it took: 0 if it cannot read them."""


def read_keywords(draft: D, words: list[str], readers: Mapping[str, Reader[D]], same: Mapping[str, str]) -> D:
    """Read all words into the draft; `same` gives the one name of a keyword that has several.

    A keyword that comes twice, lacks a value, or has no reader is not understood.
    """
    at = 0
    while at < len(words):
        word = same.get(words[at], words[at])
        reader = readers.get(word)
        taken = reader(draft, words[at:]) if reader is not None and word not in draft.seen else 0
        if taken:
            draft.seen.add(word)
        else:
            draft.words.append(words[at])
            taken = 1
        at += taken
    return draft
