"""Running a reader. Standard library only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Reading", "read"]

SECONDS = 30  # in which a reading has to be there


class Reading(NamedTuple):
    """What a reader said of a directory.

    Attributes:
        experiments: by id, or None where there is no reading.
        problem: why there is none.
        memory: the peak of its memory in bytes; 0 where the system does not say.
    """

    experiments: dict[str, dict[str, Any]] | None
    problem: str
    memory: int


def read(command: list[str], directory: Path, zone: str = "UTC") -> Reading:
    """Run the reader on a directory. Legacy times are in its local time, which `zone` sets."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env={**os.environ, "TZ": zone},
            start_new_session=True,
        )
        alarm = threading.Timer(SECONDS, _kill, [process])
        alarm.start()
        memory = _wait(process)
        timed_out = not alarm.is_alive()
        alarm.cancel()
        out.seek(0)
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()[-300:]
        if timed_out:
            return Reading(None, f"no end after {SECONDS} seconds", memory)
        if process.returncode:
            return Reading(None, f"exit code {process.returncode}: {said}", memory)
        try:
            found = json.loads(out.read().decode())["experiments"]
            return Reading({name: dict(value) for name, value in found.items()}, "", memory)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return Reading(None, f"not the JSON that README.md asks for: {error!r}; {said}", memory)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _wait(process: subprocess.Popen[bytes]) -> int:
    if not hasattr(os, "wait4"):
        process.wait()
        return 0
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
