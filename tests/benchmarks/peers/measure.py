"""What a recorder is made to do, in its own environment and in a repository of its own.

    python measure.py RESULT prepare
    python measure.py RESULT costs LINES WRITES
    python measure.py RESULT fill COUNT
    python measure.py RESULT read
    python measure.py RESULT kill

What is found goes into the file RESULT as JSON, since standard output is what recorders listen to.
"""

import importlib
import json
import os
import signal
import sys
import time

ARGS = {"lr": 0.1, "batch": 32, "epochs": 10, "optimizer": "adam", "seed": 0}
LINE = "epoch 12: accuracy 0.9876, 1.23 s, and some more to make it a line of the usual length"
recorder = importlib.import_module("recorders." + os.environ["RECORDER"])


def main(result, verb, *numbers):
    do = {"prepare": prepare, "costs": costs, "fill": fill, "read": read, "kill": kill}[verb]
    found = do(result) if verb == "kill" else do(*map(int, numbers))
    keep(result, {**found, "peak": peak()})


def keep(result, found):
    with open(result, "w") as file:
        json.dump(found, file)


def prepare():
    getattr(recorder, "prepare", lambda: None)()
    return {}


def costs(lines, writes):
    """Seconds for each line and each write, within the run and for what is left to its end."""

    def printing(write):
        for _ in range(lines):
            print(LINE)

    def writing(write):
        for number in range(writes):
            write({"loss": 1 / (1 + number)})

    start = time.perf_counter()
    printing(None)
    bare = time.perf_counter() - start
    timed(lambda write: None)  # which also loads what is loaded late
    _, end = timed(lambda write: None)
    line, _ = timed(printing)
    write, write_end = timed(writing)
    return {
        "line": (line - bare) / lines,
        "write": write / writes,
        "write_end": (write_end - end) / writes,
    }


def timed(work):
    """Seconds that this work takes within a run, and those from its end to that of the run."""
    times = []

    def watched(write):
        times.append(time.perf_counter())
        work(write)
        times.append(time.perf_counter())

    recorder.run(ARGS, watched)
    end = time.perf_counter()
    return times[1] - times[0], end - times[1]


def fill(count):
    start = time.perf_counter()
    if hasattr(recorder, "fill"):
        recorder.fill(ARGS, count)
    else:
        for _ in range(count):
            recorder.run(ARGS, lambda write: write({"loss": 0.5}))
    return {"seconds": time.perf_counter() - start}


def read():
    return {"count": recorder.read()}


def kill(result):
    """Print and write words that are nowhere else, in a run that ends well, and in one that SIGKILL ends."""
    words = {key: "word" + os.urandom(8).hex() for key in ("good line", "good write", "line", "write")}
    keep(result, words)

    def good(write):
        print(words["good line"], flush=True)
        write({words["good write"]: 0.5})

    def killed(write):
        print(words["line"], flush=True)
        write({words["write"]: 0.5})
        os.kill(os.getpid(), signal.SIGKILL)

    recorder.run(ARGS, good)
    recorder.run(ARGS, killed)


def peak():
    """The most memory that this process had, in bytes; its own, not its parent's, and so from Linux only."""
    try:
        with open("/proc/self/status") as status:
            return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:
        return None


if __name__ == "__main__":
    main(*sys.argv[1:])
