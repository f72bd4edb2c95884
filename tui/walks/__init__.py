"""What the app does, one walk a file: each is a part of the App class that reads the engine or changes it.

Every walk adds its handlers to State, which holds the world and the selection; `tui.app` puts them together.
"""
