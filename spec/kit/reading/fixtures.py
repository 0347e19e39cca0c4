"""The fixtures: directories of experiments as data, and how each is to be read. Standard library only."""

from __future__ import annotations

import base64
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

__all__ = ["POOL", "Fixture", "fixtures"]

SPEC = Path(__file__).resolve().parents[2]
POOL = SPEC / "fixtures"


class Fixture:
    """A directory of experiments as data, and how it is to be read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.case: dict[str, Any] = json.loads((POOL / f"{name}.json").read_text("utf-8"))
        self.part = "legacy" if name.startswith("legacy/") else None

    def lay_out(self, target: Path) -> None:
        """Make it as a folder that is not there yet; OSError where this system can't have it."""
        target.mkdir()
        for step in self.case["make"]:
            make(target, step)


def fixtures(version: str = "1.0") -> list[Fixture]:
    """Return all fixtures of a version, by name."""
    names = json.loads((SPEC / version / "fixtures.json").read_text("utf-8"))
    return [Fixture(name) for name in names]


def make(target: Path, step: dict[str, Any]) -> None:
    """Do one step of a fixture's `make`."""
    path = target / step["path"]
    match step["do"]:
        case "copy":
            shutil.copytree(POOL / "folders" / step["from"], path, dirs_exist_ok=True)
        case "folder":
            path.mkdir(parents=True, exist_ok=True)
        case "remove":
            path.unlink()
        case "rename":
            path.rename(target / step["to"])
        case "link":
            path.symlink_to(step["to"])
        case "pipe":
            os.mkfifo(path)
        case "socket":
            _socket(path)
        case "write":
            path.write_bytes(_content(step))
        case "extend":
            os.truncate(path, step["bytes"])
        case "age":
            then = time.time() - step["seconds"]
            os.utime(path, (then, then))
        case "set":
            _change(path, step["keys"], [])
        case "unset":
            _change(path, {}, step["keys"])
        case unknown:
            raise ValueError(f"no such step: {unknown}")


def _content(step: dict[str, Any]) -> bytes:
    if "base64" in step:
        return base64.b64decode(step["base64"])
    if "text" in step:
        return str(step["text"]).encode()
    return b"".join(text.encode() * times for text, times in step["parts"])


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the whole path may be too long for a socket's name
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _change(path: Path, keys: dict[str, Any], without: list[str]) -> None:
    """Change keys of a JSON file; `$NAMES` in texts stand for facts of this machine."""
    value = json.loads(path.read_text("utf-8"))
    for key in without:
        del value[key]
    facts = this_machine() if "$" in json.dumps(keys) else {}
    for key, text in keys.items():
        filled = string.Template(text).safe_substitute(facts) if isinstance(text, str) else text
        value[key] = int(filled) if key == "pid" and isinstance(filled, str) else filled
    path.write_bytes((json.dumps(value, indent=4, ensure_ascii=False) + "\n").encode())


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
