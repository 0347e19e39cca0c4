"""What the table of `meticulous` costs, beside reading the files raw and beside the reader.

    uv run tests/benchmarks/command.py            # 100, 1,000 and 10,000 experiments
    uv run tests/benchmarks/command.py 100000     # with that number too; needs 6 GB of disk

Everything is measured in one run, interleaved, in fresh processes, and given as medians.
"""

import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

from reader import FLOOR, SCRIPTS, make_experiments, run

ROUNDS = 15
COMMANDS = {
    "argparse, json, tabulate and the floor": ["-c", "import argparse, json, tabulate\n" + FLOOR],
    "Experiments": ["-c", SCRIPTS["Experiments"]],
    "meticulous": ["-m", "meticulous_cli"],
    "meticulous --filter": ["-m", "meticulous_cli", "--filter", "epochs > 3"],
    "meticulous --groupby": ["-m", "meticulous_cli", "--groupby", "epochs"],
}


def main() -> None:
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"Python {platform.python_version()}, {system}")
    for count in (100, 1000, 10_000, *map(int, sys.argv[1:])):
        rounds = 3 * ROUNDS if count <= 1000 else ROUNDS if count <= 10_000 else ROUNDS // 5
        with tempfile.TemporaryDirectory() as folder:
            directory = Path(folder, "experiments")
            make_experiments(directory, count)
            times: dict[str, list[float]] = {name: [] for name in COMMANDS}
            for turn in range(rounds + 1):
                for name, command in COMMANDS.items():
                    seconds, _ = run([*command, directory])
                    if turn:  # the first round fills the caches
                        times[name].append(seconds)
        medians = {name: statistics.median(measured) for name, measured in times.items()}
        print(f"{count:,} experiments:")
        for name, median in medians.items():
            ratios = ", ".join(
                f"{median / medians[other]:.2f} x {other}"
                for other in ("argparse, json, tabulate and the floor", "Experiments")
                if name.startswith("meticulous")
            )
            print(f"  {name}: {1e3 * median:.0f} ms" + (f" ({ratios})" if ratios else ""))


if __name__ == "__main__":
    sys.exit(main())
