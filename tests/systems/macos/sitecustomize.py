"""A Linux Python that lacks what macOS lacks: no /proc, 256 descriptors, short atomic writes to pipes."""

import builtins
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


for _name in ("open", "stat", "lstat", "readlink", "listdir", "scandir"):
    _old, _new = getattr(os, _name), _without_proc(getattr(os, _name))
    setattr(os, _name, _new)
    for _set in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
        if _old in _set:
            _set.add(_new)
builtins.open = _without_proc(builtins.open)
resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
select.PIPE_BUF = PIPE_BUF
