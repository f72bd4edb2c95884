"""What ping prints, line by line: that of iputils, of BusyBox and of GNU inetutils, in IPv4 and IPv6."""

from __future__ import annotations

import re

from tui.core.addresses import Address
from tui.core.probes.lines import address_in
from tui.core.probes.ping_tally import PingTally
from tui.core.probes.results import Event, Fault, PingResult, Reply

_STAMP = r"(?:\[\d+\.\d+\] )?"
_REPLY = re.compile(
    _STAMP + r"\d+ bytes from (?P<who>[^ ]+(?: \([^ ]+\))?): (?:icmp_)?seq=(?P<seq>\d{1,5})(?!\d)"
    r"(?: ttl=(?P<ttl>\d{1,3}))?(?: time[=<](?P<time>\d{1,12}(?:\.\d{1,6})?) ?ms)?(?P<rest>.*)"
)
_FROM = re.compile(_STAMP + r"From (?P<who>[^ ]+?(?: \([^ ]+\))?):? icmp_seq=(?P<seq>\d{1,5})(?!\d) (?P<text>\S.*)")
_BYTES_FROM = re.compile(r"\d+ bytes from (?P<who>[^ ]+(?: \([^ ]+\))?): (?P<text>[A-Z].*)")
_SILENCE = re.compile(_STAMP + r"no answer yet for icmp_seq=(\d{1,5})")
_OWN = re.compile(
    r"(?:\S*/)?ping6?: (?:(?:connect|sendmsg|sendto|sending packet|local error|recvmsg|bind|unknown host): )?(\S.*)"
)
_WARNING = re.compile(r"(?:\S*/)?ping6?: Warning: .*")
_NO_PROGRAM = re.compile(r"There is no \S+ (?:in|on) .*\.")
_SUMS = re.compile(r"(\d{1,9}) packets transmitted, (\d{1,9}) (?:packets )?received(.*)")
_HEADING = re.compile(r"PING (?P<rest>.*)|PATTERN: .*|WARNING: .*|--- .* ---|(?:rtt|round-trip) min/avg/.*|pipe \d+")
_FROM_ZERO = re.compile(r"\S+ \(\S+\): \d+ data bytes")
_DUPLICATES = re.compile(r"\+?(\d{1,9}) duplicates")


class PingReader:
    """A Reader for ping. Requests are counted from 1, as iputils does; the others begin with 0."""

    def __init__(self, deaf: bool = False) -> None:
        self._tally = PingTally(deaf)
        self._first = 1

    def feed(self, line: str) -> tuple[Event, ...]:
        """What one line says; see Reader."""
        text = line.rstrip()
        if not text:
            return ()
        tally = self._tally
        if found := _REPLY.fullmatch(text):
            sender = address_in(found["who"])
            if sender is not None:
                return (self._reply(found, sender),)
        elif found := _FROM.fullmatch(text) or _BYTES_FROM.fullmatch(text):
            sender = address_in(found["who"])
            if sender is not None:
                seq = found.groupdict().get("seq")
                return (tally.fault(Fault(found["text"], sender, self._number(seq) if seq else None)),)
        elif found := _SILENCE.fullmatch(text):
            silent = tally.silence(self._number(found[1]))
            return (silent,) if silent is not None else ()
        elif found := _SUMS.fullmatch(text):
            more = _DUPLICATES.search(found[3])
            tally.sums = (int(found[1]), int(found[2]), int(more[1]) if more else 0)
            return ()
        elif found := _HEADING.fullmatch(text):
            if found["rest"] and _FROM_ZERO.fullmatch(found["rest"]):
                self._first = 0
            return ()
        elif _WARNING.fullmatch(text):
            return (tally.left.keep(line),)
        elif found := _OWN.fullmatch(text):
            return (tally.fault(Fault(found[1])),)
        elif _NO_PROGRAM.fullmatch(text):
            return (tally.fault(Fault(text)),)
        return (tally.left.keep(line),)

    def _number(self, seq: str) -> int:
        return int(seq) + 1 - self._first

    def _reply(self, found: re.Match[str], sender: Address) -> Reply:
        time = float(found["time"]) if found["time"] else None
        said = found["rest"].strip(" \t:")
        ttl = int(found["ttl"]) if found["ttl"] else None
        return self._tally.reply(Reply(self._number(found["seq"]), time, ttl, sender, "DUP!" in said, said))

    def end(self, code: int | None = None) -> tuple[Event, ...]:  # noqa: ARG002  # the lines have told everything
        """The tool has ended."""
        self._tally.ended = True
        return ()

    def result(self) -> PingResult:
        """What was found so far."""
        return self._tally.result()
