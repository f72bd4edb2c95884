"""`routetui lab`: labs listed, shown, brought up, used and taken down from the command line."""
