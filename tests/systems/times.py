"""What recording costs on this system: a start, and a line that is printed; each beside a bare script.

`python tests/systems/times.py`, or in a lane. Prints medians and ratios.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STARTS = 7
LINES = 200  # at once: fewer bytes than a pipe of Windows holds, so that no line waits for its reader
REPEATS = 51
RECORDED = "from meticulous import Experiment\nwith Experiment({'lr': 1}):\n    pass\n"
PRINTS = """
import sys, time
from contextlib import nullcontext
if sys.argv[1] != "bare":
    from meticulous import Experiment
with nullcontext() if sys.argv[1] == "bare" else Experiment({"lr": 1}, capture=sys.argv[1]):
    for _ in range(REPEATS):
        start = time.perf_counter()
        for number in range(LINES):
            print("epoch", number, "loss", 0.5)
        sys.stdout.flush()
        print((time.perf_counter() - start) / LINES, file=sys.stderr)
        time.sleep(0.02)
"""


def run(folder: str, *command: str) -> tuple[float, str]:
    """Run a script; return its seconds and what it printed on standard error."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, check=True)
    return time.perf_counter() - start, done.stderr


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        prints = PRINTS.replace("REPEATS", str(REPEATS)).replace("LINES", str(LINES))
        for name, code in (("recorded.py", RECORDED), ("bare.py", ""), ("prints.py", prints)):
            Path(folder, name).write_text(code)
        for name in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"):  # each costs more than a recorder
            os.environ.pop(name, None)
        os.environ["GIT_CEILING_DIRECTORIES"] = str(Path(__file__).resolve().parents[1])
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        for command in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "Measure")):
            subprocess.run(["git", *command], cwd=folder, check=True)
        for script in ("bare.py", "recorded.py"):
            run(folder, script)  # once, so that all are read and compiled
        starts = {
            script: statistics.median(run(folder, script)[0] for _ in range(STARTS))
            for script in ("bare.py", "recorded.py")
        }
        bare, recorded = starts.values()
        print(f"{sys.platform}, Python {sys.version.split()[0]}")
        print(
            f"a start: bare {bare * 1e3:.0f} ms, recorded {recorded * 1e3:.0f} ms ({recorded / bare:.1f} x)"
        )
        lines = {
            how: statistics.median(map(float, run(folder, "prints.py", how)[1].split()))
            for how in ("bare", "sys", "fd")
        }
        for how, seconds in lines.items():
            print(f"a line, {how}: {seconds * 1e6:.2f} µs ({seconds / lines['bare']:.1f} x)")


if __name__ == "__main__":
    main()
