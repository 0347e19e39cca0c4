"""Programs of several processes: one experiment for a program's ranks, one for each task of a job array.

    uv run tests/drills/ranks.py            # installs PyTorch and Lightning into an environment of its own
    uv run tests/drills/ranks.py PYTHON     # takes a Python that has torch and meticulous-record

`torchrun` is the real one, and so are Lightning and `mpirun` where they are installed; others are played by
their variables.
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
    "srun --mpi=pmix": ("PMIX_RANK", "SLURM_NTASKS", "SLURM_PROCID"),
    "HPE PALS": ("PALS_RANKID", "PALS_SIZE", "PALS_LOCAL_RANKID"),
    "MVAPICH2": ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_LOCAL_RANK"),
    "jsrun": ("JSM_NAMESPACE_RANK", "JSM_NAMESPACE_SIZE", "JSM_NAMESPACE_LOCAL_RANK"),
    "horovodrun": ("HOROVOD_RANK", "HOROVOD_SIZE", "HOROVOD_LOCAL_RANK"),
    "Lightning": ("LOCAL_RANK", "WORLD_SIZE"),
}
MPIRUNS = {"mpirun.openmpi": "OMPI_COMM_WORLD_RANK", "mpirun.mpich": "PMI_RANK"}
FOREIGN = (
    "RANK",
    "WORLD_SIZE",
    "LOCAL_",
    "OMPI_",
    "PMI",
    "PALS_",
    "MV2_",
    "JSM_",
    "HOROVOD_",
    "SLURM_",
    "PYTHON",
)

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

LIGHTNING = r"""
import argparse
import lightning, torch
from meticulous import Experiment

class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, _):
        return self.layer(batch).sum()
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)

def trainer():
    shown = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    quiet = dict.fromkeys(shown, False)
    trainer = lightning.Trainer(accelerator="cpu", devices=2, max_epochs=1, **quiet)
    trainer.fit(Model(), torch.utils.data.DataLoader(torch.randn(8, 4), 2))
    return trainer.global_rank

def fabric():
    fabric = lightning.Fabric(accelerator="cpu", devices=2)
    fabric.launch()
    fabric.barrier()
    return fabric.global_rank

parser = argparse.ArgumentParser()
parser.add_argument("--how", choices=["trainer", "fabric"])
Experiment.add_argument_group(parser)
with Experiment.from_parser(parser) as experiment:
    rank = {"trainer": trainer, "fabric": fabric}[experiment.args.how]()
    with experiment.open(f"rank{rank}.txt", "w") as file:
        file.write("a file of its own")
    experiment.summary({"rank": rank})
    print("done by rank", rank, flush=True)
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
        python = python or with_torch(Path(folder, "environment"))
        torchrun(Path(folder, "program"), python)
        if run([python, "-c", "import lightning"], Path(folder)).returncode == 0:
            lightning(Path(folder, "lightning"), python)
        else:
            print("-- lightning is not installed: not run")


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
        quiet=1,
    )
    check(repository, {"0": "this is 0\n"})
    print(f"{launcher}, {size} processes with its variables: one experiment, of rank 0")


def tasks(repository: Path, size: int = 8) -> None:
    """What `srun -n 8` starts may be eight programs that know nothing of each other."""
    make_repository(repository, TASK)
    job = {"SLURM_JOB_ID": "100", "SLURM_NTASKS": str(size)}
    run_at_once(repository, [{**job, "SLURM_PROCID": str(task)} for task in range(size)], quiet=size)
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
        quiet=size,
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


def lightning(repository: Path, python: str) -> None:
    """The real Trainer and Fabric with two processes, of which the first starts the second by itself."""
    make_repository(repository, LIGHTNING)
    for how in ("trainer", "fabric"):
        recorded = []
        for options in ([], ["--experiment-id", how], ["--resume"], ["--resume"]):
            done = run([python, "train.py", "--how", how, *options], repository)
            assert done.returncode == 0, done.stderr
            assert sorted(done.stdout.splitlines())[-2:] == ["done by rank 0", "done by rank 1"]
            assert done.stderr.count("records nothing") == 1
            recorded.append({path.name for path in experiments(repository)})
        first, named, *resumed = recorded
        assert (len(first), named - first) == (1 if how == "trainer" else 3, {how})
        assert resumed == [named, named]  # in the newest
        experiment = repository / "experiments" / how
        assert problems(experiment) == []
        assert len(read(experiment / "metadata.json")["earlier-sessions"]) == 2
        assert read(experiment / "summary.json") == {"rank": 0}
        assert (experiment / "rank1.txt").exists()
        assert "done by rank 1" not in (experiment / "stdout").read_text()
    print("Lightning, Trainer and Fabric with 2 processes: one experiment each time, by id and resumed, too")


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
        [python, "-m", "pip", "install", "--quiet", "torch==2.13.0", "lightning", "numpy", RECORDER],
        check=True,
    )
    return str(python)


def run(
    command: list[str], repository: Path, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**clean(), **(variables or {})}
    return subprocess.run(
        command, cwd=repository, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def run_at_once(repository: Path, variables: list[dict[str, str]], quiet: int) -> None:
    """Start a process with each of `variables`; each prints and ends as it would have without a recorder.

    But for one line on standard error, where another records: in all but the first `quiet` ones.
    """
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
        out, err = process.communicate(timeout=60)
        assert (out, process.returncode) == (f"this is {number}\n", 0)
        assert len(err.splitlines()) == err.count("records nothing") == (number >= quiet), err


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
