"""Programs of several processes, and much or odd output, at a real terminal: shown and ended as without us.

    uv run tests/drills/processes.py            # all
    uv run tests/drills/processes.py fork       # those with this in their name

Each program runs three times: bare (with a class in the recorder's place that does nothing), and recorded
with capture "sys" and "fd". Nothing may hang, the terminal shows the same bytes, the exit code is the same,
and the file has what was shown: with "fd" all of it, with "sys" all that Python's streams were given, but in
processes that were spawned. Prints the programs. What is not as it should be ends it with an AssertionError.
"""

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
import tty
from pathlib import Path
from typing import NamedTuple

from repository import BARE, make_repository, problems

SECONDS = 120  # in which a program has to end
MORE_SECONDS = 10  # that it may take over what it does bare
SILENCE = 0.5  # seconds after the program's end in which its children print nothing more


class Program(NamedTuple):
    """A program, what of its output only "fd" can see, the STATUS that it leaves, and how its lines come."""

    body: str
    elsewhere: str = ""  # a pattern of those lines
    ends: str = "SUCCESS\n"
    at_once: bool = False  # whether several processes or threads print at the same time
    late: bytes = b""  # what comes after the program's end; with "fd" it is in the file only


PROGRAMS = {
    "fork": Program(
        """
        for number in range(8):
            if os.fork() == 0:
                sys.stdout.write(f"child {number}\\n")
                sys.exit(number)
        for _ in range(8): os.wait()
        print("parent")""",
        at_once=True,
    ),
    "fork with text in the buffer": Program("""
        sys.stdout.write("half a line, ")
        sys.stdout.flush()
        if os.fork() == 0:
            print("the child's half", flush=True)
            os._exit(0)
        os.wait()
        print("the parent's half")"""),
    "os._exit": Program("print('last words', flush=True); os._exit(3)", ends="RUNNING\n"),
    "multiprocessing by fork": Program(
        POOL := """
        import multiprocessing
        with multiprocessing.get_context("METHOD").Pool(4) as pool:
            print(sum(pool.map(work, range(50))))""".replace("METHOD", "fork"),
        at_once=True,
    ),
    "multiprocessing by spawn": Program(
        POOL.replace('"fork"', '"spawn"'), elsewhere=r"work \d+\n", at_once=True
    ),
    "multiprocessing by forkserver": Program(
        POOL.replace('"fork"', '"forkserver"'), elsewhere=r"work \d+\n", at_once=True
    ),
    "concurrent.futures": Program(
        """
        import concurrent.futures, multiprocessing
        with concurrent.futures.ProcessPoolExecutor(4, multiprocessing.get_context("fork")) as pool:
            print(sum(pool.map(work, range(50))))""",
        at_once=True,
    ),
    "threads that print at exit": Program(
        """
        go = threading.Event()
        def late():
            go.wait()
            for line in range(100): sys.stdout.write(f"late {line}\\n")
        for _ in range(4): threading.Thread(target=late).start()
        atexit.register(print, "from atexit")
        threading.Thread(target=lambda: (threading.main_thread().join(), go.set())).start()
        print("the end of main")""",
        at_once=True,
    ),
    "a child that outlives its parent": Program("""
        if os.fork() == 0:
            os.setsid()
            os.close(0); os.close(1); os.close(2)
            while os.getppid() != 1 and not os.path.exists("../stop"): time.sleep(0.01)
            os._exit(0)
        print("the parent is done")"""),
    "a child that prints after its parent's end": Program(
        """
        if os.fork() == 0:
            parent = os.getppid()
            while os.getppid() == parent: time.sleep(0.01)
            print("late words", flush=True)
            os._exit(0)
        print("the parent is done")""",
        late=b"late words\n",
    ),
    "a daemon": Program("""
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(0.2)
                os._exit(0)
            os._exit(0)
        os.wait()
        print("the daemon is on its way")"""),
    "output of C code": Program(
        """
        import ctypes
        c = ctypes.CDLL(None)
        for number in range(20):
            print("from Python", number, flush=True)
            c.puts(b"from C %d" % number)
            c.fflush(None)""",
        elsewhere=r"from C \d+\n",
    ),
    "output of child processes": Program(
        """
        import subprocess
        for number in range(5):
            print("from Python", number, flush=True)
            subprocess.run(["sh", "-c", f"echo from a shell {number}"], check=True)""",
        elsewhere=r"from a shell \d+\n",
    ),
    "progress bars": Program("""
        for percent in range(0, 101):
            sys.stderr.write(f"\\r{percent:3}% " + "=" * percent)
            if percent % 10 == 0: print(f"loss {1 / (1 + percent)}")
        print(file=sys.stderr)"""),
    "binary garbage": Program("""
        import random
        sys.stdout.buffer.write(random.Random(1).randbytes(1_000_000))
        sys.stdout.buffer.flush()"""),
    "100 MB of output": Program("""
        line = "x" * 999 + "\\n"
        for _ in range(100_000): sys.stdout.write(line)"""),
}
HEAD = """
import atexit, os, sys, threading, time
from meticulous import Experiment
def work(number):
    sys.stdout.write(f"work {number}\\n")  # in one piece: print makes it two, between which another may come
    sys.stdout.flush()
    return number
if __name__ == "__main__":
    experiment = Experiment({}, capture=os.environ["CAPTURE"])
"""


def main(only: str = "") -> None:
    """Run every program that has `only` in its name."""
    for name, program in PROGRAMS.items():
        if only in name:
            began = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                told = play(Path(folder), program)
            print(f"{name}: {told} ({time.perf_counter() - began:.1f} s)", flush=True)


def play(folder: Path, program: Program) -> str:
    """Run it the three ways; return what was the same."""
    body = re.sub("^        ", "    ", program.body, flags=re.MULTILINE)
    if not body.startswith("\n"):
        body = "    " + body.replace("\n", "\n    ")
    repository = folder / "repository"
    make_repository(repository, HEAD + body + "\n")
    (folder / "bare").mkdir()
    (folder / "bare" / "meticulous.py").write_text(BARE)
    bare = run(repository, "none", {"PYTHONPATH": str(folder / "bare")})
    for number, capture in (("1", "sys"), ("2", "fd")):
        recorded = run(repository, capture, {})
        assert recorded.code == bare.code, f"{capture}: exit code {recorded.code}, {bare.code} without us"
        assert recorded.seconds < bare.seconds + MORE_SECONDS, f"{capture}: {recorded.seconds:.0f} s"
        experiment = repository / "experiments" / number
        for stream in ("stdout", "stderr"):
            without, shown = getattr(bare, stream), getattr(recorded, stream)
            file = read_file(experiment / stream, program.late if stream == "stdout" else b"")
            kept = without
            if capture == "sys":
                kept = re.sub(program.elsewhere.encode() or b"(?!)", b"", kept)
            elif program.late:
                without = without.replace(program.late, b"")
            order = sorted if program.at_once else list
            for what, found, expected in (("terminal", shown, without), ("file", file, kept)):
                same = order(found.split(b"\n")) == order(expected.split(b"\n"))
                assert same, f"{capture}: the {what} of {stream} has something else: {found[-300:]!r}"
        assert (experiment / "STATUS").read_text() == program.ends
        assert problems(experiment) == []
    (folder / "stop").touch()
    size = len(bare.stdout + bare.stderr)
    return f"exit code {bare.code}, {size:,} bytes in terminal and file"


def read_file(path: Path, late: bytes) -> bytes:
    """Read a file when what comes `late` is in it, or when that is overdue."""
    deadline = time.monotonic() + MORE_SECONDS
    while late not in path.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.01)
    return path.read_bytes()


class End(NamedTuple):
    """What a program showed, and how and when it ended."""

    stdout: bytes
    stderr: bytes
    code: int
    seconds: float


def run(repository: Path, capture: str, environment: dict[str, str]) -> End:
    """Run it at two terminals of its own, which change no byte."""
    ours, theirs = zip(*(pty.openpty() for _ in range(2)))
    for terminal in theirs:
        tty.setraw(terminal)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "train.py"],
        cwd=repository,
        env={**clean, "CAPTURE": capture, **environment},
        stdin=subprocess.DEVNULL,
        stdout=theirs[0],
        stderr=theirs[1],
    )
    for terminal in theirs:
        os.close(terminal)
    shown: dict[int, list[bytes]] = {terminal: [] for terminal in ours}
    is_open = set(ours)
    ended = 0.0
    try:
        # A child that says nothing may have them open still.
        while is_open and not (ended and time.monotonic() > ended + SILENCE):
            ready, _, _ = select.select(list(is_open), [], [], 0.05)
            for terminal in ready:
                data = read(terminal)
                shown[terminal].append(data)
                is_open -= set() if data else {terminal}
            if ready or process.poll() is None:
                ended = 0.0
            elif not ended:
                ended = time.monotonic()
            assert time.monotonic() < began + SECONDS, f"no end in {SECONDS} seconds"
        code = process.wait(SECONDS)
        out, err = (b"".join(shown[terminal]) for terminal in ours)
        return End(out, err, code, time.monotonic() - began)
    finally:
        process.kill()
        for terminal in ours:
            os.close(terminal)


def read(terminal: int) -> bytes:
    """Read what a terminal shows; nothing more comes when nobody has it open any more."""
    try:
        return os.read(terminal, 2**16)
    except OSError:
        return b""


if __name__ == "__main__":
    main(*sys.argv[1:])
