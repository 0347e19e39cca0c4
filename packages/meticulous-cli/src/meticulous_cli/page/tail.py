"""The last lines of what a program printed, as a terminal would show them in the end."""

from __future__ import annotations

import os
import re

from meticulous_read import ExperimentReader

from meticulous_cli.show.text import plain

# Of output that may be large, only so much of its end is read: some hundred lines.
_END = 64 * 2**10
# Colours, movements and titles: what a terminal obeys and does not show.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")


def last_lines(reader: ExperimentReader, name: str, most: int) -> tuple[list[str], bool]:
    """Return the last lines of stdout or stderr, safe to print, and whether there are more before them.

    Of a progress bar, which goes back to the line's start again and again, the last state counts.

    Raises:
        OSError: it cannot be read; FileNotFoundError if it is not there.
    """
    try:
        with reader.open(name, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size > _END:
                file.seek(size - _END)
            data = file.read(_END) if size else b""
    except ValueError:  # a link, which the reader does not follow for us
        raise OSError("leads out of the experiment's folder") from None
    text = _ESCAPES.sub("", data.decode(errors="replace")).rstrip()
    lines = text.split("\n") if text else []
    if size > _END and len(lines) > 1:
        lines = lines[1:]  # the first is the rest of a line; a long progress bar is one line
    more = size > _END or len(lines) > most
    return [plain(_at_last(line).expandtabs(8)) for line in lines[-most:]], more


def _at_last(line: str) -> str:
    return next((part for part in reversed(line.split("\r")) if part.strip()), "")
