"""Which tool of the prober was asked for, its options, and how it ends."""

from __future__ import annotations

import errno
import importlib
import signal
import sys

from tui.engines.prober.telling import Told, say

USAGE, FAILED = 2, 2
TOOLS = ("ping", "traceroute", "connect", "capture")


class Options:
    """KEY=VALUE words; numbers have a default, and every key that nobody asks for is a mistake."""

    def __init__(self, words: list[str]) -> None:
        self._given = dict(word.partition("=")[::2] for word in words)

    def text(self, key: str, default: str = "") -> str:
        """A word."""
        return self._given.pop(key, default)

    def number(self, key: str, default: float = 0) -> float:
        """A number, whole or not."""
        return float(self._given.pop(key, default))

    def whole(self, key: str, default: int = 0) -> int:
        """A whole number."""
        return int(self._given.pop(key, default))

    def end(self) -> None:
        """Raises ValueError where something was given that is no option."""
        if self._given:
            raise ValueError(f"no such option: {', '.join(self._given)}")


def main(words: list[str]) -> int:
    """Be the tool; the exit code is ping's: 0 answered, 1 not, 2 could not even be tried (then `refused` says why)."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started it, who then closes the run
    if not words or words[0] not in TOOLS:
        say("refused", errno="EINVAL", text=f"no such tool: {' '.join(words[:1])}")
        return USAGE
    try:
        tool = importlib.import_module(f"tui.engines.prober.{words[0]}")
        return int(tool.run(Options(words[1:])))
    except Told:
        return FAILED
    except BrokenPipeError:
        return FAILED
    except OSError as error:
        say("refused", errno=errno.errorcode.get(error.errno or 0, ""), text=error.strerror or str(error))
        return FAILED
    except ValueError as error:
        say("refused", errno="EINVAL", text=str(error))
        return USAGE
