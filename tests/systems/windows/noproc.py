"""An artefact of Wine, undone: it resolves /proc as a path of Unix; Windows has none."""

import builtins
import os

_open, _exists = builtins.open, os.path.exists


def open(file, *arguments, **options):
    """Open a file, but for those in /proc."""
    if isinstance(file, str) and file.startswith("/proc/"):
        raise FileNotFoundError(2, "no such file", file)
    return _open(file, *arguments, **options)


builtins.open = open
os.path.exists = lambda path: not (isinstance(path, str) and path.startswith("/proc/")) and _exists(path)
