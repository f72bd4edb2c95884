"""Text pasted from a terminal as a World: prompts, the commands after them, and what those printed.

One node for each machine that a prompt names, or that a command names (`docker exec NAME`, `ip netns exec NAME`);
what stands under no prompt, or one without a name, belongs to a node called `pasted`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tui.core.reading import lines_of
from tui.core.reading.pasted import PastedNode
from tui.core.reading.prompts import Prompt, read_prompt
from tui.core.reading.sections import FOREIGN_OUTPUT, UNKNOWN, Shown, shown_by
from tui.core.reading.segments import with_networks
from tui.core.world import World

PASTED = "pasted"
"""The node of text that names no machine."""

_STARTERS = ("ip", "route", "netstat", "ifconfig", "sysctl", "cat", "docker", "podman", "sudo", "busybox", "nsenter")


class TranscriptError(ValueError):
    """A text that holds nothing to read; str() is one sentence that says what to paste."""


@dataclass(slots=True)
class _Section:
    """The lines that one command printed on one node."""

    node: str
    place: str
    shown: list[Shown]
    command: str = ""
    filtered: bool = False
    lines: list[str] = field(default_factory=list)


def read_transcript(text: str) -> World:
    """Read a transcript; raises TranscriptError when it holds no table, rule, address or sysctl at all.

    A node's `missing` are the TOPICS that no section gave, `unread` the lines that were not understood; commands that
    have nothing to do with routing are named in its `source` and what they printed is left out. Nodes whose addresses
    share a subnet are put on a Network named by it.
    """
    nodes: dict[str, PastedNode] = {}
    for section in _sections(text):
        node = nodes.setdefault(section.node, PastedNode(section.node))
        node.take(section.shown, section.lines, section.command, section.place, section.filtered)
    for name in [name for name, node in nodes.items() if node.is_empty]:
        stray = nodes.pop(name)
        if nodes:
            next(iter(nodes.values())).unread += stray.unread
    if not nodes:
        raise TranscriptError(
            "Nothing here is a routing table, a rule, an address or a sysctl: paste what `ip route`, `ip rule`, "
            "`ip addr` or `route -n` printed, with the prompt line before it if several machines are shown."
        )
    return with_networks(World("transcript", (), tuple(nodes[name].node() for name in sorted(nodes))))


def _sections(text: str) -> Iterator[_Section]:
    """The text in pieces, one for each prompt; the first piece stands before any."""
    where = _Place()
    section = _Section(PASTED, "", [UNKNOWN])
    for line in lines_of(text):
        prompt = read_prompt(line) or _bare(line, where)
        if prompt is None:
            section.lines.append(line)
            continue
        yield section
        section = where.section(prompt)
    yield section


def _bare(line: str, where: _Place) -> Prompt | None:
    """A command that stands in a line of its own without a prompt; it goes to the machine of the last prompt."""
    if not line.startswith(_STARTERS):
        return None
    words = tuple(line.split())
    if words[0] not in _STARTERS or shown_by(words).kind not in ("routes", "rules", "links", "sysctls"):
        return None
    return Prompt(where.shown, where.host, (words,))


@dataclass(slots=True)
class _Place:
    """Where the last prompt was. `inner` is the node whose shell was entered (`docker exec -it NODE sh`) from a prompt
    that read `outer`, until that prompt comes back or the shell is left.
    """

    host: str = ""
    shown: str = ""
    inner: str | None = None
    kind: str = ""
    outer: str = ""

    def section(self, prompt: Prompt) -> _Section:
        """The section that a prompt begins."""
        self.host, self.shown = prompt.host, prompt.shown
        if prompt.shown == self.outer:
            self.inner = None
        shown = [shown_by(words) for words in prompt.commands] or [FOREIGN_OUTPUT]
        named = next((each for each in shown if each.node is not None), None)
        node, place = (self.inner, self.kind) if self.inner else (prompt.host or PASTED, "machine")
        if named is not None and named.node:
            node, place = named.node, named.place
        if any(each.kind == "shell" and each.place == "end" for each in shown):
            self.inner = None
        elif named is not None and named.kind == "shell":
            self.inner, self.kind, self.outer = named.node, named.place, prompt.shown
        command = "; ".join(" ".join(words) for words in prompt.commands)
        return _Section(node, place, shown, command, prompt.filtered)
