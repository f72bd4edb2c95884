"""Random rules of iptables and of nf_tables for the judge of filters, in either family."""

from __future__ import annotations

import random
from collections.abc import Iterator

from firewall_judge import PORTS, SIX, Family

NEIGHBOURS = ("neighbour-solicitation", "neighbour-advertisement")


def words(random_: random.Random, chain: str, family: Family) -> Iterator[str]:
    """Conditions of one rule of iptables that a chain may have."""
    devices = ("ra", "rb", "r+", "x0")
    if family.version == 4:
        wide = ("10.72.0.0/16", "0.0.0.0/0", "192.0.2.0/24")
    else:
        wide = ("fd00:72::/32", "::/0", "2001:db8::/32", "fe80::/10", "ff02::/16")
    addresses = (family.b, family.a, family.also, family.rb, family.ra, family.near(family.a), *wide)
    no = lambda: random_.choice(("", "", "! "))  # noqa: E731
    for option in ("-s", "-d"):
        if random_.random() < 0.5:
            address = random_.choice(addresses)
            yield f"{'' if address.endswith('/0') else no()}{option} {address}"
    if chain not in ("OUTPUT", "POSTROUTING", "ONE", "TWO") and random_.random() < 0.3:
        yield f"{no()}-i {random_.choice(devices)}"
    if chain in ("FORWARD", "OUTPUT", "POSTROUTING") and random_.random() < 0.3:
        yield f"{no()}-o {random_.choice(devices)}"
    if random_.random() < 0.5:
        yield _protocol(random_, no, family)
    if random_.random() < 0.25:
        states = random_.choice(("NEW", "ESTABLISHED", "RELATED,ESTABLISHED", "INVALID", "UNTRACKED", "DNAT", "SNAT"))
        yield f"-m conntrack {no()}--ctstate {states}"
    elif random_.random() < 0.15:
        statuses = ("--ctstatus SEEN_REPLY", "--ctstatus CONFIRMED", "--ctstatus ASSURED")
        asked = random_.choice((*statuses, f"--ctorigsrc {family.a}", f"--ctorigdst {family.b}", "--ctdir REPLY"))
        yield f"-m conntrack {'' if 'dir' in asked else no()}{asked}"
    if random_.random() < 0.15:
        kinds = ("LOCAL", "UNICAST", "MULTICAST", "LOCAL,UNICAST")
        yield f"-m addrtype {no()}--{random_.choice(('src', 'dst'))}-type {random_.choice(kinds)}"
    if random_.random() < 0.15:
        yield f"-m mark {no()}--mark {random_.choice(('0', '7', '0x1/0x1', '0x4/0xf'))}"
    if random_.random() < 0.1:
        limit, option = random_.choice(("64", "63", "200")), "hl --hl" if family.version == 6 else "ttl --ttl"
        yield f"-m {option}-{random_.choice(('eq', 'lt', 'gt'))} {limit}"
    if random_.random() < 0.07:
        yield f"-m pkttype {no()}--pkt-type {random_.choice(('unicast', 'multicast'))}"


def _protocol(random_: random.Random, no: object, family: Family) -> str:
    assert callable(no)
    port = random_.choice((*PORTS, "50:90", "1024:"))
    kinds = ["echo-request", "echo-reply"]
    if family.version == 4:
        icmp, option = "icmp", "-m icmp {}--icmp-type"
        kinds.append("3/3")
    else:
        icmp, option = "ipv6-icmp", "-m icmp6 {}--icmpv6-type"
        kinds += ["1/4", *NEIGHBOURS]
    return str(
        random_.choice(
            (
                f"-p {icmp}",
                f"! -p {icmp}",
                f"-p {icmp} {option.format(no())} {random_.choice(kinds)}",
                f"-p {icmp} {option.format(no())} {random_.choice(kinds)}",
                "-p udp",
                "! -p udp",
                "-p tcp",
                f"-p tcp -m tcp {no()}--dport {port}",
                "-p tcp -m tcp --syn",
                "-p tcp -m tcp ! --tcp-flags SYN,ACK SYN",
                f"-p udp -m udp {no()}--dport {port}",
                f"-p udp -m udp {no()}--sport {port}",
                f"-p udp -m multiport {no()}--dports {random_.choice(('53,80', '80,4000:5000', '1:60'))}",
                f"-p tcp -m multiport {no()}--ports {random_.choice(('53,80', '80,4000:5000', '1:60'))}",
            )
        )
    )


def iptables_rules(random_: random.Random, family: Family, *, plain: bool = False) -> str:
    """A whole `iptables-restore` text. With `plain`, neighbours may always ask and answer each other."""
    lines = []
    far = f"[{family.b}]:8053" if family.version == 6 else f"{family.b}:8053"
    tables = {
        "raw": (("PREROUTING", "OUTPUT"), ("ACCEPT", "DROP", "NOTRACK", "CT --notrack")),
        "mangle": (("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
                   ("MARK --set-mark 7", "MARK --set-xmark 0x5/0xf", "DROP", "ACCEPT")),
        "nat": (("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
                ("ACCEPT", "MASQUERADE", f"SNAT --to-source {family.rb}", f"DNAT --to-destination {family.b}",
                 "REDIRECT", "REDIRECT --to-ports 8053", f"DNAT --to-destination {far}")),
        "filter": (("INPUT", "FORWARD", "OUTPUT"), ("ACCEPT", "ACCEPT", "DROP", "REJECT", "RETURN", "ONE", "TWO",
                                                  "LOG")),
    }  # fmt: skip
    for table, (chains, targets) in tables.items():
        if table != "filter" and random_.random() < 0.5:
            continue
        lines.append(f"*{table}")
        policies = ("ACCEPT", "ACCEPT", "ACCEPT", "ACCEPT", "DROP") if table == "filter" else ("ACCEPT",)
        lines += [f":{chain} {random_.choice(policies)} [0:0]" for chain in chains]
        own = ("ONE", "TWO") if table == "filter" else ()
        lines += [f":{chain} - [0:0]" for chain in own]
        for chain in (*chains, *own):
            if plain and table != "nat" and chain not in own:
                lines += [f"-A {chain} -p ipv6-icmp -m icmp6 --icmpv6-type {each} -j ACCEPT" for each in NEIGHBOURS]
            for _ in range(random_.choice((0, 0, 1, 1, 2)) if table == "mangle" else random_.randint(0, 3)):
                lines.append(_rule(random_, table, chain, targets, family))
        lines.append("COMMIT")
    return "\n".join(lines) + "\n"


def _rule(random_: random.Random, table: str, chain: str, targets: tuple[str, ...], family: Family) -> str:
    target = random_.choice(targets)
    conditions = list(words(random_, chain, family))
    if chain == "TWO" or (chain == "ONE" and target == "ONE"):
        target = "RETURN" if target in ("ONE", "TWO") else target
    if table == "nat":
        target = _translating(random_, chain, target, family)
        if "]:" in target or target.endswith("8053"):
            wanted = random_.choice(("udp", "tcp"))
            conditions = [f"-p {wanted}", *(each for each in conditions if "-p " not in each)]
    if target == "REJECT" and random_.random() < 0.5:
        prefix = "icmp6" if family.version == 6 else "icmp"
        target = f"REJECT --reject-with {prefix}-{'adm-prohibited' if family.version == 6 else 'admin-prohibited'}"
        if any(each.startswith("-p tcp") for each in conditions):
            target = "REJECT --reject-with tcp-reset"
    how = "-g" if target in ("ONE", "TWO") and random_.random() < 0.3 else "-j"
    return " ".join((f"-A {chain}", *conditions, how, target))


def _translating(random_: random.Random, chain: str, target: str, family: Family) -> str:
    """The target, or one that the chain may have."""
    fitting = {
        "POSTROUTING": ("MASQUERADE", "SNAT"),
        "INPUT": ("SNAT",),
    }.get(chain, ("DNAT", "REDIRECT"))
    if target == "ACCEPT" or target.startswith(fitting):
        return target
    if chain == "INPUT":
        return f"SNAT --to-source {random_.choice((family.a, family.rb))}"
    return "MASQUERADE" if chain == "POSTROUTING" else "ACCEPT"


def nft_rules(random_: random.Random, family: Family, *, plain: bool = False) -> str:
    """A table of nf_tables' own, with sets, a verdict map, and chains at other priorities; or none."""
    if random_.random() < 0.5:
        return ""
    ip, icmp, echo = family.nft, "icmp" if family.version == 4 else "icmpv6", "echo-reply"
    l4, ttl = ("icmp", "ttl") if family.version == 4 else ("ipv6-icmp", "hoplimit")
    a, b, ra, rb = family.a, family.b, family.ra, family.rb
    # A port's protocol is looked at apart (`meta l4proto`) where there is more in a rule than it.
    rules = [
        f"{ip} saddr {family.also} drop",
        f"{ip} saddr {a} {ip} daddr {{ {b}, {rb} }} accept",
        "udp dport { 53, 4000-4100 } drop",
        "udp dport != 80 drop",
        "tcp dport 80 accept",
        "tcp flags & (syn | ack) == syn drop",
        "meta l4proto { tcp, udp } th dport 80 accept",
        f"{icmp} type {echo} drop",
        f"{icmp} type {{ echo-request, {echo} }} accept",
        'iifname vmap { "ra" : jump inner, "rb" : continue }',
        f"meta l4proto vmap {{ {l4} : jump inner, udp : goto inner }}",
        "ct state vmap { established : accept, invalid : drop }",
        "ct state untracked drop",
        "ct state new counter",
        "ct direction reply drop",
        "ct direction != reply counter accept",
        "ct status dnat accept",
        f"ct original {ip} saddr {a} accept",
        f"{ip} saddr . udp dport @pairs drop",
        f"{ip} daddr @some drop",
        f'oifname "r*" {ip} saddr != @some accept',
        f"meta l4proto {l4} {ip} {ttl} < 64 drop",
        "meta mark 7 drop",
        "meta mark set 7",
        "meta pkttype multicast drop",
        "fib daddr type local accept",
        "fib daddr type unicast drop",
        "fib saddr type != local accept",
        f"reject with {icmp} type admin-prohibited",
        "reject with icmpx type port-unreachable",
        "meta l4proto tcp reject with tcp reset",
        "meta nfproto ipv6 accept",
    ]
    own = family.nft if random_.random() < 0.4 else "inet"
    if own != "inet":
        rules = [each for each in rules if "icmpx" not in each and "nfproto" not in each]
    if family == SIX:
        types = "mld2-listener-report, ind-neighbor-solicit, packet-too-big, echo-reply"
        rules += ["icmpv6 type nd-neighbor-solicit drop", "ip6 saddr fe80::/10 drop", "ip6 daddr ff02::/16 accept",
                  "ip6 nexthdr tcp drop", "fib daddr type multicast drop", f"icmpv6 type {{ {types} }} accept",
                  "icmpv6 type < nd-router-solicit accept"]  # fmt: skip
    chains = []
    for hook, priority in (("prerouting", -310), ("prerouting", -250), ("prerouting", -95), ("prerouting", -10),
                           ("input", 5), ("forward", -5), ("forward", 10), ("output", 3), ("postrouting", 50),
                           ("postrouting", 105)):  # fmt: skip
        if random_.random() < 0.25:
            able = [each for each in rules if hook not in ("prerouting", "postrouting") or "reject" not in each]
            able = [each for each in able if hook != "output" or not each.startswith("iifname")]
            if hook in ("prerouting", "input"):
                able = [each for each in able if not each.startswith("oifname")]
            body = random_.sample(able, random_.randint(1, 3))
            if plain:
                body.insert(0, "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept")
            policy = random_.choice(("accept",) * 7 + ("drop",))
            chains.append(_base(f"c{len(chains)}", "filter", hook, priority, policy, body))
    chains += _nat_chains(random_, family, own)
    inner = "\n".join(random_.sample([each for each in rules if "inner" not in each and "reject" not in each], 2))
    size = 16 if family.version == 4 else 32
    some = f"{a}, {rb.rpartition('.')[0]}.0/24" if family.version == 4 else f"{a}, fd00:72::/{size}"
    return (
        f"table {own} judge {{\n"
        f"set some {{\ntype ipv{family.version}_addr\nflags interval\nelements = {{ {some} }}\n}}\n"
        f"set pairs {{\ntype ipv{family.version}_addr . inet_service\nelements = {{ {a} . 53, {ra} . 80 }}\n}}\n"
        f"chain inner {{\n{inner}\n}}\n{''.join(chains)}}}\n"
    )


def _base(name: str, kind: str, hook: str, priority: int, policy: str, body: list[str]) -> str:  # noqa: PLR0917
    lines = "\n".join(body)
    return f"chain {name} {{\ntype {kind} hook {hook} priority {priority}; policy {policy};\n{lines}\n}}\n"


def _nat_chains(random_: random.Random, family: Family, own: str) -> list[str]:
    """Chains of translation, sometimes."""
    ip, found = family.nft if own == "inet" else "", []
    to = f"[{family.b}]:8053" if family.version == 6 else f"{family.b}:8053"
    if random_.random() < 0.2:
        rules = (f"dnat {ip} to {family.b}", "udp dport 53 redirect to :8053", f"tcp dport 80 dnat {ip} to {to}",
                 "udp dport 4000 redirect")  # fmt: skip
        hook, priority = random_.choice(("prerouting", "output")), random_.choice((-100, -90, -80))
        found.append(_base("nat0", "nat", hook, priority, "accept", [random_.choice(rules)]))
    if random_.random() < 0.2:
        rules = (f"snat {ip} to {family.rb}", "masquerade", 'oifname "rb" masquerade')
        found.append(_base("nat1", "nat", "postrouting", random_.choice((100, 110)), "accept", [random_.choice(rules)]))
    return found
