"""What only shows in motion: which file a reader opens first, folders that change. Standard library only."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path

from report import Report
from watch import Watch

from reading.fixtures import POOL
from reading.run import read

__all__ = ["MOTION"]

GOOD = POOL / "folders" / "success"


def check_order(report: Report, command: list[str]) -> str:
    """READ-7: what is opened first, STATUS or another file; seen by what Linux tells of opened files."""
    if not Watch.able:
        return "needs Linux"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "experiments")
        shutil.copytree(GOOD, target / "1")
        with Watch(target / "1", opened=True) as watch:
            read(command, target)
            opened = [event.name for event in watch.events() if event.kind == "opened" and event.name]
        first = opened[0] if opened else "nothing"
        report.check("READ-7", "the order of reading", "STATUS first", f"{first} first", ok=first == "STATUS")
    return ""


def check_changes(report: Report, command: list[str]) -> str:
    """READ-8: experiments are resumed, end and vanish while they are read."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "experiments")
        for number in range(200):
            shutil.copytree(GOOD, target / str(number))
        stop = threading.Event()
        churn = threading.Thread(target=_churn, args=(target, GOOD, stop))
        churn.start()
        try:
            for _ in range(5):
                reading = read(command, target)
                found = reading.experiments
                stays = set() if found is None else {str(number) for number in range(150)} - set(found)
                report.check(
                    "READ-8",
                    "while folders change and vanish",
                    "all that stays",
                    reading.problem or f"without {', '.join(sorted(stays))}",
                    ok=found is not None and not stays,
                )
        finally:
            stop.set()
            churn.join()
    return ""


def _churn(target: Path, source: Path, stop: threading.Event) -> None:
    while not stop.is_set():
        for number in range(150, 200):
            shutil.rmtree(target / str(number), ignore_errors=True)
            for file in ("metadata.json", "STATUS"):
                new = target / str(number - 150) / ".new"
                new.write_bytes((source / file).read_bytes())
                os.replace(new, new.parent / file)
        for number in range(150, 200):
            shutil.copytree(source, target / str(number), dirs_exist_ok=True)


MOTION = {
    "in motion: the order of reading, READ-7": check_order,
    "in motion: changes, READ-8": check_changes,
}
