"""The own prober: ping, traceroute, TCP connects and captures by raw sockets, as a process in a node's network.

It needs no program in the container, and none on this machine but Python. `__main__` and what it imports use the
standard library alone and run by `python -I -S`; `ask` is the other side, which starts it and reads what it says.
"""
