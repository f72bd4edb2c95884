"""The pure heart: values and functions over them; no clock, files, threads, sockets, textual or docker."""
