"""What traceroute prints, line by line: Debian's, BusyBox's and GNU inetutils', in IPv4 and IPv6."""

from __future__ import annotations

import re

from tui.core.addresses import Address
from tui.core.probes.lines import address_in
from tui.core.probes.results import Answer, Event, Fault, TraceResult
from tui.core.probes.trace_tally import TraceTally

_HEADING = re.compile(r"(?:\S*/)?traceroute6? to (?P<who>\S+(?: +\(\S+\))?),? .*")
_HOP = re.compile(r" {0,4}(?P<ttl>\d{1,3}) +(?P<rest>\S.*)")
_MORE = re.compile(r" {3,}(?P<rest>[^\s\d*].*|\S+[.:]\S+.*)")
_OWN = re.compile(
    r"(?:\S*/)?(?:(?:inetutils-)?traceroute6?: |(?=(?:connect|send|sendto|sendmsg|bind|setsockopt|socket): ))"
    r"(?:(?:connect|send|sendto|sendmsg|bind|setsockopt|socket|can't connect to remote host(?: \(\S+\))?): )?(\S.*)"
)
_NO_PROGRAM = re.compile(r"There is no \S+ (?:in|on) .*\.")
_TIME = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(ms)?")


class TraceReader:
    """A Reader for traceroute. A hop's event holds all that is known of it so far, so that the latest is the whole."""

    def __init__(self, target: Address | None = None) -> None:
        self._tally = TraceTally(target)
        self._current: int | None = None

    def feed(self, line: str) -> tuple[Event, ...]:
        """What one line says; see Reader."""
        text = line.rstrip()
        if not text:
            return ()
        tally = self._tally
        if found := _HEADING.fullmatch(text):
            tally.target = address_in(found["who"]) or tally.target
            return ()
        if found := _HOP.fullmatch(text):
            ttl = int(found["ttl"])
            if 1 <= ttl <= 255:
                self._current = ttl
                return self._hop(ttl, found["rest"], line)
        elif found := _OWN.fullmatch(text):
            return (tally.fault(Fault(found[1])),)
        elif _NO_PROGRAM.fullmatch(text):
            return (tally.fault(Fault(text)),)
        elif self._current is not None and (found := _MORE.fullmatch(text)):
            return self._hop(self._current, found["rest"], line)
        return (tally.left.keep(line),)

    def _hop(self, ttl: int, rest: str, line: str) -> tuple[Event, ...]:
        own = _OWN.fullmatch(rest)
        if own:  # inetutils has begun the line when its own kernel refuses
            return (self._tally.fault(Fault(own[1])),)
        answers, silent, understood = _answers(rest.split(), self._tally.last_address(ttl))
        hop = self._tally.hop(ttl, answers, silent)
        return (hop,) if understood else (hop, self._tally.left.keep(line))

    def end(self, code: int | None = None) -> tuple[Event, ...]:  # noqa: ARG002  # the lines have told everything
        """The tool has ended."""
        self._tally.ended = True
        return ()

    def result(self) -> TraceResult:
        """What was found so far."""
        return self._tally.result()


def _answers(words: list[str], address: Address | None) -> tuple[list[Answer], int, bool]:
    """The words behind a ttl: the answers, how many stars, and whether every word was understood.

    `address` is that of the last answer so far: times that follow are its.
    """
    answers: list[Answer] = []
    silent, understood, name = 0, True, False
    for place, word in enumerate(words):
        time = _TIME.fullmatch(word)
        if word == "*":
            silent += 1
        elif word.startswith("!"):
            if answers:
                answers[-1] = Answer(answers[-1].address, answers[-1].rtt, word)
            understood = understood and bool(answers)
        elif time and (time[2] or words[place + 1 : place + 2] == ["ms"]):
            if address is not None and not name:
                answers.append(Answer(address, float(time[1])))
            else:
                understood = False
        elif word == "ms" or (word.startswith("[") and word.endswith("]")):  # [AS64500], [*]
            continue
        elif (found := address_in(word)) is not None:
            address, name = found, False
        else:
            name = True  # a name, whose address follows in brackets
    return answers, silent, understood and not name
