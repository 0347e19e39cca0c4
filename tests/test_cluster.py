"""Each command of examples/cluster/README.md, with stand-ins for Slurm, containers and the cluster's name."""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CLUSTER = ROOT / "examples" / "cluster"
BLOCKS = re.findall(r"```sh\n(.*?)```", (CLUSTER / "README.md").read_text("utf-8"), re.DOTALL)

SBATCH = r"""
import os, re, subprocess, sys
from pathlib import Path
wrapped = sys.argv[1] == "--wrap"
script = "#!/bin/sh\n" + sys.argv[2] if wrapped else Path(sys.argv[1]).read_text()
array = re.search(r"^#SBATCH.*--array=(\d+)-(\d+)", script, re.M)
scratch = Path(os.environ["STAND_INS"], "scratch")
scratch.mkdir(exist_ok=True)
jobs = [{"SLURM_JOB_ID": "70", "TMPDIR": str(scratch)}]
if array:
    jobs = [
        {"SLURM_JOB_ID": str(71 + i), "SLURM_ARRAY_JOB_ID": "71", "SLURM_ARRAY_TASK_ID": str(i)}
        for i in range(int(array[1]), int(array[2]) + 1)
    ]
saved = scratch / "script"
saved.write_text(script)
restarts = os.environ.get("RESTARTS")
for job in jobs:
    job |= {"SLURM_RESTART_COUNT": restarts} if restarts else {}
    subprocess.run(["bash", str(saved)], env={**os.environ, **job}, timeout=60)
"""

DOCKER = r"""
import os, subprocess, sys, tarfile
from pathlib import Path
image = Path(os.environ["STAND_INS"], "image")
words = sys.argv[1:]
if words[0] == "build":
    tarfile.open(fileobj=sys.stdin.buffer, mode="r|").extractall(image)
    lines = (image / words[words.index("-f") + 1]).read_text().splitlines()
    assert lines[-2:] == ["ARG COMMIT", "ENV METICULOUS_COMMIT=$COMMIT"]
    (image / "commit").write_text(words[words.index("--build-arg") + 1].partition("=")[2])
else:
    host, inside = words[words.index("-v") + 1].split(":")
    (image / Path(inside).relative_to("/code")).symlink_to(host)
    commit = (image / "commit").read_text()
    command = words[words.index("training") + 1:]
    sys.exit(subprocess.run(
        command, cwd=image, env={**os.environ, "METICULOUS_COMMIT": commit}, timeout=60
    ).returncode)
"""

APPTAINER = """
import os, sys
assert sys.argv[1:5] == ["exec", "--bind", os.getcwd(), "image.sif"]
os.execvp(sys.argv[5], sys.argv[5:])
"""

# The cluster's project is this one.
RSYNC = """
import os, shutil, sys
assert sys.argv[1] == "-a"
source, target = sys.argv[2].replace("cluster:project", os.environ["PROJECT"]), sys.argv[3]
shutil.copytree(source, os.path.join(target, os.path.basename(source)), dirs_exist_ok=True)
"""

STOPPED = """
import os, signal
from meticulous import Experiment

def summary(self, values, original=Experiment.summary):
    original(self, values)
    if values["step"] == 7:
        os.kill(os.getpid(), int(os.environ["STOP"]))

if os.environ.get("STOP"):
    Experiment.summary = summary
"""


@pytest.fixture
def project(tmp_path):
    """A repository with the folder in it."""
    folder = tmp_path / "project"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CLUSTER, folder / "examples" / "cluster", ignore=ignored)
    user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "-q"], ["add", "."], [*user, "commit", "-q", "-m", "Train"]):
        subprocess.run(["git", *command], cwd=folder, check=True, timeout=30)
    return folder


# Read by sh first and then by Python: a first line that names Python bears neither a blank nor a long path.
START = f"""#!/bin/sh
''':'
exec '{sys.executable}' "$0" "$@"
'''
"""


@pytest.fixture
def run(project, tmp_path):
    """Run the README's block with this command in it."""
    if sys.platform == "win32" or not shutil.which("bash"):
        pytest.skip("the cluster's shell is bash")
    bin = tmp_path / "bin"
    bin.mkdir()
    stand_ins = {"sbatch": SBATCH, "docker": DOCKER, "apptainer": APPTAINER, "rsync": RSYNC}
    for name, code in {**stand_ins, "meticulous": "from meticulous_cli.__main__ import main\nmain()"}.items():
        (bin / name).write_text(f"{START}{code}")
        (bin / name).chmod(0o755)
    (bin / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (bin / "python").chmod(0o755)
    (tmp_path / "sitecustomize.py").write_text(STOPPED)
    unneeded = ("RANK", "WORLD_SIZE", "METICULOUS_COMMIT", "TMPDIR")
    inherited = {name: value for name, value in os.environ.items() if name not in unneeded}
    inherited = {name: value for name, value in inherited.items() if not name.startswith("SLURM_")}

    def run(command, cwd=project, **variables):
        (block,) = (block for block in BLOCKS if command in block)
        environment = {**inherited, "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}", "PROJECT": str(project)}
        environment |= {"STAND_INS": str(tmp_path), "PYTHONPATH": str(tmp_path), **variables}
        return subprocess.run(
            ["bash", "-ec", block],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    return run


def records(directory):
    return {path.name: path for path in directory.glob("[0-9]*")}


def status(path):
    return (path / "STATUS").read_text().split("\n", 1)[0]


def read(path, name):
    return json.loads((path / name).read_text("utf-8"))


def test_every_command_is_run_here():
    code = Path(__file__).read_text("utf-8")
    tested = re.findall(r'run\("([^"]+)"', code)
    assert [block for block in BLOCKS if not any(command in block for command in tested)] == []


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_a_preempted_array_goes_on_in_its_folders(run, project, problems, stop):
    run("array.sh", STOP=str(int(stop)))
    found = records(project / "experiments")
    assert sorted(found) == ["71-0", "71-1", "71-2", "71-3"]
    assert {status(path) for path in found.values()} == {"ERROR" if stop == signal.SIGTERM else "RUNNING"}
    run("array.sh", RESTARTS="1")
    for path in records(project / "experiments").values():
        assert status(path) == "SUCCESS"
        steps = re.findall(r"^step (\d+):", (path / "stdout").read_text(), re.MULTILINE)
        assert steps == [str(step) for step in range(1, 21)]
        assert len(read(path, "metadata.json")["earlier-sessions"]) == 1
        assert problems(path) == []
    assert {read(path, "args.json")["lr"] for path in found.values()} == {0.05, 0.1, 0.2, 0.4}
    assert len(records(project / "experiments")) == 4


def test_a_job_in_a_work_tree_records_its_commit(run, project):
    done = run("git worktree add")
    (path,) = records(project / "experiments").values()
    assert status(path) == "SUCCESS", done.stderr
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True, check=True, timeout=30
    )
    assert read(path, "metadata.json")["githead-sha"] == head.stdout.strip()


def test_a_container_with_git(run, project):
    done = run("apptainer exec")
    assert done.returncode == 0, done.stderr
    assert [*map(status, records(project / "experiments").values())] == ["SUCCESS"]


def test_an_image_names_its_commit(run, project):
    done = run("docker build")
    assert done.returncode == 0, done.stderr
    (path,) = records(project / "experiments").values()
    assert status(path) == "SUCCESS"
    metadata = read(path, "metadata.json")
    assert len(metadata["githead-sha"]) == 40
    assert metadata["githead-claimed"] is True


@pytest.mark.parametrize("stop", ["", str(int(signal.SIGTERM))])
def test_a_scratch_disk_is_copied(run, project, problems, stop):
    done = run("scratch.sh", STOP=stop)
    assert done.returncode == 0, done.stderr
    found = records(project / "experiments")
    assert {name: status(path) for name, path in found.items()} == {"70": "ERROR" if stop else "SUCCESS"}
    assert problems(found["70"]) == []


def test_home_and_many_machines(run, project, tmp_path):
    run("array.sh")
    home = tmp_path / "home"
    home.mkdir()
    done = run("rsync -a cluster:", cwd=home)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^71-(\d)  SUCCESS", done.stdout, re.MULTILINE) == ["0", "1", "2", "3"]
    for module in ("distributed", "pyarrow"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    (home / "experiments").rename(home / "runs-a")
    run("rsync -a cluster:", cwd=home)
    (home / "experiments").rename(home / "runs-b")
    shutil.copytree(CLUSTER, home / "examples" / "cluster")
    done = run("collect.py", cwd=home)
    assert done.returncode == 0, done.stderr
    import pandas as pd

    frame = pd.read_parquet(home / "results.parquet")
    assert sorted(frame.index) == [f"runs-{letter}/71-{task}" for letter in "ab" for task in range(4)]
    assert frame["summary.step"].tolist() == [20] * 8
