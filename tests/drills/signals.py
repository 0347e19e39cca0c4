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

from repository import BARE, make_repository, problems

SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")

# Where it comes. HIT sends it; what comes after it is reached by programs that go on.
MOMENTS = {
    "when the start asks git": "experiment = Experiment({}); print('started')",
    "when the start writes its second file": "experiment = Experiment({}); print('started')",
    "when the start writes its last file": "experiment = Experiment({}); print('started')",
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
    "when the end writes its first file": "experiment = Experiment({}); experiment.finish(); print('on')",
    "when the end writes its last file": "experiment = Experiment({}); experiment.finish(); print('on')",
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
written = 0
def replace(*paths, original=os.replace):
    global written
    written += 1
    if str(written) == os.environ.get("SIGNAL_AT_FILE"): os.kill(os.getpid(), NUMBER)
    original(*paths)
os.replace = replace
"""
COUNT = "experiment = Experiment({}); print(written); experiment.finish(); print(written)"
# In the place of the recorder: nothing happens, but for the signal in the midst of it.
NOTHING = """
import os
def hit_in(what):
    if os.environ.get("SIGNAL_IN") == what: os.kill(os.getpid(), int(os.environ["SIGNAL"]))
class Experiment(Experiment):
    def __init__(self, args): hit_in("start")
    def finish(self): hit_in("end")
"""
# git, which a start asks first. By then the recorder is in the middle of it.
GIT = """#!/bin/sh
[ "$1" != status ] || kill -$SIGNAL $PPID
exec git "$@"
"""


def main(only: str = "") -> None:
    """Run every case that has `only` in its name."""
    cases = [case for case in itertools.product(SIGNALS, MOMENTS, HANDLERS) if only in " ".join(case)]
    # Before the start there is no "after".
    cases = [case for case in cases if not ("the start" in case[1] and "from after" in case[2])]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        files = numbers_of_files(Path(folder))
        ends = list(pool.map(lambda case: play(Path(folder), files, *case), cases))
    seconds = time.perf_counter() - began
    for name in sorted(set(ends)):
        print(f"{ends.count(name):4} end with {name}")
    print(f"{len(cases)} cases in {seconds:.0f} s: each ends as it does bare, and STATUS says so")


def numbers_of_files(folder: Path) -> dict[str, str]:
    """Return the numbers of the files at which the signal is to come, by the words for them."""
    make_repository(folder / "count", HEAD.replace("NAME", "SIGTERM") + COUNT)
    started, ended = run(folder / "count", dict(os.environ))[1].split()
    first = int(started) + 1
    return {
        "start writes its second": "2",
        "start writes its last": started.decode(),
        "end writes its first": str(first),
        "end writes its last": ended.decode(),
    }


def play(folder: Path, files: dict[str, str], name: str, moment: str, handler: str) -> str:
    """Play a case both ways; return how it ended."""
    before, after = HANDLERS[handler]
    body = MOMENTS[moment].replace("HIT", "os.kill(os.getpid(), NUMBER)")
    body = body.replace("experiment = Experiment({})", f"experiment = Experiment({{}}); {after or 'pass'}")
    body = body.replace("as experiment:\n", f"as experiment:\n    {after or 'pass'}\n")
    script = HEAD.replace("NAME", name) + f"{before or 'pass'}\n{body}\n"
    where = folder / f"{name} {moment} {handler}".replace(" ", "-")
    make_repository(where, script)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment["SIGNAL"] = str(int(getattr(signal, name)))
    environment["SIGNAL_IN"] = moment.removeprefix("when the ").split()[0] if "when the " in moment else ""
    environment["SIGNAL_AT_FILE"] = next((files[words] for words in files if words in moment), "")
    if moment == "when the start asks git":
        git = folder / f"{where.name}-git"
        git.write_text(GIT)
        git.chmod(0o755)
        environment["GIT_PYTHON_GIT_EXECUTABLE"] = str(git)
    stub = folder / f"{where.name}-bare" / "meticulous"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text(BARE + NOTHING)
    recorded = run(where, environment)
    bare = run(where, {**environment, "PYTHONPATH": str(stub.parent)})
    assert recorded == bare, f"{where.name}: {recorded} where without us it is {bare}"
    code = recorded[0]
    check(where / "experiments" / "1", moment, code)
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def run(repository: Path, environment: dict[str, str]) -> tuple[int, bytes, bytes]:
    """The exit code, what was printed, and of a traceback the last line, as it may show our frames."""
    done = subprocess.run(
        [sys.executable, "train.py"],
        cwd=repository,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
        preexec_fn=as_from_a_terminal,
    )
    errors = done.stderr
    if b"Traceback (most recent call last)" in errors:
        errors = errors.splitlines()[-1]
    return done.returncode, done.stdout, errors


def as_from_a_terminal() -> None:
    """Whoever runs the drill under nohup or in the background would have it ignored."""
    for name in SIGNALS:
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def check(experiment: Path, moment: str, code: int) -> None:
    """Hold STATUS against the end that the parent process saw."""
    if "the start" in moment and code != 0:
        assert not (experiment / "STATUS").exists()
        return
    assert problems(experiment) == [], problems(experiment)
    status = (experiment / "STATUS").read_text()
    # Whoever has called finish() has ended it well; what a handler raises in the midst of that comes later.
    finished = moment == "after its end" or (
        "the end" in moment and (code > 0 or "SIGINT" in str(experiment))
    )
    if code == 0 or finished:
        assert status.split("\n")[0] == "SUCCESS", f"{experiment}: {status}"
    elif code < 0:
        name = signal.Signals(-code).name
        assert status.startswith(f"ERROR\nsignal {name}\n"), f"{experiment}: {status}"
    else:
        assert status == f"ERROR\nexit code {code}\n", f"{experiment}: {status}"


if __name__ == "__main__":
    main(*sys.argv[1:])
