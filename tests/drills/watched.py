"""This process, watched for what whoever only reads has no use for, and without root's privileges."""

import ctypes
import os
import re
import sys

# What Python tells an audit hook of that reading has no use for.
EVENTS = re.compile(
    r"os\.(system|exec|posix_spawn|kill|link|remove|rename|rmdir|mkdir|symlink|chmod|truncate|utime)"
    r"|socket\.connect|pickle\.find_class"
)
PR_CAPBSET_READ, PR_CAPBSET_DROP = 23, 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2

seen: list[object] = []  # what was done of that


def watch() -> None:
    """Begin to take down in `seen` what reading must not do: change files, start programs, use a network."""
    sys.dont_write_bytecode = True  # imports write files, too
    sys.addaudithook(_hook)


def _hook(event: str, arguments: tuple) -> None:
    if event == "subprocess.Popen":
        harmless = arguments[1][0] == "git"
    elif event == "open":
        path, _, flags = arguments
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        is_new = writes and flags & os.O_EXCL  # an export
        harmless = not writes or is_new or isinstance(path, int) or path == os.devnull
    elif event == "os.kill":
        harmless = arguments[1] == 0  # asks whether a process is there
    else:
        harmless = not EVENTS.fullmatch(event)
    if not harmless:
        seen.append((event, arguments[:2]))


def without_privileges() -> None:
    """Start anew where this runs as root, for whom nothing is unreadable, without that privilege."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if os.geteuid() == 0 and libc.prctl(PR_CAPBSET_READ, CAP_DAC_OVERRIDE) == 1:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            if libc.prctl(PR_CAPBSET_DROP, capability) != 0:
                return
        os.execv(sys.executable, [sys.executable, *sys.argv])
