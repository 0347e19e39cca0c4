"""A Linux Python that lacks what macOS lacks: no /proc, 256 descriptors, short atomic writes to pipes.

Its C library tells of processes what macOS' does.
"""

import builtins
import ctypes
import ctypes.util
import errno
import fcntl
import os
import platform  # this and the next two ask what the system is when they are imported: before it changes
import resource
import select
import sys
import sysconfig

_ = (ctypes.util, platform, sysconfig.get_config_vars())
sys.platform = "darwin"
platform.mac_ver = lambda: ("10.8", ("", "", ""), "")  # older than what Jupyter asks Cocoa on
PIPE_BUF, DESCRIPTORS = 512, 256
fcntl.F_FULLFSYNC = 51  # which Linux refuses, as file systems without it do there


def _is_in_proc(path):
    try:
        path = os.fsdecode(path)
    except TypeError:  # a descriptor
        return False
    return path == "/proc" or path.startswith("/proc/")


def _without_proc(function):
    def call(path=".", *arguments, **options):
        if _is_in_proc(path):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return function(path, *arguments, **options)

    call.__name__ = function.__name__
    return call


_open = builtins.open


class _Library(ctypes.CDLL):
    """With the two functions that Linux has not: <sys/sysctl.h> and <libproc.h>."""

    def sysctlbyname(self, name, value, size, new, length):
        value.value = b"2A55E0B5-5B0A-4B54-9E0C-9F0B3B1E7C11"  # of one boot
        return 0

    def proc_pidinfo(self, pid, flavor, argument, found, length):
        try:
            with _open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            return 0
        if fields[0] in (b"Z", b"X"):
            return 0
        found[120:128] = int(fields[19]).to_bytes(8, "little")
        return length


ctypes.CDLL = _Library
for _name in ("open", "stat", "lstat", "readlink", "listdir", "scandir"):
    _old, _new = getattr(os, _name), _without_proc(getattr(os, _name))
    setattr(os, _name, _new)
    for _set in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
        if _old in _set:
            _set.add(_new)
builtins.open = _without_proc(builtins.open)
resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
select.PIPE_BUF = PIPE_BUF
