"""The packet filters of a node: read from what iptables and nft print, and followed to the rule that decides.

Names are imported from the modules here: every World needs `values`, and nothing that only looks at one the rest.
"""
