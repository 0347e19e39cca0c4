"""An artefact of Wine, undone: it resolves /proc and /dev as paths of Unix; Windows has none."""

import builtins
import os

_open, _exists, _isdir = builtins.open, os.path.exists, os.path.isdir


def _is_of_unix(path):
    return isinstance(path, str) and path.startswith(("/proc/", "/dev/"))


def open(file, *arguments, **options):
    """Open a file, but for those."""
    if _is_of_unix(file):
        raise FileNotFoundError(2, "no such file", file)
    return _open(file, *arguments, **options)


builtins.open = open
os.path.exists = lambda path: not _is_of_unix(path) and _exists(path)
os.path.isdir = lambda path: not _is_of_unix(path) and _isdir(path)
