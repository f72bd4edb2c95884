"""routetui: see, predict and change how containers route, with the Linux kernel as judge."""

__version__ = "0.1.0"
