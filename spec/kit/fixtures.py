"""The fixtures: directories of experiments as data, and how each is to be read. Standard library only."""

from __future__ import annotations

import json
import os
import shutil
import socket
import string
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["Fixture", "fixtures"]

SPEC = Path(__file__).resolve().parent.parent


class Fixture:
    """A directory of experiments as data, and how it is to be read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.relative_to(SPEC).as_posix().replace("fixtures/", "")
        self.case = json.loads((folder / "case.json").read_text("utf-8"))
        self.part = "legacy" if self.name.startswith("0/") else self.case.get("part")

    def lay_out(self, target: Path) -> None:
        """Copy it, and make what can't lie in git; OSError where this system can't have that."""
        source = self.folder / "experiments"
        shutil.copytree(source, target) if source.exists() else target.mkdir()
        for step in self.case.get("make", []):
            make(target, step)


def fixtures() -> list[Fixture]:
    """All fixtures, by name."""
    return [Fixture(path.parent) for path in sorted(SPEC.glob("*/fixtures/**/case.json"))]


def make(target: Path, step: dict[str, Any]) -> None:
    """Do one step of a fixture's `make`."""
    path = target / step["path"]
    match step["do"]:
        case "folder":
            path.mkdir(parents=True)
        case "rename":
            path.rename(target / step["to"])
        case "link":
            path.symlink_to(step["to"])
        case "pipe":
            os.mkfifo(path)
        case "socket":
            _socket(path)
        case "write":
            path.write_bytes(b"".join(text.encode() * times for text, times in step["parts"]))
        case "extend":
            os.truncate(path, step["bytes"])
        case "age":
            then = time.time() - step["seconds"]
            os.utime(path, (then, then))
        case "set":
            _set(path, step["keys"])


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the whole path may be too long for a socket's name
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _set(path: Path, keys: dict[str, Any]) -> None:
    """Set keys of a JSON file; `$NAMES` in texts stand for facts of this machine."""
    facts = this_machine()
    value = json.loads(path.read_text("utf-8"))
    for key, text in keys.items():
        filled = string.Template(text).substitute(facts) if isinstance(text, str) else text
        value[key] = int(filled) if key == "pid" else filled
    path.write_text(json.dumps(value, indent=4, ensure_ascii=False) + "\n", "utf-8")


def this_machine() -> dict[str, str]:
    """What tells of this process in metadata.json, and the pid of one that is gone."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    facts = {"HOSTNAME": socket.gethostname(), "PID": str(os.getpid()), "PID_GONE": str(gone.pid)}
    if hasattr(os, "uname"):
        facts["HOSTNAME"] = os.uname().nodename
    facts["HOSTNAME_UPPER"] = facts["HOSTNAME"].upper()
    if sys.platform == "linux":
        facts["BOOT"] = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        facts["NAMESPACE"] = os.readlink("/proc/self/ns/pid").strip("pid:[]")
        facts["START"] = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()[19].decode()
    return facts
