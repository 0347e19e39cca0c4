"""Programs of several processes: one experiment for a program's ranks, one for each task of a job array.

    uv run tests/drills/ranks.py            # installs PyTorch into an environment of its own
    uv run tests/drills/ranks.py PYTHON     # takes a Python that has torch and meticulous-record

`torchrun` is the real one, and so is `mpirun` where it is installed; others are played by their variables.
Prints what was done. What is not as it should be ends it with an AssertionError.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from repository import BARE, experiments, make_repository, problems

RECORDER = Path(__file__).parents[2] / "packages" / "meticulous-record"

# The variables with rank and size, and what else tells the rank.
LAUNCHERS = {
    "torchrun": ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
    "torchrun in a job of Slurm's": ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_NODEID"),
    "Open MPI": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
    "MPICH": ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"),
    "srun --mpi=pmi2": ("PMI_RANK", "PMI_SIZE", "SLURM_PROCID"),
}
MPIRUNS = {"mpirun.openmpi": "OMPI_COMM_WORLD_RANK", "mpirun.mpich": "PMI_RANK"}
FOREIGN = ("RANK", "WORLD_SIZE", "LOCAL_", "OMPI_", "PMI_", "SLURM_", "PYTHON")

TASK = """
import os
from meticulous import Experiment
with Experiment({"lr": 0.1}) as experiment:
    print("this is", os.environ["NAME"])
    experiment.summary({"name": os.environ["NAME"]})
"""

TRAIN = r"""
import argparse, sys
import torch
from meticulous import Experiment

parser = argparse.ArgumentParser()
parser.add_argument("--fails", type=int, help="the rank that does")
Experiment.add_argument_group(parser)
with Experiment.from_parser(parser) as experiment:
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    total = torch.tensor(rank + 1)
    torch.distributed.all_reduce(total)
    sys.stdout.write(f"rank {rank} has {total.item()}\n")  # in one piece: print, under torchrun, makes it two
    experiment.summary({"total": total.item()})
    torch.distributed.barrier()
    if rank == experiment.args.fails:
        sys.exit(3)
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
"""

AGAIN = """
import os, sys
from meticulous import Experiment
with Experiment({"lr": 0.2}, resume=True):
    attempt = os.environ["TORCHELASTIC_RESTART_COUNT"]
    print("attempt", attempt)
    sys.exit(3 if attempt == os.environ["RANK"] == "0" else 0)
"""


def main(python: str | None = None) -> None:
    """Drill all of it; `python` has torch."""
    with tempfile.TemporaryDirectory() as folder:
        for launcher in LAUNCHERS:
            ranks(Path(folder, launcher), launcher)
        tasks(Path(folder, "tasks"))
        array(Path(folder, "array"))
        for mpirun in MPIRUNS:
            if shutil.which(mpirun):
                mpi(Path(folder, mpirun), mpirun)
            else:
                print(f"-- {mpirun} is not installed: not run")
        torchrun(Path(folder, "program"), python or with_torch(Path(folder, "environment")))


def ranks(repository: Path, launcher: str, size: int = 8) -> None:
    """Processes that start at once with a launcher's variables: rank 0 records, the others only run."""
    rank_name, size_name, *others = LAUNCHERS[launcher]
    make_repository(repository, TASK)
    run_at_once(
        repository,
        [
            {rank_name: str(rank), size_name: str(size), **dict.fromkeys(others, str(rank))}
            for rank in range(size)
        ],
    )
    check(repository, {"0": "this is 0\n"})
    print(f"{launcher}, {size} processes with its variables: one experiment, of rank 0")


def tasks(repository: Path, size: int = 8) -> None:
    """What `srun -n 8` starts may be eight programs that know nothing of each other."""
    make_repository(repository, TASK)
    job = {"SLURM_JOB_ID": "100", "SLURM_NTASKS": str(size)}
    run_at_once(repository, [{**job, "SLURM_PROCID": str(task)} for task in range(size)])
    check(repository, {str(task): f"this is {task}\n" for task in range(size)})
    print(f"srun, {size} tasks with SLURM_PROCID alone: {size} experiments")


def array(repository: Path, size: int = 16) -> None:
    """Each task of a job array is a job by itself, of one process."""
    make_repository(repository, TASK)
    process = {
        "SLURM_ARRAY_JOB_ID": "100",
        "SLURM_PROCID": "0",
        "SLURM_NTASKS": "1",
        "PMI_RANK": "0",
        "PMI_SIZE": "1",
    }
    run_at_once(
        repository,
        [
            {**process, "SLURM_JOB_ID": str(100 + task), "SLURM_ARRAY_TASK_ID": str(task)}
            for task in range(size)
        ],
    )
    for experiment in check(repository, {str(task): f"this is {task}\n" for task in range(size)}):
        metadata, task = read(experiment / "metadata.json"), read(experiment / "summary.json")["name"]
        assert metadata["slurm-array-job-id"] == "100"
        assert metadata["slurm-array-task-id"] == task
        assert metadata["slurm-job-id"] == str(100 + int(task))
    print(f"a job array of {size} tasks: {size} experiments, each with the ids of its job")


def mpi(repository: Path, mpirun: str, size: int = 4) -> None:
    """The real `mpirun`; the program need not use MPI."""
    make_repository(repository, TASK.replace("NAME", MPIRUNS[mpirun]))
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    how = ["--oversubscribe"] if mpirun == "mpirun.openmpi" else []
    command = [mpirun, *how, "-n", str(size), sys.executable, "train.py"]
    done = run(command, repository, root)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [f"this is {rank}" for rank in range(size)]
    check(repository, {"0": "this is 0\n"})
    print(f"{mpirun} -n {size}: one experiment, of rank 0")


def torchrun(repository: Path, python: str) -> None:
    """The real `torchrun`, with two processes; its exit status and their output as without a recorder."""
    make_repository(repository, TRAIN, again=AGAIN)
    bare = repository.with_name("bare")
    bare.mkdir()
    (bare / "meticulous.py").write_text(BARE)
    start = [python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    for how, end, status in (
        (["train.py"], 0, "SUCCESS\n"),
        (["train.py", "--fails=0"], 1, "ERROR\nexit code 3\n"),
        (["train.py", "--fails=1"], 1, "ERROR\n"),  # torchrun's signal, or the connection that was lost
    ):
        before = experiments(repository)
        compare([*start, *how], repository, bare, end)
        (experiment,) = set(experiments(repository)) - set(before)
        assert problems(experiment) == []
        assert (experiment / "STATUS").read_text().startswith(status)
        assert (experiment / "stdout").read_text() == "rank 0 has 3\n"
        assert read(experiment / "summary.json") == {"total": 3}
    print(
        "torchrun, 2 processes that end well, of which the first fails, the second: one experiment each time"
    )
    before = experiments(repository)
    done = run([*start, "--max-restarts=1", "again.py"], repository)
    assert done.returncode == 0, done.stderr
    (experiment,) = set(experiments(repository)) - set(before)
    assert problems(experiment) == []
    (earlier,) = read(experiment / "metadata.json")["earlier-sessions"]
    assert (earlier["status"], (experiment / "STATUS").read_text()) == ("ERROR\nexit code 3", "SUCCESS\n")
    assert (experiment / "stdout").read_text() == "attempt 0\nattempt 1\n"
    print("torchrun --max-restarts=1, and resume: one experiment, that failed and went on")


def compare(command: list[str], repository: Path, bare: Path, end: int) -> None:
    """Run a command without the recorder, and with it."""
    expected = run(command, repository, {"PYTHONPATH": str(bare)})
    done = run(command, repository)
    assert done.returncode == expected.returncode == end, done.stderr
    assert sorted(done.stdout.splitlines()) == sorted(expected.stdout.splitlines())


def with_torch(folder: Path) -> str:
    """The Python of a new environment with PyTorch and the recorder."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "torch==2.13.0", "numpy", RECORDER], check=True
    )
    return str(python)


def run(
    command: list[str], repository: Path, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**clean(), **(variables or {})}
    return subprocess.run(
        command, cwd=repository, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def run_at_once(repository: Path, variables: list[dict[str, str]]) -> None:
    """Start a process with each of `variables`; each prints and ends as it would have without a recorder."""
    processes = [
        subprocess.Popen(
            [sys.executable, "train.py"],
            cwd=repository,
            env={**clean(), **each, "NAME": str(number)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, each in enumerate(variables)
    ]
    for number, process in enumerate(processes):
        assert process.communicate() == (f"this is {number}\n", "")
        assert process.returncode == 0


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}


def check(repository: Path, outputs: dict[str, str]) -> list[Path]:
    """Return the experiments, which are complete, of the processes with these names and outputs."""
    found = experiments(repository)
    for experiment in found:
        assert problems(experiment) == []
        assert (experiment / "STATUS").read_text() == "SUCCESS\n"
    recorded = [(read(path / "summary.json")["name"], (path / "stdout").read_text()) for path in found]
    assert sorted(recorded) == sorted(outputs.items())
    return found


def read(path: Path) -> dict[str, object]:
    return json.loads(path.read_text("utf-8"))


if __name__ == "__main__":
    main(*sys.argv[1:])
