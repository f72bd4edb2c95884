"""What ping prints, line by line: that of iputils, of BusyBox and of GNU inetutils, in IPv4 and IPv6."""

from __future__ import annotations

import re
from collections import deque
from statistics import median

from tui.core.addresses import Address
from tui.core.probes.reading import Leftovers, address_in
from tui.core.probes.results import KEPT, Event, Fault, PingResult, Reply, Roundtrips, Silence

_STAMP = r"(?:\[\d+\.\d+\] )?"
_REPLY = re.compile(
    _STAMP + r"\d+ bytes from (?P<who>[^ ]+(?: \([^ ]+\))?): (?:icmp_)?seq=(?P<seq>\d{1,9})"
    r"(?: ttl=(?P<ttl>\d{1,3}))?(?: time[=<](?P<time>\d{1,12}(?:\.\d{1,6})?) ?ms)?(?P<rest>.*)"
)
_FROM = re.compile(_STAMP + r"From (?P<who>[^ ]+(?: \([^ ]+\))?):? icmp_seq=(?P<seq>\d{1,9}) (?P<text>\S.*)")
_BYTES_FROM = re.compile(r"\d+ bytes from (?P<who>[^ ]+(?: \([^ ]+\))?): (?P<text>[A-Z].*)")
_SILENCE = re.compile(_STAMP + r"no answer yet for icmp_seq=(\d{1,9})")
_OWN = re.compile(
    r"(?:\S*/)?ping6?: (?:(?:connect|sendmsg|sendto|sending packet|local error|recvmsg|bind|unknown host): )?(\S.*)"
)
_NO_PROGRAM = re.compile(r"There is no \S+ (?:in|on) .*\.")
_SUMS = re.compile(r"(\d{1,9}) packets transmitted, (\d{1,9}) (?:packets )?received(.*)")
_HEADING = re.compile(r"PING (?P<rest>.*)|PATTERN: .*|WARNING: .*|--- .* ---|(?:rtt|round-trip) min/avg/.*|pipe \d+")
_FROM_ZERO = re.compile(r"\S+ \(\S+\): \d+ data bytes")
_DUPLICATES = re.compile(r"\+?(\d{1,9}) duplicates")
_TROUBLE = re.compile(r"[\s:]*(.*?)\s*")


class PingReader:
    """A Reader for ping. Requests are counted from 1, as iputils does; the others begin with 0."""

    def __init__(self, deaf: bool = False) -> None:
        self._deaf = deaf
        self._left = Leftovers()
        self._replies: deque[Reply] = deque(maxlen=KEPT)
        self._faults: deque[Fault] = deque(maxlen=KEPT)
        self._times = _Times()
        self._seen: deque[int] = deque(maxlen=KEPT)
        self._answered: set[int] = set()
        self._first = 1
        self._latest = self._received = self._duplicates = self._faulty = 0
        self._sums: tuple[int, int, int] | None = None
        self._ended = False

    def feed(self, line: str) -> tuple[Event, ...]:
        """What one line says; see Reader."""
        text = line.rstrip()
        if not text:
            return ()
        if found := _REPLY.fullmatch(text):
            sender = address_in(found["who"])
            if sender is not None:
                return (self._reply(found, sender),)
        elif found := _FROM.fullmatch(text) or _BYTES_FROM.fullmatch(text):
            sender = address_in(found["who"])
            if sender is not None:
                seq = found.groupdict().get("seq")
                return (self._fault(Fault(found["text"], sender, self._number(seq) if seq else None)),)
        elif found := _SILENCE.fullmatch(text):
            return (Silence(self._number(found[1])),)
        elif found := _SUMS.fullmatch(text):
            more = _DUPLICATES.search(found[3])
            self._sums = (int(found[1]), int(found[2]), int(more[1]) if more else 0)
            return ()
        elif found := _HEADING.fullmatch(text):
            if found["rest"] and _FROM_ZERO.fullmatch(found["rest"]):
                self._first = 0
            return ()
        elif found := _OWN.fullmatch(text):
            return (self._fault(Fault(found[1])),)
        elif _NO_PROGRAM.fullmatch(text):
            return (self._fault(Fault(text)),)
        return (self._left.keep(line),)

    def _number(self, seq: str) -> int:
        number = int(seq) + 1 - self._first
        self._latest = max(self._latest, number)
        return number

    def _reply(self, found: re.Match[str], sender: Address) -> Reply:
        seq = self._number(found["seq"])
        time = float(found["time"]) if found["time"] else None
        trouble = _TROUBLE.fullmatch(found["rest"])
        said = trouble[1] if trouble else ""
        duplicate = seq in self._answered or "DUP!" in said
        reply = Reply(seq, time, int(found["ttl"]) if found["ttl"] else None, sender, duplicate, said)
        self._replies.append(reply)
        if duplicate:
            self._duplicates += 1
        else:
            self._received += 1
            self._remember(seq)
            if time is not None:
                self._times.add(time)
        return reply

    def _remember(self, seq: int) -> None:
        if len(self._seen) == KEPT:
            self._answered.discard(self._seen[0])
        self._seen.append(seq)
        self._answered.add(seq)

    def _fault(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        self._faulty += not fault.is_redirect
        return fault

    def end(self, code: int | None = None) -> tuple[Event, ...]:  # noqa: ARG002  # the lines have told everything
        """The tool has ended."""
        self._ended = True
        return ()

    def result(self) -> PingResult:
        """What was found so far."""
        told = sum(fault.sender is not None and not fault.is_redirect for fault in self._faults)
        sent, received, duplicates = self._latest, self._received, self._duplicates
        if self._sums is not None:
            sent, received, duplicates = self._sums
        return PingResult(
            max(sent, received, min(told, self._faulty) if self._sums is None else 0),
            received,
            duplicates,
            self._faulty,
            tuple(self._replies),
            tuple(self._faults),
            self._times.all(),
            self._left.lines,
            self._left.count,
            self._ended or self._sums is not None,
            self._deaf,
        )


class _Times:
    """Round-trip times: sums of all of them, and the latest for their median."""

    def __init__(self) -> None:
        self._latest: deque[float] = deque(maxlen=KEPT)
        self._count = 0
        self._sum = self._differences = 0.0
        self._low = self._high = 0.0

    def add(self, time: float) -> None:
        if self._count:
            self._differences += abs(time - self._latest[-1])
        self._low = min(self._low, time) if self._count else time
        self._high = max(self._high, time)
        self._sum += time
        self._count += 1
        self._latest.append(time)

    def all(self) -> Roundtrips | None:
        if not self._count:
            return None
        jitter = self._differences / (self._count - 1) if self._count > 1 else 0.0
        return Roundtrips(self._low, self._sum / self._count, median(self._latest), self._high, jitter)
