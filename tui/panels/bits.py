"""A destination's bits over a prefix's bits: what is the same, the first difference, what is not compared."""

from __future__ import annotations

from tui.core.addresses import WIDTH, Address, Prefix
from tui.panels.cells import Cell

COLUMNS = {4: 35, 6: 39}
"""Cells that an address takes: 32 bits in four octets, or 32 hexadecimal digits in eight hextets."""

UNIT = {4: (1, 8, "."), 6: (4, 4, ":")}
"""Of each family: bits a digit, digits a group, and what stands between groups."""


def column(version: int, bit: int) -> int:
    """The cell in which a bit, counted from 1, is drawn."""
    each, group, _ = UNIT[version]
    digit = (bit - 1) // each
    return digit + digit // group


def address_cells(address: Address, prefix: Prefix | None = None) -> list[Cell]:
    """The digits of an address; with a prefix: same as it, different from it, or not compared."""
    return _cells(address.version, address.value, prefix, address, hide=False)


def prefix_cells(prefix: Prefix, address: Address) -> list[Cell]:
    """The digits of a prefix, with a dot for every digit that it does not compare."""
    return _cells(prefix.version, prefix.value, prefix, address, hide=True)


def _cells(version: int, value: int, prefix: Prefix | None, address: Address, *, hide: bool) -> list[Cell]:
    each, group, between = UNIT[version]
    digits = f"{value:032b}" if version == 4 else f"{value:032x}"
    length = prefix.length if prefix is not None else 0
    differs = prefix.differs_at(address) if prefix is not None else None
    cells: list[Cell] = []
    for number, digit in enumerate(digits):
        first = number * each + 1
        if number and number % group == 0:
            cells.append((between, "dim"))
        cells.append(("·" if hide and first > length else digit, _style(first, each, length, differs, prefix is None)))
    return _joined(cells)


def _style(first: int, each: int, length: int, differs: int | None, plain: bool) -> str:
    if plain:
        return ""
    if first > length:
        return "dim"
    if differs is None or first + each <= differs:
        return "same"
    return "differs" if first <= differs else "dim"


def _joined(cells: list[Cell]) -> list[Cell]:
    """Neighbours of one style as one cell."""
    joined: list[Cell] = []
    for text, style in cells:
        if joined and joined[-1][1] == style:
            joined[-1] = (joined[-1][0] + text, style)
        else:
            joined.append((text, style))
    return joined


def zoom(prefix: Prefix, address: Address) -> tuple[int, list[Cell], list[Cell], int | None]:
    """The deciding hextet in bits: its first bit, the address' 16 bits, the prefix's, and the cell that differs.

    It is the hextet of the first difference, else the one in which the prefix ends.
    """
    differs = prefix.differs_at(address)
    bit = differs or max(prefix.length, 1)
    start = (bit - 1) // 16 * 16
    shift = WIDTH[6] - start - 16
    rows = []
    for value, hide in ((address.value, False), (prefix.value, True)):
        digits = f"{value >> shift & 0xFFFF:016b}"
        cells = [
            (
                "·" if hide and start + number + 1 > prefix.length else digit,
                _style(start + number + 1, 1, prefix.length, differs, plain=False),
            )
            for number, digit in enumerate(digits)
        ]
        rows.append(_joined(cells))
    return start + 1, rows[0], rows[1], None if differs is None else differs - start - 1


def bar(prefix: Prefix) -> str:
    """A bar as long as the prefix, in the columns of its digits."""
    return "━" * (column(prefix.version, prefix.length) + 1) if prefix.length else ""
