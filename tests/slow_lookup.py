"""A second, slow and independent lookup: the definition of longest prefix match over ipaddress networks.

It knows one table, unicast and reject routes, metrics and listing order, and nothing of the program's own arithmetic.
"""

import ipaddress


def slow_lookup(routes, destination):
    """The route that answers, or None; `routes` are (network text, metric, listing position, type, dev) tuples."""
    address = ipaddress.ip_address(destination)
    best = None
    for network, metric, position, kind, dev in routes:
        parsed = ipaddress.ip_network(network)
        if parsed.version != address.version or address not in parsed:
            continue
        key = (-parsed.prefixlen, metric, position)
        if best is None or key < best[0]:
            best = (key, (network, metric, position, kind, dev))
    return best[1] if best else None
