"""One program, one experiment: other ranks and workers record nothing, and are never killed for it."""

import os
import subprocess
import sys
import textwrap
import types

import pytest
from meticulous import Experiment


@pytest.fixture(autouse=True)
def _in_repository(project, monkeypatch):
    monkeypatch.chdir(project)


def environment(**variables):
    return {name: str(value) for name, value in variables.items()}


OTHERS = {
    "torchrun": environment(RANK=3, WORLD_SIZE=8, LOCAL_RANK=3),
    "Open MPI": environment(OMPI_COMM_WORLD_RANK=1, OMPI_COMM_WORLD_SIZE=2),
    "Hydra": environment(PMI_RANK=3, PMI_SIZE=8, MPI_LOCALRANKID=3, MPI_LOCALNRANKS=8),
    "PMIx": environment(PMIX_RANK=2),
    "PALS": environment(PALS_RANKID=2, PALS_LOCAL_RANKID=0),
    "MVAPICH": environment(MV2_COMM_WORLD_RANK=1, MV2_COMM_WORLD_SIZE=2),
    "JSM": environment(JSM_NAMESPACE_RANK=1, JSM_NAMESPACE_SIZE=2, JSM_NAMESPACE_LOCAL_RANK=0),
    "Horovod": environment(HOROVOD_RANK=1, HOROVOD_SIZE=2),
    "Lightning": environment(LOCAL_RANK=1, WORLD_SIZE=2, NODE_RANK=0),
    "Lightning, a further node": environment(LOCAL_RANK=0, WORLD_SIZE=4, NODE_RANK=1),
    "Lightning, a further node's first process": environment(NODE_RANK=1, MASTER_ADDR="node0"),
    "Fabric, a further node": environment(LOCAL_RANK=0, WORLD_SIZE=4, GROUP_RANK=1),
    "Lightning in a step of Slurm's": environment(PMIX_RANK=0, LOCAL_RANK=1, WORLD_SIZE=2),
}
RECORDING = {
    "rank 0": environment(RANK=0, WORLD_SIZE=8, LOCAL_RANK=0),
    "rank 0 of a restarted group": environment(RANK=0, WORLD_SIZE=8, LOCAL_RANK=0, GROUP_RANK=1),
    "a program of one process": environment(RANK=0, WORLD_SIZE=1, LOCAL_RANK=0),
    "a size of one": environment(PMI_RANK=3, PMI_SIZE=1),
    "the script's own RANK": environment(RANK=3),
    "a task of srun": environment(SLURM_PROCID=3, SLURM_NTASKS=8),
    "Lightning's rank 0": environment(LOCAL_RANK=0, WORLD_SIZE=2, NODE_RANK=0),
    "the first node": environment(NODE_RANK=0, MASTER_ADDR="node0"),
    "a local rank alone": environment(LOCAL_RANK=1),
    "no number": environment(RANK="", WORLD_SIZE="x", LOCAL_RANK=-1, PMI_RANK="a"),
    "rank 0 inside another launcher's rank": environment(
        OMPI_COMM_WORLD_RANK=0, OMPI_COMM_WORLD_SIZE=2, PMI_RANK=3, PMI_SIZE=4
    ),
}


@pytest.mark.parametrize("launcher", OTHERS)
def test_another_rank_records_nothing_and_says_so_in_one_line(run, repository, launcher):
    code = (
        "from meticulous import Experiment\nwith Experiment({}) as e: print(e.experiment_id); e.summary({})"
    )
    done = run(code, env=OTHERS[launcher])
    assert (done.returncode, done.stdout) == (0, b"None\n")
    assert not repository.experiments.exists()
    (line,) = done.stderr.decode().splitlines()
    assert "records nothing" in line


@pytest.mark.parametrize("launcher", RECORDING)
def test_rank_0_and_what_is_no_proof_of_one_program_records(monkeypatch, capfd, launcher):
    for name, value in RECORDING[launcher].items():
        monkeypatch.setenv(name, value)
    with Experiment({}) as experiment:
        assert experiment.experiment_id == "1"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("rank", "expected"), [(0, "1"), (2, None)])
def test_initialised_torch_knows_better(monkeypatch, rank, expected):
    known = {"is_available": lambda: True, "is_initialized": lambda: True, "get_rank": lambda: rank}
    monkeypatch.setitem(sys.modules, "torch.distributed", types.SimpleNamespace(**known))
    with Experiment({}) as experiment:
        assert experiment.experiment_id == expected


@pytest.fixture
def as_rank_1(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")


def test_an_id_names_the_folder_for_all_ranks(monkeypatch):
    with Experiment({}, experiment_id="shared") as first:
        monkeypatch.setenv("RANK", "1")
        monkeypatch.setenv("WORLD_SIZE", "2")
        other = Experiment({}, experiment_id="shared")
        assert other.experiment_id == "shared"
        other.open("rank1.txt", "w").close()
    assert (first.directory / "rank1.txt").exists()


@pytest.mark.parametrize("options", [{}, {"resume": True}, {"experiment_id": "shared"}])
def test_another_rank_without_a_folder_gets_one_that_is_deleted_at_the_end(
    project, monkeypatch, caplog, as_rank_1, options
):
    monkeypatch.setattr("meticulous._session.unrecorded._RANK_0_SECONDS", 0)
    with Experiment({}, **options) as experiment:
        with experiment.open("rank1.txt", "w") as file:
            file.write("kept for the while")
        assert experiment.path("rank1.txt").read_text() == "kept for the while"
        folder = experiment.directory
        assert experiment.experiment_id is None
    assert not folder.exists()
    assert not (project / "experiments").exists()
    assert "deleted at the end" in caplog.messages[-1]
    assert len(caplog.messages) == (2 if "experiment_id" in options else 1)


@pytest.mark.parametrize("library", ["multiprocessing", "multiprocess"])
def test_a_worker_that_imports_the_script_again_records_nothing(run, repository, library):
    pytest.importorskip(library)
    code = f"""
    import {library} as multiprocessing
    from meticulous import Experiment
    experiment = Experiment({{}})
    def work(number):
        return number + 1
    if __name__ == "__main__":
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            print(pool.map(work, range(3)))
    """
    done = run(textwrap.dedent(code))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"[1, 2, 3]\n", b"")
    assert sorted(os.listdir(repository.experiments)) == [".gitignore", "1"]
    assert repository.status() == "SUCCESS"


def test_a_worker_of_loky_that_imports_the_script_again_records_nothing(run, repository):
    pytest.importorskip("joblib.externals.loky")
    code = """
    import joblib
    from meticulous import Experiment
    experiment = Experiment({})
    class Work:
        def __call__(self, number):
            return number + 1
    if __name__ == "__main__":
        print(joblib.Parallel(2, backend="multiprocessing")(joblib.delayed(Work())(n) for n in range(3)))
    """
    assert run(textwrap.dedent(code)).stdout == b"[1, 2, 3]\n"
    assert sorted(os.listdir(repository.experiments)) == [".gitignore", "1"]


def test_what_a_worker_starts_by_itself_is_recorded(run, repository):
    code = """
    import multiprocessing
    from meticulous import Experiment
    def train(lr):
        with Experiment({"lr": lr}) as experiment:
            return experiment.experiment_id
    if __name__ == "__main__":
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            print(sorted(pool.map(train, range(3))))
    """
    assert run(textwrap.dedent(code)).stdout == b"['1', '2', '3']\n"


def test_of_two_ranks_that_resume_only_rank_0_goes_on(project, git):
    (project / "train.py").write_text(
        "from meticulous import Experiment\nwith Experiment({}, resume=True) as e: print(e.experiment_id)\n"
    )
    git("add", ".")
    git("commit", "-qm", "train")
    for _ in range(2):
        for rank, expected in ((0, "1\n"), (1, "None\n")):
            variables = environment(LOCAL_RANK=rank, WORLD_SIZE=2, NODE_RANK=0)
            done = subprocess.run(
                [sys.executable, "train.py"],
                env={**os.environ, **variables},
                stdout=subprocess.PIPE,
                text=True,
                timeout=60,
            )
            assert (done.returncode, done.stdout) == (0, expected)
    assert sorted(os.listdir("experiments")) == [".gitignore", "1"]
