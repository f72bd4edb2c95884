"""What the acts of a rule change in a packet: its mark, its addresses, whether it is tracked."""

from __future__ import annotations

from dataclasses import replace

from tui.core.addresses import Address, AddressError, parse_address
from tui.core.firewall.flight import Ends, Flight, Here
from tui.core.firewall.values import Act


class Refused(Exception):
    """What it becomes is not known: one of several addresses, or words that were not understood."""


def changed(act: Act, flight: Flight, here: Here) -> tuple[Flight, bool]:
    """The packet after an act, and whether that ends the chain. Raises Refused where it is not known."""
    match act.kind:
        case "mark":
            return _marked(flight, *act.words), False
        case "remark":
            return replace(flight, mark=None), False
        case "notrack":
            if flight.connection is not None:  # it came by loopback, and is tracked already (notrack_tg, xt_ct_target)
                return flight, False
            return replace(flight, state="untracked", connection=None, fresh=False), False
        case "dnat":
            return _translated(flight, *act.words, source=False), True
        case "snat":
            return _translated(flight, *act.words, source=True), True
        case "masquerade":
            return _with(flight, replace(flight.ends, src=_known(here.masquerade(flight))), "snat"), True
        case "redirect":
            ends = replace(flight.ends, dst=_known(here.redirect(flight)))
            return _with(flight, _ported(ends, act.words[0], source=False), "dnat"), True
    raise Refused


def _known(address: Address | None) -> Address:
    if address is None:
        raise Refused
    return address


def _marked(flight: Flight, value: str, mask: str) -> Flight:
    """The bits of the mask are cleared, then the value is XORed in (xt_mark: --set-xmark)."""
    try:
        bits, number = int(mask, 0), int(value, 0)
    except ValueError:
        raise Refused from None
    if bits == 0xFFFFFFFF:
        return replace(flight, mark=number)
    return flight if flight.mark is None else replace(flight, mark=(flight.mark & ~bits & 0xFFFFFFFF) ^ number)


def _translated(flight: Flight, address: str, port: str, *, source: bool) -> Flight:
    low, dash, high = address.partition("-")
    if dash and low != high:
        raise Refused
    ends = flight.ends
    if low:
        try:
            to = parse_address(low)
        except AddressError:
            raise Refused from None
        ends = replace(ends, src=to) if source else replace(ends, dst=to)
    return _with(flight, _ported(ends, port, source=source), "snat" if source else "dnat")


def _ported(ends: Ends, port: str, *, source: bool) -> Ends:
    if not port:
        return ends
    number = int(port) if port.isdecimal() else None
    return replace(ends, sport=number) if source else replace(ends, dport=number)


def _with(flight: Flight, ends: Ends, kind: str) -> Flight:
    """The packet with other ends, and its connection with the way back that belongs to them."""
    if flight.connection is None:
        return flight  # what is not tracked is not translated (nf_nat_inet_fn)
    connection = replace(flight.connection, reply=ends.turned())
    return replace(flight, ends=ends, connection=connection, bound=flight.bound | {kind})
