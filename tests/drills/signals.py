"""Signals at every point of a program's life: it ends as it would have without us, and STATUS tells how.

    uv run tests/drills/signals.py            # all
    uv run tests/drills/signals.py SIGTERM    # those with this in their name

Each case runs twice, recorded and bare (with a class in the recorder's place that does nothing). Prints how
they end. What is not as it should be ends it with an AssertionError.
"""

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from starts import make_repository, problems

SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")

# Where it comes. HIT sends it; what comes after it is reached by programs that go on.
MOMENTS = {
    "in the start": "experiment = Experiment({}); print('started')",
    "while it runs": "experiment = Experiment({}); HIT; print('went on')",
    "inside with": "with Experiment({}) as experiment:\n    HIT\n    print('went on')",
    "in a call of a thread": """
experiment = Experiment({})
thread = threading.Thread(target=lambda: HIT)
thread.start()
thread.join()
print('went on')""",
    "while the main thread waits": """
experiment = Experiment({})
thread = threading.Timer(0.05, lambda: (HIT, go.set()))
go = threading.Event()
thread.start()
go.wait()
print('went on')""",
    "in a function at exit": "experiment = Experiment({}); atexit.register(lambda: HIT)",
    "after its end": "experiment = Experiment({}); experiment.finish(); HIT; print('went on')",
}
CHAIN = "found = signal.getsignal(NUMBER); handle(lambda *a: callable(found) and found(*a))"
HANDLERS = {
    "none of the program's own": ("", ""),
    "one from before that goes on": ("handle(lambda *_: print('handled'))", ""),
    "one from before that exits": ("handle(lambda *_: sys.exit(7))", ""),
    "one from after that goes on": ("", "handle(lambda *_: print('handled'))"),
    "one from after that exits": ("", "handle(lambda *_: sys.exit(7))"),
    "one from after that calls what it found": ("", CHAIN),
    "ignored (nohup)": ("handle(signal.SIG_IGN)", ""),
}
HEAD = """
import atexit, os, signal, sys, threading
from meticulous import Experiment
NUMBER = signal.NAME
def handle(handler): signal.signal(NUMBER, handler)
"""
# In the place of the recorder: the same names, and nothing happens, but for the signal of a start.
BARE = """
import os
class Experiment:
    def __init__(self, args):
        if "SIGNAL_IN_START" in os.environ:
            os.kill(os.getpid(), int(os.environ["SIGNAL_IN_START"]))
    def __enter__(self): return self
    def __exit__(self, *error): pass
    def finish(self): pass
"""
# git, which a start asks first. By then the recorder is in the middle of it.
GIT = """#!/bin/sh
[ "$1" != log ] || kill -$SIGNAL_IN_START $PPID
exec git "$@"
"""


def main(only: str = "") -> None:
    """Run every case that has `only` in its name."""
    cases = [case for case in itertools.product(SIGNALS, MOMENTS, HANDLERS) if only in " ".join(case)]
    # Before the start there is no "after".
    cases = [case for case in cases if not (case[1] == "in the start" and "from after" in case[2])]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda case: play(Path(folder), *case), cases))
    seconds = time.perf_counter() - began
    for name in sorted(set(ends)):
        print(f"{ends.count(name):4} end with {name}")
    print(f"{len(cases)} cases in {seconds:.0f} s: each ends as it does bare, and STATUS says so")


def play(folder: Path, name: str, moment: str, handler: str) -> str:
    """Play a case both ways; return how it ended."""
    before, after = HANDLERS[handler]
    body = MOMENTS[moment].replace("HIT", "os.kill(os.getpid(), NUMBER)")
    body = body.replace("experiment = Experiment({})", f"experiment = Experiment({{}}); {after or 'pass'}")
    body = body.replace("as experiment:\n", f"as experiment:\n    {after or 'pass'}\n")
    script = HEAD.replace("NAME", name) + f"{before or 'pass'}\n{body}\n"
    where = folder / f"{name} {moment} {handler}".replace(" ", "-")
    make_repository(where, script)
    number = str(int(getattr(signal, name)))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    if moment == "in the start":
        environment["SIGNAL_IN_START"] = number
        git = folder / f"{where.name}-git"
        git.write_text(GIT)
        git.chmod(0o755)
        environment["GIT_PYTHON_GIT_EXECUTABLE"] = str(git)
    stub = folder / f"{where.name}-bare" / "meticulous"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text(BARE)
    recorded = run(where, environment)
    bare = run(where, {**environment, "PYTHONPATH": str(stub.parent)})
    assert recorded == bare, f"{where.name}: {recorded} where without us it is {bare}"
    code = recorded[0]
    check(where / "experiments" / "1", moment, code)
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def run(repository: Path, environment: dict[str, str]) -> tuple[int, bytes, bytes]:
    """The exit code, what was printed, and of an error the last line, as tracebacks may show our frames."""
    done = subprocess.run(
        [sys.executable, "train.py"],
        cwd=repository,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
        preexec_fn=as_from_a_terminal,
    )
    return done.returncode, done.stdout, b"".join(done.stderr.splitlines()[-1:])


def as_from_a_terminal() -> None:
    """Whoever runs the drill under nohup or in the background would have it ignored."""
    for name in SIGNALS:
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def check(experiment: Path, moment: str, code: int) -> None:
    """Hold STATUS against the end that the parent process saw."""
    if moment == "in the start" and code != 0:
        assert not (experiment / "STATUS").exists()
        return
    assert problems(experiment) == [], problems(experiment)
    status = (experiment / "STATUS").read_text()
    if code == 0 or moment == "after its end":
        assert status == "SUCCESS\n", f"{experiment}: {status}"
    elif code < 0:
        name = signal.Signals(-code).name
        assert status.startswith(f"ERROR\nsignal {name}\n"), f"{experiment}: {status}"
    else:
        assert status == f"ERROR\nexit code {code}\n", f"{experiment}: {status}"


if __name__ == "__main__":
    main(*sys.argv[1:])
