"""The parts of the drill of ranks; those with torchrun and mpirun where these are installed."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parent / "drills" / "ranks.py"
sys.path.insert(0, str(PATH.parent))  # for what the drills share
SPEC = importlib.util.spec_from_file_location("ranks", PATH)
ranks = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(ranks)


@pytest.mark.parametrize("launcher", ranks.LAUNCHERS)
def test_ranks_with_a_launchers_variables_are_one_experiment(launcher, tmp_path):
    ranks.ranks(tmp_path / "repository", launcher)


def test_tasks_of_srun_are_an_experiment_each(tmp_path):
    ranks.tasks(tmp_path / "repository")


def test_tasks_of_a_job_array_are_an_experiment_each(tmp_path):
    ranks.array(tmp_path / "repository")


@pytest.mark.parametrize("mpirun", ranks.MPIRUNS)
def test_the_ranks_of_mpirun_are_one_experiment(mpirun, tmp_path):
    if shutil.which(mpirun) is None:
        pytest.skip(f"{mpirun} is not installed")
    ranks.mpi(tmp_path / "repository", mpirun)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_the_ranks_of_torchrun_are_one_experiment(tmp_path):
    ranks.torchrun(tmp_path / "repository", sys.executable)


@pytest.mark.skipif(importlib.util.find_spec("lightning") is None, reason="lightning is not installed")
def test_the_ranks_of_lightning_are_one_experiment(tmp_path):
    ranks.lightning(tmp_path / "repository", sys.executable)


FIRST = """
import argparse, os
from meticulous import Experiment
with Experiment.from_parser(argparse.ArgumentParser()) as experiment:
    print("started", flush=True)
    with experiment.open(f"rank{os.environ['RANK']}.txt", "w") as file:
        file.write("a file of its own")
"""


def test_another_rank_may_open_a_file_before_rank_0_has_made_the_folder(tmp_path):
    repository = tmp_path / "repository"
    ranks.make_repository(repository, FIRST)
    processes = []
    for rank in ("1", "0"):
        processes.append(
            subprocess.Popen(
                [sys.executable, "train.py", "--experiment-id", "both"],
                cwd=repository,
                env={**ranks.clean(), "RANK": rank, "WORLD_SIZE": "2"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        if rank == "1":
            assert processes[0].stdout.readline() == "started\n"
    ends = [(process.communicate(timeout=60)[1].count("\n"), process.returncode) for process in processes]
    assert ends == [(1, 0), (0, 0)]  # rank 1 says that it records nothing
    (experiment,) = ranks.experiments(repository)
    assert {"rank0.txt", "rank1.txt", "STATUS"} <= set(os.listdir(experiment))
    assert (repository / "experiments" / ".gitignore").exists()
