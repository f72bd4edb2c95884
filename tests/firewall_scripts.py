"""What runs in the judge's namespaces: one program that answers, one that asks. The argument is the family, 4 or 6."""

ANSWER = """
import select, socket, struct, sys
six = sys.argv[1] == "6"
family = socket.AF_INET6 if six else socket.AF_INET
level, receive, info = (socket.IPPROTO_IPV6, 49, 50) if six else (socket.IPPROTO_IP, 8, 8)  # IPV6_, IP_PKTINFO
links, doors, guests = [], [], []
for port in (53, 80, 4000, 8053):
    link = socket.socket(family, socket.SOCK_DGRAM)
    link.setsockopt(level, receive, 1)
    link.bind(("", port))
    links.append(link)
    door = socket.socket(family, socket.SOCK_STREAM)
    door.bind(("", port))
    door.listen(50)
    doors.append(door)
print("ready", flush=True)
while True:
    ready = select.select([sys.stdin, *links, *doors, *guests], [], [])[0]
    if sys.stdin in ready:
        break
    for door in doors:
        if door in ready:
            guest, _ = door.accept()
            guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            guests.append(guest)
    for guest in [each for each in guests if each in ready]:
        guests.remove(guest)
        guest.close()
    for link in links:
        if link not in ready:
            continue
        # The answer comes from the address that was asked: struct in_pktinfo has it last, and sends from its second.
        data, control, _, sender = link.recvmsg(100, 100)
        asked = control[0][2]
        own = asked[:16] + bytes(4) if six else bytes(4) + asked[8:12] + bytes(4)
        try:
            link.sendmsg([data], [(level, info, own)], 0, sender)
        except OSError:
            pass
"""
"""Answers datagrams and connections until its input ends."""

ASK = """
import errno, json, select, socket, struct, sys, time
six = sys.argv[1] == "6"
family = socket.AF_INET6 if six else socket.AF_INET
request, reply, header = (128, 129, 0) if six else (8, 0, 20)

def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF

def echo(dst, source, ident):
    link = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
    head = struct.pack("!BBHHH", request, 0, 0, ident, 1)
    head = struct.pack("!BBHHH", request, 0, checksum(head + b"routetui"), ident, 1)
    link.bind((source, 0))
    link.sendto(head + b"routetui", (dst, 0))
    return link

def knock(dst, source, port, own, stream):
    link = socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    link.setblocking(not stream)
    link.bind((source, own))
    if stream:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            link.connect((dst, port))
        except BlockingIOError:
            pass
    else:
        link.connect((dst, port))
        link.send(b"routetui")
    return link

def answered(link, port, proto, ident):
    # True or False: the answer is there, or will not come; None: this was something else.
    if port is not None and proto == 6:
        # It was answered also where its third packet was not welcome: established then, or reset from that; what is
        # refused at once is closed.
        error = link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        state = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        return state == 1 or error == errno.ECONNRESET
    try:
        data = link.recv(200)
    except OSError:
        return False
    if port is not None:
        return True
    return True if data[header] == reply and struct.unpack_from("!H", data, header + 4)[0] == ident else None

def run(asked):
    found, links = {}, {}
    for number, (dst, source, port, proto, own, hoped) in enumerate(asked):
        found[number] = False
        try:
            link = echo(dst, source, own) if port is None else knock(dst, source, port, own, proto == 6)
        except OSError:
            continue
        links[link] = (number, hoped, port, proto, own)
    start = time.monotonic()
    while links:
        patience = 2 if any(hoped for _, hoped, *_ in links.values()) else 0.15
        left = start + patience - time.monotonic()
        if left <= 0:
            break
        streams = [link for link, (*_, port, proto, _) in links.items() if port is not None and proto == 6]
        others = [link for link in links if link not in streams]
        for link in {*sum(select.select(others, streams, [], min(left, 0.05))[:2], [])}:
            number, _, *about = links[link]
            said = answered(link, *about)
            if said is not None:
                found[number] = said
                del links[link]
                link.close()
    for link in links:
        link.close()
    return list(found.values())

print("ready", flush=True)
for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
"""
"""Reads [[address, own address or empty, port, protocol, own id or port, whether an answer is expected], ...] by line:
sends all at once, and says which got an answer, those that are expected being waited for longer.
"""
