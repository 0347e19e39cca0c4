#!/usr/bin/env python3
"""The program of a scenario, for adapters of recorders that wrap a command.

It does the steps of the scenario that the environment variable `KIT_SCENARIO` names, but for those that need
a library: it prints, waits, ends, handles signals. For a summary it runs the shell command in `KIT_SUMMARY`,
with the JSON on its standard input.
"""

import json
import os
import select
import signal
import subprocess
import sys
from typing import Any


def said(value: Any) -> Any:
    """A value as the format writes it: `{"$number": "NaN"}` is "NaN"."""
    if isinstance(value, dict):
        if set(value) in ({"$number"}, {"$object"}):
            return next(iter(value.values()))
        return {key: said(item) for key, item in value.items()}
    return [said(item) for item in value] if isinstance(value, list) else value


def handled(*_: Any) -> None:
    """Go on. `print` would fail where the signal comes while the program itself prints."""
    os.write(1, b"handled\n")


with open(os.environ["KIT_SCENARIO"], encoding="utf-8") as file:
    scenario = json.load(file)

for name in scenario["handlers"]:
    signal.signal(getattr(signal, name), handled)
for step in scenario["steps"]:
    what = step["do"]
    if what == "print":
        stream = sys.stdout.buffer if step["to"] == "stdout" else sys.stderr.buffer
        stream.write(step["text"].encode())
        stream.flush()
    elif what == "write":
        os.write(1 if step["to"] == "stdout" else 2, bytes.fromhex(step["hex"]))
    elif what == "wait":
        print("ready", flush=True)
        while not select.select([sys.stdin], [], [], 0.1)[0]:
            pass  # Python calls handlers in between only
        sys.stdin.readline()
    elif what == "summary":
        values = json.dumps(said(step["values"]), indent=4, ensure_ascii=False)
        subprocess.run(
            os.environ["KIT_SUMMARY"], shell=True, input=values.encode(), check=True, restore_signals=False
        )
    elif what == "handle":
        signal.signal(getattr(signal, step["signal"]), handled)
    elif what == "fork":
        if os.fork() == 0:
            sys.exit(0)
        os.wait()
    elif what == "exit":
        sys.exit(step["code"])
    elif what == "raise":
        raise ValueError(step["text"])
