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

from starts import make_repository, problems

SECONDS = 120  # in which a program has to end


class Program(NamedTuple):
    """A program, what of its output only "fd" can see, and the STATUS that it leaves."""

    body: str
    elsewhere: str = ""  # a pattern of those lines
    ends: str = "SUCCESS\n"


PROGRAMS = {
    "fork": Program("""
        for number in range(8):
            if os.fork() == 0:
                sys.stdout.write(f"child {number}\\n")
                sys.exit(number)
        for _ in range(8): os.wait()
        print("parent")"""),
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
            print(sum(pool.map(work, range(50))))""".replace("METHOD", "fork")
    ),
    "multiprocessing by spawn": Program(POOL.replace('"fork"', '"spawn"'), elsewhere=r"work \d+\n"),
    "multiprocessing by forkserver": Program(POOL.replace('"fork"', '"forkserver"'), elsewhere=r"work \d+\n"),
    "concurrent.futures": Program("""
        import concurrent.futures, multiprocessing
        with concurrent.futures.ProcessPoolExecutor(4, multiprocessing.get_context("fork")) as pool:
            print(sum(pool.map(work, range(50))))"""),
    "threads that print at exit": Program("""
        go = threading.Event()
        def late():
            go.wait()
            for line in range(100): sys.stdout.write(f"late {line}\\n")
        for _ in range(4): threading.Thread(target=late).start()
        atexit.register(print, "from atexit")
        threading.Thread(target=lambda: (threading.main_thread().join(), go.set())).start()
        print("the end of main")"""),
    "a child that outlives its parent": Program("""
        if os.fork() == 0:
            os.setsid()
            os.close(0); os.close(1); os.close(2)
            while os.getppid() != 1 and not os.path.exists("../stop"): time.sleep(0.01)
            os._exit(0)
        print("the parent is done")"""),
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
            sys.stdout.write(f"\\r{percent:3}% " + "=" * percent)
            sys.stdout.flush()
        print()"""),
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
# In the place of the recorder: the same names, and nothing happens.
BARE = """
class Experiment:
    def __init__(self, args, capture): pass
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
    bare, code = run(repository, "none", {"PYTHONPATH": str(folder / "bare")})
    for number, capture in (("1", "sys"), ("2", "fd")):
        shown, ended = run(repository, capture, {})
        assert ended == code, f"{capture}: exit code {ended}, and {code} without us"
        assert lines(shown) == lines(bare), f"{capture}: the terminal shows something else: {shown[-300:]!r}"
        experiment = repository / "experiments" / number
        recorded = (experiment / "stdout").read_bytes()
        expected = shown if capture == "fd" else re.sub(program.elsewhere.encode() or b"(?!)", b"", shown)
        assert lines(recorded) == lines(expected), (
            f"{capture}: the file has something else: {recorded[-300:]!r}"
        )
        assert (experiment / "STATUS").read_text() == program.ends
        assert problems(experiment) == []
    (folder / "stop").touch()
    return f"exit code {code}, {len(bare):,} bytes in terminal and file"


def lines(data: bytes) -> list[bytes]:
    """Whichever process is first: the same lines, in any order."""
    return sorted(data.split(b"\n"))


def run(repository: Path, capture: str, environment: dict[str, str]) -> tuple[bytes, int]:
    """Run it at a terminal of its own, which changes no byte; what that showed, and the exit code."""
    terminal, program_side = pty.openpty()
    tty.setraw(program_side)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    process = subprocess.Popen(
        [sys.executable, "train.py"],
        cwd=repository,
        env={**clean, "CAPTURE": capture, **environment},
        stdin=subprocess.DEVNULL,
        stdout=program_side,
        stderr=subprocess.DEVNULL,
    )
    os.close(program_side)
    shown = []
    deadline = time.monotonic() + SECONDS
    try:
        while True:
            ready, _, _ = select.select([terminal], [], [], 0.05)
            if ready:
                try:
                    shown.append(os.read(terminal, 2**16))
                except OSError:
                    break  # nobody has it open any more
                if not shown[-1]:
                    break
            elif process.poll() is not None:
                break  # a child may have it open still
            assert time.monotonic() < deadline, f"no end in {SECONDS} seconds"
        return b"".join(shown), process.wait(max(1, deadline - time.monotonic()))
    finally:
        process.kill()
        os.close(terminal)


if __name__ == "__main__":
    main(*sys.argv[1:])
