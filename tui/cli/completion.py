"""Completion in a shell: a script that asks routetui itself, and the words that it then answers."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from collections.abc import Iterable, Sequence

from tui.cli.arguments import PLACES, parser
from tui.core.world import World

FILES = ":files"
"""Answered in place of words where the shell should complete a file's name."""

PATIENCE = 1.0
"""Seconds that an engine gets for the tables of its nodes: their names are what matters."""

_BASH = r"""# routetui's completion for bash: source <(routetui completion bash)
_routetui() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        if [ "$line" = ":files" ]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$2")
            return
        fi
        COMPREPLY+=("$line")
    done < <("$1" _complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _routetui routetui
"""

_ZSH = r"""#compdef routetui
# routetui's completion for zsh: source <(routetui completion zsh), or a file named _routetui in $fpath
_routetui() {
    local -a found
    found=("${(@f)$("${words[1]}" _complete zsh "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ "${found[1]}" == ":files" ]]; then
        _files
    elif [[ -n "${found[1]}" ]]; then
        compadd -a found
    fi
}
if [[ "${funcstack[1]}" == "_routetui" ]]; then
    _routetui "$@"
else
    compdef _routetui routetui
fi
"""

_FISH = r"""# routetui's completion for fish: routetui completion fish > ~/.config/fish/completions/routetui.fish
function __routetui_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] _complete fish $words[2..-1] 2>/dev/null)
    if test "$found[1]" = ":files"
        __fish_complete_path (commandline -ct)
    else
        printf '%s\n' $found
    end
end
complete -c routetui -f -a '(__routetui_complete)'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script(shell: str) -> str:
    """The script to source in that shell."""
    return _SCRIPTS[shell]


def complete(argv: Sequence[str]) -> int:
    """Print what may follow: argv is the shell's name, then the words up to the one being typed. Always 0.

    Trouble, an engine that is away or a file that cannot be read, means that there is nothing to offer.
    """
    shell, words = (argv[0], list(argv[1:]) or [""]) if argv else ("bash", [""])
    found = candidates(words)
    if shell == "bash":
        found = [each if each == FILES else shlex.quote(each) for each in found]
    sys.stdout.write("".join(f"{each}\n" for each in found))
    return 0


def candidates(words: Sequence[str]) -> list[str]:
    """The words that may stand in place of the last of `words`, which is what has been typed of it so far."""
    state = _State(parser())
    for word in words[:-1]:
        state.take(word)
    typed = words[-1]
    return [each for each in state.offers(typed) if each == FILES or each.startswith(typed)]


class _State:
    """How far the words before the cursor have gone through the grammar."""

    def __init__(self, grammar: argparse.ArgumentParser) -> None:
        self.grammar = grammar
        self.waiting: argparse.Action | None = None  # an option that still wants its value
        self.given: dict[str, str] = {}
        self.positions: list[argparse.Action] = _positionals(grammar)
        self.words: list[str] = []  # those of a route

    def take(self, word: str) -> None:
        """Go over one whole word."""
        if self.waiting is not None:
            self.given[self.waiting.dest] = word
            self.waiting = None
        elif word.startswith("-") and word != "-":
            name, equals, value = word.partition("=")
            action = _options(self.grammar).get(name)
            if action is not None and action.nargs != 0:
                if equals:
                    self.given[action.dest] = value
                else:
                    self.waiting = action
        elif self.positions and self.positions[0].nargs == "+":
            self.words.append(word)
        elif self.positions:
            action = self.positions.pop(0)
            self.given[action.dest] = word
            if isinstance(action, argparse._SubParsersAction) and word in action.choices:
                self.grammar = action.choices[word]
                self.positions = _positionals(self.grammar)

    def offers(self, typed: str) -> Iterable[str]:
        """What fits next, in a fixed order; not yet held against what was typed."""
        if self.waiting is not None:
            return self._values(self.waiting)
        if typed.startswith("-"):
            return [each for each in _options(self.grammar) if each.startswith("--") or len(typed) < 2]
        return self._values(self.positions[0]) if self.positions else []

    def _values(self, action: argparse.Action) -> Iterable[str]:
        if action.choices is not None:
            return [str(each) for each in action.choices]
        if action.dest in ("open", "file"):
            return [FILES]
        if action.dest in ("what", "lab"):
            return _labs(self.given.get("lab_command", ""), self.given.get("engine"))
        if action.dest == "words":
            world = self._world()
            return _route_words(world, self.given.get("node", ""), self.words) if world else []
        if action.dest in ("node", "dst", "iif", "oif", "src", "table", "bind"):
            world = self._world()
            return _known(action.dest, world, self.given.get("node", "")) if world else []
        return []

    def _world(self) -> World | None:
        """The World that the words so far would look at; None where it cannot be read without disturbing anybody."""
        from tui.cli.arguments import UsageError
        from tui.cli.choose import choose
        from tui.engines.base import EngineError

        if self.given.get("open") == "-":
            return None
        named = {name: self.given.get(name) for name in ("engine", *PLACES)}
        try:
            engine = choose(argparse.Namespace(**named), fall_back=False).engine
            try:
                return engine.snapshot(PATIENCE)
            finally:
                engine.close()
        except (EngineError, UsageError):
            return None


def _labs(command: str, engine: str | None) -> list[str]:
    """The labs that `routetui lab COMMAND` may mean: to end, those that are up; else the built-in ones and files."""
    from tui import labs
    from tui.engines.base import EngineError

    up: list[str] = []
    if command in ("down", "") and engine != "sim":
        with contextlib.suppress(EngineError, ImportError):
            from tui.engines.kernel import kept

            up = kept.running()
    return up if command == "down" else sorted({*up, *labs.names()})


def _route_words(world: World, name: str, words: Sequence[str]) -> list[str]:
    """What may follow in `route add NODE ...`: a destination, a next hop that is on-link, a device, a word."""
    from tui.core.changes import written

    if not words:
        return [each.name for each in written.targets(world, name)]
    if words[-1] == "via":
        try:
            prefix = written.destination(words[0], world, name)
        except written.Complaint:
            return []
        return [str(each.address) for each in written.offered(world, name, prefix)[0]]
    if words[-1] == "dev":
        return _known("iif", world, name)
    if words[-1] == "table":
        return list(written.tables(world, name))
    if words[-1] == "metric":
        return []
    return [each for each in ("via", "dev", "metric", "table", *written.WORDS) if each not in words]


def _known(kind: str, world: World, name: str) -> list[str]:
    if kind in ("node", "dst"):
        return [each.name for each in world.nodes]
    node = world.node(name)
    if node is None:
        return []
    if kind == "src":
        return [str(each.address) for _, each in node.addresses()]
    if kind == "table":
        return sorted({"all", "main", *(each.table for each in node.routes)})
    return [each.name for each in node.interfaces]


def _options(grammar: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    return {name: each for each in grammar._actions for name in each.option_strings}


def _positionals(grammar: argparse.ArgumentParser) -> list[argparse.Action]:
    return [each for each in grammar._actions if not each.option_strings]
