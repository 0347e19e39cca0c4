"""Descriptors 1 and 2 pointed at the files themselves: what C libraries and child processes print, too.

The opposite way round from a pipe: the file comes first, and a thread shows the terminal what the file
gains. So nothing waits for a reader when a child outlives the program, and the last words before a kill
are in the file.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from ._write import write_all

__all__ = ["Redirection"]

_PAUSE_SECONDS = 0.02
_CHUNK = 1 << 16


class Redirection:
    """One descriptor of the process, pointed at a file that a thread echoes to where it led before.

    Redirections of the same descriptor nest, and end in any order.

    Raises:
        OSError: the file cannot be opened, or the process has no such descriptor.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._descriptor = descriptor
        self._process = os.getpid()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        file = os.open(path, flags, 0o666)
        try:
            self._reader = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            os.lseek(self._reader, 0, os.SEEK_END)
            self._flush()
            self._terminal = os.dup(descriptor)
            os.dup2(file, descriptor)
        finally:
            os.close(file)
        _stack.append(self)
        self._reading = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._start_thread()

    def end(self) -> None:
        """Point the descriptor back, after all that the file has gained is shown."""
        if os.getpid() != self._process:
            return  # a forked child prints on into the file; its parent echoes and ends
        self._flush()
        above = [other for other in _stack[_stack.index(self) + 1 :] if other._descriptor == self._descriptor]
        if above:
            # The one above leads into our file: let it show what it has, then lead where we led.
            above[0]._echo()
            os.dup2(self._terminal, above[0]._terminal)
        else:
            os.dup2(self._terminal, self._descriptor)
        _stack.remove(self)
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._echo()
        os.close(self._reader)
        os.close(self._terminal)

    def _flush(self) -> None:
        """Let what Python holds back go where it was printed to."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):
                pass

    def _start_thread(self) -> None:
        self._thread = threading.Thread(target=self._run, name="meticulous-echo", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(_PAUSE_SECONDS):
            self._echo()

    def _echo(self) -> None:
        with self._reading:
            try:
                while True:
                    data = os.read(self._reader, _CHUNK)
                    if not data:
                        return
                    write_all(self._terminal, data)
            except OSError:
                pass  # the terminal is gone; the file goes on


_stack: list[Redirection] = []
