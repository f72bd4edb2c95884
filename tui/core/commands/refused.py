"""The kernel's no to a command: its words as iproute2 prints them, and one sentence that explains them."""

from __future__ import annotations


class RouteRefused(ValueError):
    """The kernel would refuse the command. str() is what iproute2 prints; `reason` one sentence that explains it."""

    def __init__(self, words: str, reason: str = "") -> None:
        super().__init__(words)
        self.reason = reason


class ChangeRefused(ValueError):
    """A change that would not be done. str() is one sentence that says why and what to do.

    `words` are what the kernel or the engine would print, "" where the refusal is routetui's own.
    """

    def __init__(self, sentence: str, words: str = "") -> None:
        super().__init__(sentence)
        self.words = words
