"""meticulous-record for spec/kit/recorder.py: `record.py SCENARIO`, in the kit's repository."""

import json
import os
import select
import signal
import sys

import meticulous._format
from meticulous import Experiment, MeticulousError


class Thing:
    """A value that JSON does not have."""


def value(said):
    """What a scenario means: `{"$number": "NaN"}` is a number, `{"$object": "a"}` something odd."""
    if isinstance(said, dict):
        if set(said) == {"$number"}:
            return float(said["$number"])
        if set(said) == {"$object"}:
            return Thing()
        return {key: value(item) for key, item in said.items()}
    return [value(item) for item in said] if isinstance(said, list) else said


def handled(*_):
    """Write past `sys.stdout`, which the program may be writing to when the signal comes."""
    os.write(1, b"handled\n")


def do(experiment, step):
    """Do one step of a scenario."""
    what = step["do"]
    if what == "print":
        print(step["text"], end="", file=getattr(sys, step["to"]), flush=True)
    elif what == "write":
        stream = getattr(sys, step["to"]).buffer
        stream.write(bytes.fromhex(step["hex"]))
        stream.flush()
    elif what == "wait":
        print("ready", flush=True)
        while not select.select([sys.stdin], [], [], 0.1)[0]:
            pass  # Python calls handlers in between only
        sys.stdin.readline()
    elif what == "summary":
        experiment.summary(value(step["values"]))
    elif what == "handle":
        signal.signal(getattr(signal, step["signal"]), handled)
    elif what == "fork":
        if os.fork() == 0:
            sys.exit(0)
        os.wait()
    elif what == "file":
        try:
            with experiment.open(step["name"], "w") as file:
                file.write("the program's\n")
        except MeticulousError:
            pass
    elif what == "exit":
        sys.exit(step["code"])
    elif what == "raise":
        raise ValueError(step["text"])


with open(sys.argv[1], encoding="utf-8") as file:
    scenario = json.load(file)
for name in scenario["handlers"]:
    signal.signal(getattr(signal, name), handled)
if "heartbeat-seconds" in scenario:  # the recorder has no option for what only a test would set
    meticulous._format.HEARTBEAT_SECONDS = scenario["heartbeat-seconds"]
experiment = Experiment(
    value(scenario["args"]),
    value(scenario["defaults"]),
    experiments_directory=scenario["experiments-directory"],
    experiment_id=scenario["id"],
    description=scenario["description"],
    resume=scenario["resume"] and scenario["id"] is None,  # by its id, an experiment is resumed anyway
    allow_dirty=scenario["allow-dirty"],
)
for step in scenario["steps"]:
    do(experiment, step)
