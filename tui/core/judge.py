"""The kernel as judge: a predicted decision held against what `ip route get` answered on the real system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.core.addresses import Address
from tui.core.reading.route_get import Answer, read_answer
from tui.core.steps import Decision, Failure, Lookup


@dataclass(frozen=True, slots=True)
class Agreement:
    """`agrees` is None where the kernel could not be asked, or routetui did not know. `sentence` says it to a person.

    `kernel` is the kernel's answer in short (`via 172.19.0.1 dev eth0 src 172.19.0.2`), "" where there is none.
    """

    agrees: bool | None
    sentence: str
    kernel: str = ""


def compare(lookup: Lookup, lines: Sequence[str], code: int | None) -> Agreement:
    """Hold a lookup against the printed answer of its `query.command()` and that command's exit code."""
    text = "\n".join(lines)
    answer = read_answer(text)
    if answer.error is not None and answer.errno is None:
        return Agreement(None, _not_asked(answer.error, code))
    return judge(lookup.decision, answer)


def judge(decision: Decision, answer: Answer) -> Agreement:
    """Hold a decision against an answer that was read already."""
    kernel = short(answer)
    if decision.failure is Failure.UNKNOWN:
        return Agreement(None, f"The kernel's answer: {kernel}. routetui could not predict it.", kernel)
    differences = tuple(_differences(decision, answer))
    if not differences:
        return Agreement(True, f"The kernel agrees: {kernel}.", kernel)
    return Agreement(False, f"The kernel differs: {'; '.join(differences)}. Its answer: {kernel}.", kernel)


def _not_asked(error: str, code: int | None) -> str:
    """The kernel was not reached: no `ip` program (127, 126), or one that does not know these words."""
    if code in (126, 127):
        return "The kernel was not asked: there is no `ip` command here."
    return f"The kernel was not asked: {error.rstrip('.')}."


def short(answer: Answer) -> str:
    """An answer in the words of `ip route get`, without what was asked."""
    if answer.error is not None:
        return answer.error.removeprefix("RTNETLINK answers: ").removeprefix("ip: ").rstrip(".")
    words = [] if answer.type == "unicast" else [answer.type]
    for name, value in (("via", answer.gateway), ("dev", answer.dev), ("src", answer.prefsrc)):
        if value is not None:
            words += [name, str(value)]
    return " ".join(words)


def _differences(decision: Decision, answer: Answer) -> list[str]:
    if answer.error is not None or decision.failure is not None:
        if answer.errno == decision.errno:
            return []
        predicted = decision.errno or f"{decision.type} dev {decision.dev}"
        return [f"{predicted} was predicted, and it says {answer.errno or 'that there is a way'}"]
    found = []
    if answer.type != decision.type:
        found.append(f"it calls the packet {answer.type}, not {decision.type}")
    ways = [(hop.dev, hop.gateway) for hop in decision.nexthops] or [(decision.dev, decision.gateway)]
    if (answer.dev, answer.gateway) not in ways:
        found.append(f"it sends it {_way(answer.dev, answer.gateway)}, not {' or '.join(_way(*way) for way in ways)}")
    one_way = len(ways) == 1
    if one_way and answer.prefsrc is not None and answer.prefsrc != decision.prefsrc:
        found.append(f"it takes {answer.prefsrc} as source, not {decision.prefsrc or 'none'}")
    # Table local is printed only after somebody has touched the rules.
    table = answer.table if answer.table not in (None, "local") else None
    if table is not None and decision.table is not None and table != decision.table:
        found.append(f"it found the route in table {table}, not {decision.table}")
    return found


def _way(dev: str | None, gateway: Address | None) -> str:
    return (f"via {gateway} " if gateway is not None else "") + f"by {dev}"
