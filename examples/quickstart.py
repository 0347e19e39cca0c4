# /// script
# requires-python = ">=3.10"
# dependencies = ["meticulous-record", "meticulous-cli", "scikit-learn>=1.3"]
#
# [tool.uv.sources]
# meticulous-record = { path = "../packages/meticulous-record" }
# meticulous-read = { path = "../packages/meticulous-read" }
# meticulous-cli = { path = "../packages/meticulous-cli" }
# ///
"""Record four trainings of `digits.py` and show them in a table.

`uv run` reads the lines above and installs what they name into an environment of its own.
"""

import subprocess
import sys
from pathlib import Path

RUNS = [
    ["--description", "as it is"],
    ["--lr", "0.01", "--description", "larger steps"],
    ["--lr", "0.01", "--hidden", "64", "--description", "and a wider layer"],
    ["--lr", "0.1", "--optimizer", "sgd", "--description", "the other optimizer"],
]


def main() -> None:
    root = Path(__file__).resolve().parent.parent
    for run in RUNS:
        print("$ python examples/digits.py", subprocess.list2cmdline(run), flush=True)
        done = subprocess.run([sys.executable, "examples/digits.py", *run], cwd=root, check=False)
        if done.returncode:
            sys.exit(f"This training failed (exit code {done.returncode}), so there is no table of all four.")
    print("$ meticulous", flush=True)
    sys.exit(subprocess.run([sys.executable, "-m", "meticulous_cli"], cwd=root, check=False).returncode)


if __name__ == "__main__":
    main()
