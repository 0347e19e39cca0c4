"""Commands → text that a shell takes as they are: what somebody pastes."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Sequence

_LONGEST = 2**15  # what shells and terminals take at once
_PLAIN_ON_WINDOWS = re.compile(r"(?!-[^-]*[.:])[A-Za-z0-9_/\\:=+.-]+")
# What cmd and PowerShell expand between quotes, each something else.
_EXPANDED_ON_WINDOWS = re.compile(r'["%$`]')


def command(words: Iterable[str]) -> str:
    """Return a command of this program, to be pasted; "" where no shell takes it as it is."""
    return pasted([["meticulous", *words]])


def pasted(steps: Sequence[Sequence[str]]) -> str:
    """Return commands that run one after another; "" where no shell can be given an argument as it is.

    On Windows they are lines that cmd and PowerShell read alike: `cd` of cmd does not change the drive, and
    Windows PowerShell has no `&&`.
    """
    try:
        if os.name != "nt":
            text = " && ".join(" ".join(map(_posix, step)) for step in steps)
        else:
            lines = [["pushd", *step[1:]] if step[0] == "cd" else step for step in steps]
            text = "\n".join(" ".join(map(_windows, line)) for line in lines)
    except ValueError:
        return ""
    return text if len(text) <= _LONGEST else ""


def _posix(word: str) -> str:
    if not word.isprintable():
        # What a terminal would obey, or not show, as bash, zsh and POSIX 2024 have it.
        return f"$'{''.join(map(_posix_char, word))}'"
    quoted = shlex.quote(word)
    # In double quotes if in any: texts of filters have others inside.
    return quoted if quoted == word or not word or re.search(r'["$`\\!]', word) else f'"{word}"'


def _posix_char(char: str) -> str:
    if char.isprintable() and char not in "'\\":
        return char
    # Python carries bytes that are not UTF-8 in surrogates; others no command line ever had.
    return "".join(f"\\{byte:03o}" for byte in char.encode(errors="surrogateescape"))


def _windows(word: str) -> str:
    if not word.isprintable() or _EXPANDED_ON_WINDOWS.search(word):
        raise ValueError
    return word if _PLAIN_ON_WINDOWS.fullmatch(word) else f'"{word}"'
