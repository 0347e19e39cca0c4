"""Each package as people get it: built, and installed alone into an empty environment."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCHEMAS = ROOT / "spec" / "1.0" / "schemas"
PACKAGES = ("meticulous-record", "meticulous-read", "meticulous-cli")

TRAIN = """
import argparse
from meticulous import Experiment
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
Experiment.add_argument_group(parser)
with Experiment.from_parser(parser) as experiment:
    print("training with", experiment.args.lr)
    experiment.summary({"loss": 0.25})
"""


def run(*command, **how):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **how)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(source, target, kind):
    run(sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", target, source)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    return {name: build(ROOT / "packages" / name, folder / name, "wheel") for name in PACKAGES}


class Environment:
    """An empty virtual environment in which `install` was installed, with what that asks for.

    By uv, whose cache saves a download for each of them, or with `plain` by pip.
    """

    def __init__(self, folder, interpreter, *install, plain=False):
        self.bin = folder / ("Scripts" if sys.platform == "win32" else "bin")
        self.python = self.bin / "python"
        unneeded = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        self.environment = {key: value for key, value in os.environ.items() if key not in unneeded}
        if plain:
            run(interpreter, "-m", "venv", folder)
            pip = (self.python, "-m", "pip", "--quiet", "--disable-pip-version-check")
            run(*pip, "install", "--no-compile", *install, env=self.environment)
        else:
            uv = (sys.executable, "-m", "uv", "--quiet")
            run(*uv, "venv", "--python", interpreter, folder, env=self.environment)
            run(*uv, "pip", "install", "--python", self.python, *install, env=self.environment)

    def distributions(self):
        code = (
            "import importlib.metadata as m\n"
            "print(*sorted({d.metadata['Name'].lower().replace('_', '-') for d in m.distributions()}))"
        )
        return set(self(self.python, "-c", code).split()) - {"pip", "setuptools"}

    def __call__(self, *command, **how):
        return run(*command, env=self.environment, **how)


@pytest.fixture(scope="module")
def experiments(wheels, tmp_path_factory):
    """A directory recorded by the recorder's wheel alone, on the oldest Python there is."""
    folder = tmp_path_factory.mktemp("cluster")
    oldest = next(filter(works, (shutil.which(f"python3.{minor}") for minor in range(9, 13))), sys.executable)
    cluster = Environment(folder / "environment", oldest, wheels["meticulous-record"])
    project = folder / "project"
    project.mkdir()
    (project / "train.py").write_text(TRAIN)
    user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    for command in (["init", "-q"], ["add", "."], [*user, "commit", "-q", "-m", "first"]):
        run("git", *command, cwd=project)
    for lr in ("0.1", "0.2", "0.3"):
        cluster(cluster.python, "train.py", "--lr", lr, cwd=project)
    return cluster, project / "experiments"


def works(interpreter):
    """pyenv puts stand-ins on PATH for interpreters that are not switched on."""
    return (
        interpreter and subprocess.run([interpreter, "-V"], capture_output=True, check=False).returncode == 0
    )


def test_the_recorder_brings_gitpython_and_what_that_needs(experiments):
    cluster, _ = experiments
    # GitPython asks for the last of these on Python 3.9 only.
    allowed = {"meticulous-record", "gitpython", "gitdb", "smmap", "typing-extensions"}
    brought = cluster.distributions()
    assert brought <= allowed
    assert {"meticulous-record", "gitpython"} <= brought


def test_the_recorder_alone_says_what_to_install_for_reading(experiments):
    cluster, _ = experiments
    code = "try:\n    from meticulous import Experiments\nexcept ImportError as error:\n    print(error)"
    assert "pip install meticulous-read" in cluster(cluster.python, "-c", code)


def test_the_reader_alone_reads_what_was_recorded_elsewhere(wheels, experiments, tmp_path):
    shutil.copytree(experiments[1], tmp_path / "copied")
    analysis = Environment(tmp_path / "environment", sys.executable, wheels["meticulous-read"])
    assert not analysis.distributions() & {"meticulous-record", "gitpython", "tabulate"}
    code = (
        "import sys; import meticulous_read; assert 'pandas' not in sys.modules\n"
        "frame = meticulous_read.Experiments('copied').as_dataframe()\n"
        "columns = ('args', 'lr'), ('header', 'status'), ('summary', 'loss')\n"
        "print(*(frame[column].tolist() for column in columns))"
    )
    assert analysis(analysis.python, "-c", code, cwd=tmp_path) == (
        "[0.1, 0.2, 0.3] ['SUCCESS', 'SUCCESS', 'SUCCESS'] [0.25, 0.25, 0.25]\n"
    )


def test_the_command_alone_shows_what_was_recorded_elsewhere(wheels, experiments, tmp_path):
    shutil.copytree(experiments[1], tmp_path / "experiments")
    terminal = Environment(
        tmp_path / "environment", sys.executable, wheels["meticulous-read"], wheels["meticulous-cli"]
    )
    assert not terminal.distributions() & {"meticulous-record", "gitpython"}
    table = terminal(terminal.bin / "meticulous", cwd=tmp_path)
    assert table.count("SUCCESS") == 3
    shared = terminal.bin.parent / "share"
    completions = ROOT / "packages" / "meticulous-cli" / "completions"
    for installed, source in (
        ("bash-completion/completions/meticulous", "meticulous.bash"),
        ("zsh/site-functions/_meticulous", "_meticulous"),
        ("fish/vendor_completions.d/meticulous.fish", "meticulous.fish"),
    ):
        assert (shared / installed).read_bytes() == (completions / source).read_bytes()
    assert all(lr in table for lr in ("0.1", "0.2", "0.3"))


@pytest.mark.parametrize("name", PACKAGES)
def test_the_sdist_builds_the_same_wheel(name, wheels, tmp_path):
    sdist = build(ROOT / "packages" / name, tmp_path / "sdist", "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked")
    (source,) = (tmp_path / "unpacked").iterdir()
    again = build(source, tmp_path / "again", "wheel")
    assert again.name == wheels[name].name
    with zipfile.ZipFile(wheels[name]) as one, zipfile.ZipFile(again) as other:
        assert {info.filename: one.read(info) for info in one.infolist()} == {
            info.filename: other.read(info) for info in other.infolist()
        }


@pytest.mark.parametrize("name", PACKAGES)
def test_a_wheel_has_its_package_types_and_licence_and_nothing_else(name, wheels):
    package = {"meticulous-record": "meticulous"}.get(name, name.replace("-", "_"))
    with zipfile.ZipFile(wheels[name]) as wheel:
        names = wheel.namelist()
    assert f"{package}/py.typed" in names
    assert any(entry.endswith("licenses/LICENSE") for entry in names)
    distribution = f"{name.replace('-', '_')}-{wheels[name].name.split('-')[1]}"
    roots = {package, f"{distribution}.dist-info"}
    if name == "meticulous-cli":
        roots.add(f"{distribution}.data")
        assert {f"{package}/validate/schemas/{path.name}" for path in SCHEMAS.iterdir()} <= set(names)
    assert {entry.split("/")[0] for entry in names} == roots
    assert not [entry for entry in names if "test" in entry or "__pycache__" in entry]


def test_folders_install_with_plain_pip_and_together_the_recorder_offers_the_reader(tmp_path):
    folders = [ROOT / "packages" / name for name in PACKAGES]
    together = Environment(tmp_path / "environment", sys.executable, *folders, plain=True)
    assert together.distributions() >= set(PACKAGES)
    code = "from meticulous import Experiment, Experiments, ExperimentReader; print(Experiments.__module__)"
    assert together(together.python, "-c", code).startswith("meticulous_read")
