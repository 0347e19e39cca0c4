"""The command that runs an experiment again: pasted into a shell, it runs the code that ran then."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from meticulous_cli.show import shell

WINDOWS = sys.platform == "win32"
pytestmark = pytest.mark.skipif(
    not WINDOWS and not shutil.which("bash"), reason="there is no bash to paste into"
)
posix = pytest.mark.skipif(WINDOWS, reason="needs a POSIX shell: cmd and PowerShell read it differently")

SCRIPT = """
import json, os, sys
sys.path.insert(0, os.getcwd())
import part
config = open("config.yaml").read() if os.path.exists("config.yaml") else None
print(json.dumps({"part": part.VALUE, "arguments": sys.argv[1:], "place": os.path.basename(os.getcwd())}))
"""

OWN = {
    "__init__": "",
    "part": "VALUE = 1\n",
    "run": "import json, sys, own.part\n"
    'print(json.dumps({"part": own.part.VALUE, "arguments": sys.argv[1:]}))\n',
}


class Project:
    """A repository, and what is done to it."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.environment = environment
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.write(**{"train.py": SCRIPT, "part.py": "VALUE = 1\n", ".gitignore": "experiments\n"})
        self.sha = self.commit("First")

    def git(self, *arguments):
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.strip()

    def write(self, **files):
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def clone(self, name, *options):
        other = object.__new__(Project)
        other.folder, other.environment = self.folder.parent / name, self.environment
        self.git("clone", "-q", *options, str(self.folder), str(other.folder))
        return other


@pytest.fixture
def shell_environment(environment, tmp_path):
    people = {
        f"GIT_{who}_{key}": "ada@example.com" for who in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")
    }
    settings = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "protocol.file.allow",
        "GIT_CONFIG_VALUE_0": "always",
    }
    binaries = tmp_path / "bin"
    binaries.mkdir()
    if WINDOWS:
        binaries = os.path.dirname(sys.executable)
    else:
        (binaries / "python").symlink_to(sys.executable)
    path = f"{binaries}{os.pathsep}{environment['PATH']}"
    kept = {key: value for key, value in environment.items() if not key.startswith("GIT_")}
    return {**kept, **people, **settings, "GIT_CONFIG_GLOBAL": os.devnull, "PATH": path}


@pytest.fixture
def project(tmp_path, shell_environment):
    return Project(tmp_path / "digits", shell_environment)


@pytest.fixture
def record(make, project, tmp_path):
    """Return a function that records a run in the project: its experiment is in the project's folder."""

    def record(*command, patch=None, name="1", **metadata):
        metadata = {"githead_sha": project.sha, "working_directory": str(project.folder), **metadata}
        folder = make(
            name, command=["train.py", *command] if command[:1] != ("-m",) else list(command), **metadata
        )
        if patch is not None:
            (folder / "git.diff").write_text(patch)
        (project.folder / "experiments").mkdir(exist_ok=True)
        return folder.rename(project.folder / "experiments" / name)

    return record


def in_shell(line, cwd, environment):
    command = f'cmd /d /s /c "{line}"' if WINDOWS else ["bash", "-c", line]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", timeout=60
    )


@pytest.fixture
def pasted(run, shell_environment):
    """Return a function that pastes a page's last line into a shell; it returns the line and what was run.

    On Windows a line for each step stands there: they are run as one.
    """

    def pasted(folder, cwd):
        printed = run(folder, cwd=cwd, PATH=shell_environment["PATH"]).stdout
        section = printed.partition("\nrun it again\n")[2].splitlines()
        if WINDOWS:
            steps = [line for line in section if line.startswith(("git ", "pushd ", "python "))]
            section[-len(steps) :] = [" && ".join(steps)]
        done = in_shell(section[-1], cwd, shell_environment)
        assert done.returncode == 0, (section, done.stderr)
        return section, json.loads(done.stdout.splitlines()[-1])

    return pasted


def test_where_the_commit_is_checked_out_the_program_is_simply_started(project, record, pasted):
    section, ran = pasted(record("--lr", "0.1"), project.folder)
    assert section == ["python train.py --lr 0.1"]
    assert ran == {"part": 1, "arguments": ["--lr", "0.1"], "place": "digits"}


@pytest.mark.parametrize("change", ["commit", "edit", "both"])
def test_elsewhere_a_work_tree_beside_it_gets_the_commit(project, record, pasted, change):
    folder = record()
    project.write(**{"part.py": "VALUE = 2\n"})
    if change != "edit":
        project.commit("Second")
    if change == "both":
        project.write(**{"part.py": "VALUE = 3\n"})
    before = (
        project.git("rev-parse", "HEAD"),
        project.git("branch", "--show-current"),
        project.git("status", "-s"),
    )
    section, ran = pasted(folder, project.folder)
    assert (ran["part"], ran["place"]) == (1, "digits-1")
    after = (
        project.git("rev-parse", "HEAD"),
        project.git("branch", "--show-current"),
        project.git("status", "-s"),
    )
    assert after == before
    # Again, as the folder of the first time is taken.
    assert pasted(folder, project.folder)[1]["place"] == "digits-1-2"
    back = section[0].rpartition(": ")[2]
    assert in_shell(back, project.folder, project.environment).returncode == 0
    assert not (project.folder.parent / "digits-1").exists()
    # And as that of the second time was deleted without git.
    pasted(folder, project.folder)
    shutil.rmtree(project.folder.parent / "digits-1-2")
    assert pasted(folder, project.folder)[1]["place"] == "digits-1-2"


PATCH = """\
diff --git a/part.py b/part.py
--- a/part.py
+++ b/part.py
@@ -1 +1 @@
-VALUE = 1
+VALUE = 5
"""


@pytest.mark.parametrize("place", ["", "sub"])
@pytest.mark.parametrize("state", ["clean", "patched", "changed", "later"])
def test_uncommitted_changes_get_a_work_tree_of_their_own(project, record, pasted, state, place):
    """Also where they are in the reader's own: it may have more of them by now."""
    (project.folder / "sub").mkdir()
    folder = record(patch=PATCH, git_dirty=True)
    if state != "clean":
        project.write(
            **{"part.py": {"patched": "VALUE = 5\n", "changed": "VALUE = 6\n"}.get(state, "VALUE = 7\n")}
        )
    if state == "later":
        project.commit("Later")
    status = project.git("status", "-s", "-uno")  # without byte code
    section, ran = pasted(folder, project.folder / place)
    assert ran["part"] == 5
    assert project.git("status", "-s", "-uno") == status
    back = section[-2].rpartition(": ")[2]
    assert in_shell(back, project.folder / place, project.environment).returncode == 0
    assert len(project.git("worktree", "list").splitlines()) == 1


def test_changes_that_were_not_kept_are_named(project, record, pasted):
    section, ran = pasted(record(git_dirty=True), project.folder)
    assert len(section) == 2
    assert "not kept" in section[0]
    assert ran["part"] == 1


@pytest.mark.parametrize("options", [(), ("--recurse-submodules",)])
@pytest.mark.parametrize("moved", [False, True])
def test_submodules_come_with_their_commits_and_changes(
    tmp_path, shell_environment, project, record, pasted, moved, options
):
    library = Project(tmp_path / "library", shell_environment)
    project.git("submodule", "--quiet", "add", str(library.folder), "inner")
    project.write(**{"part.py": "import inner.part\nVALUE = inner.part.VALUE\n"})
    project.sha = project.commit("Library")
    more = {}
    if moved:  # on to a commit that the project's own commit does not name
        library.write(**{"part.py": "VALUE = 8\n"})
        sha = library.commit("Eight")
        more = {"git_repositories": [{"directory": "inner", "githead-sha": sha, "git-dirty": True}]}
        patch = PATCH.replace("/part.py", "/inner/part.py").replace("VALUE = 1", "VALUE = 8")
        more |= {"git_dirty": True, "patch": patch}
    folder = record(**more)
    clone = project.clone("clone", *options)
    assert pasted(folder, clone.folder)[1]["part"] == (5 if moved else 1)
    clone.write(**{"other.py": ""})
    clone.commit("More")
    assert pasted(folder, clone.folder)[1]["part"] == (5 if moved else 1)


@pytest.mark.parametrize("source", ["here", "remote", "nowhere"])
def test_a_clone_inside_that_is_no_submodule_is_cloned(
    tmp_path, shell_environment, project, record, pasted, run, source
):
    library = Project(tmp_path / "library", shell_environment)
    project.write(**{".gitignore": "experiments\nnested\n", "part.py": "from nested.part import VALUE\n"})
    project.sha = project.commit("Nested")
    nested = library.clone("digits/nested")
    known = {"directory": "nested", "githead-sha": library.sha, "git-dirty": False}
    folder = record(
        git_repositories=[{**known, "git-remote": str(library.folder)} if source == "remote" else known]
    )
    assert pasted(folder, project.folder)[0] == ["python train.py"]
    if source == "here":
        nested.write(**{"part.py": "VALUE = 2\n"})
        nested.commit("Second")
    else:
        nested.folder.rename(tmp_path / "away")
        library.write(**{"part.py": "VALUE = 2\n"})
        library.commit("Second")
    if source == "nowhere":
        assert f"nested was a clone of its own at {library.sha[:7]}" in run(folder, cwd=project.folder).stdout
    else:
        assert pasted(folder, project.folder)[1]["part"] == 1


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("state", ["same", "moved", "without it", "gone"])
def test_of_a_repository_beside_it_says_where_another_commit_is(
    tmp_path, shell_environment, project, record, pasted, state, later
):
    library = Project(tmp_path / "library", shell_environment)
    known = {
        "directory": "../library",
        "githead-sha": library.sha,
        "git-remote": "git@example.org:ada/lib.git",
    }
    folder = record(git_repositories=[known])
    if state == "moved":
        library.write(**{"part.py": "VALUE = 2\n"})
        library.commit("Second")
    elif state != "same":
        library.folder.rename(tmp_path / "away")
    if state == "without it":
        Project(library.folder, {**shell_environment, "GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z"})
    if later:
        project.git("commit", "-q", "--allow-empty", "-m", "More")
    section, _ = pasted(folder, project.folder)
    notes = [line for line in section if os.path.join("..", "library") in line]
    assert len(notes) == (state != "same")
    if state == "moved":
        way = notes[0].rpartition(": ")[2]
        assert in_shell(way, project.folder, shell_environment).returncode == 0
        assert library.git("rev-parse", "HEAD") == library.sha
        assert not any("library" in line for line in pasted(folder, project.folder)[0])
    elif notes:
        assert notes[0].endswith("git@example.org:ada/lib.git")


@posix
@pytest.mark.parametrize("elsewhere", ["later", "clone"])
@pytest.mark.parametrize(
    ("command", "layout"),
    [
        *(("console script", layout) for layout in ("src", "", "packages/own/src", "packages/own")),
        ("script", "src"),
        ("-m", "packages/own/src"),
    ],
)
def test_a_package_that_was_installed_to_be_edited_is_the_commits(
    tmp_path, shell_environment, project, record, pasted, command, layout, elsewhere
):
    """What `pip install -e` leaves: a path in site-packages, and a line in requirements.txt."""
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True, timeout=60)
    shell_environment["PATH"] = f"{environment / 'bin'}{os.pathsep}{shell_environment['PATH']}"
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "own.pth").write_text(f"{project.folder / layout}\n")
    script = environment / "bin" / "mytrain"
    script.write_text("import own.run\n")
    project.write(
        **{f"{layout or '.'}/own/{name}.py": text for name, text in OWN.items()},
        **{"go/t.py": "import own.run"},
    )
    project.sha = project.commit("Package")
    words = {"script": ["go/t.py"], "-m": ["-m", "own.run"], "console script": [str(script)]}[command]
    folder = record("-m")
    metadata = json.loads((folder / "metadata.json").read_text())
    metadata |= {"command": [*words, "--lr", "1"], "runtime": "Python 3.11.7"}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    origin = project.folder / layout.removesuffix("src")
    requirements = f"numpy==1.26.4\nown @ {origin.as_uri()}\nother @ {tmp_path.as_uri()}\n"
    (folder / "requirements.txt").write_text(requirements)
    assert "PYTHONPATH" not in "".join(pasted(folder, project.folder)[0])
    at = project.clone("clone") if elsewhere == "clone" else project
    project.write(**{f"{layout or '.'}/own/part.py": "VALUE = 2\n"})
    project.commit("Later")
    ran = pasted(folder, at.folder)[1]
    assert (ran["part"], ran["arguments"]) == (1, ["--lr", "1"])
    if elsewhere == "later":  # and of what that recorded, in the work tree and from the first one
        tree = project.folder.parent / "digits-1"
        metadata["working-directory"] = str(tree)
        (folder / "metadata.json").write_text(json.dumps(metadata))
        for at in (tree, project.folder):
            assert pasted(folder, at)[1]["part"] == 1


@pytest.mark.parametrize("words", [["lab/é new.py"], ["-m", "lab.go"]])
def test_what_only_the_patch_has_is_named_no_more_than_what_the_commit_has(project, record, pasted, words):
    project.write(**{"lab/é new.py": SCRIPT, "lab/go.py": SCRIPT, "conf/a.yaml": "a: 1\n"})
    project.git("add", "-A")
    patch = project.git("diff", "--cached", "--binary", "HEAD")
    project.git("reset", "-q")
    project.write(**{"data.csv": "1\n"})
    folder = record("-m", patch=f"{patch}\n", git_dirty=True)
    metadata = json.loads((folder / "metadata.json").read_text())
    metadata |= {"command": [*words, "conf", "conf/a.yaml", "data.csv"], "runtime": "Python 3.11"}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    section, ran = pasted(folder, project.folder)
    assert "not in the commit, so perhaps not what it was: data.csv" in map(str.strip, section)
    assert (ran["place"], ran["arguments"]) == ("digits-1", metadata["command"][len(words) :])


@pytest.mark.parametrize("words", [["/env/bin/mytrain"], ["-m", "installed.train"]])
def test_a_program_that_is_in_no_commit_is_named(project, record, run, words):
    folder = record("-m")
    metadata = json.loads((folder / "metadata.json").read_text())
    (folder / "metadata.json").write_text(json.dumps({**metadata, "command": words}))
    named = f"not in the commit, so perhaps not what it was: {words[-1]}"
    assert named not in run(folder, cwd=project.folder).stdout
    project.git("commit", "-q", "--allow-empty", "-m", "More")
    assert named in run(folder, cwd=project.folder).stdout


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("folder", "command", "place"),
    [
        ("lab", ["run.py"], "lab"),
        ("lab/out/deep", ["run.py"], "lab"),
        ("", ["lab/run.py"], "digits"),
        ("lab", ["../train.py"], "lab"),
        ("lab", ["-m", "tools.go"], "lab"),
        ("lab", ["{root}/lab/run.py"], "lab"),
    ],
)
def test_it_starts_where_the_script_is_from_there(
    project, record, pasted, run, folder, command, place, later, known, tmp_path
):
    """Also where the program changed its directory before the experiment started, and in another clone."""
    for path in ("lab/run.py", "lab/tools/go.py"):
        project.write(**{path: SCRIPT, os.path.join("lab", "part.py"): "VALUE = 1\n"})
    (project.folder / ".gitignore").write_text("experiments\nout\n")
    project.sha = project.commit("Lab")
    where = project.folder / folder
    where.mkdir(parents=True, exist_ok=True)
    command = [part.replace("{root}", str(project.folder)) for part in command]
    experiment = record("-m", working_directory=str(where))
    metadata = json.loads((experiment / "metadata.json").read_text())
    (experiment / "metadata.json").write_text(
        json.dumps({**metadata, "command": command, "runtime": "Python 3.11"})
    )
    at = project
    if not known:
        at = project.clone("clone")
        experiment = experiment.rename(tmp_path / "1")
        project.folder.rename(tmp_path / "away")
    if later:
        at.write(**{"more.py": ""})
        at.commit("More")
    expected = place if place != "digits" else "digits-1" if later else "digits"
    if not known:
        expected = expected.replace("digits", "clone")
    assert pasted(experiment, at.folder)[1] == {"part": 1, "arguments": [], "place": expected}


@pytest.mark.parametrize(
    "argument",
    [
        *("two words", "it's", "é漢", "a&b|c>d^e"),
        *(
            pytest.param(text, marks=posix)
            for text in ("a\nb", "\u200b\u202e", "$HOME `x` \\n", "\x1b[2J\t", "\udcff")
        ),
    ],
)
def test_any_argument_arrives_as_it_was(project, record, pasted, argument):
    section, ran = pasted(record("--text", argument), project.folder)
    assert ran["arguments"] == ["--text", argument]
    assert section[-1].isprintable()


def test_a_file_on_the_command_line_that_no_commit_has_is_named(project, record, pasted):
    project.write(**{"config.yaml": "lr: 1\n", "data/x.npz": ""})
    folder = record("config.yaml", "--data=data/x.npz", "part.py", "--lr", "0.1")
    section, _ = pasted(folder, project.folder)
    assert section[0].endswith("config.yaml, data/x.npz")
    project.git("commit", "-q", "--allow-empty", "-m", "More")
    section, _ = pasted(folder, project.folder)
    assert any(line.endswith("config.yaml, data/x.npz") for line in section)


@pytest.mark.parametrize(
    "words", [["--experiments-directory", "experiments"], ["--experiments-directory=experiments/"]]
)
def test_the_folder_of_the_experiments_is_no_such_file(project, record, pasted, words):
    assert pasted(record(*words), project.folder)[0] == [f"python train.py {' '.join(words)}"]


@pytest.mark.parametrize(
    ("args", "command", "left"),
    [
        ({}, ["--experiment-id", "3", "--resume", "--lr=1"], ["--lr=1"]),
        ({}, ["--experiment-id=3", "--meticulous-resume"], []),
        ({}, ["--experiment-id"], []),
        ({}, ["--resume", "--", "--resume"], ["--", "--resume"]),
        ({"resume": "m.pt"}, ["--resume", "m.pt", "--meticulous-experiment-id", "1"], ["--resume", "m.pt"]),
    ],
)
def test_options_that_lead_back_into_the_experiment_are_left_out(
    project, record, pasted, args, command, left
):
    folder = record(*command)
    (folder / "args.json").write_text(json.dumps(args))
    assert pasted(folder, project.folder)[1]["arguments"] == left


@pytest.mark.parametrize(
    "metadata",
    [
        {"command": "t.py --lr 1"},
        {"command": ["-c"]},
        {"command": ["-"]},
        {"command": []},
        {"command": ["t.py", 3]},
        {"command": ["t.py"], "githead_sha": "main; rm -rf ."},
        {"command": ["t.py"], "githead_sha": None},
    ],
)
def test_what_is_not_known_well_enough_is_not_offered(make, run, metadata):
    make("1", **metadata)
    assert "run it again" not in run("1").stdout


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        (["/env/lib/python3.11/site-packages/ray/_private/workers/default_worker.py", "--w"], "args.json"),
        (["/env/lib/python3.11/site-packages/submitit/core/_submit.py", "jobs"], "args.json"),
        (["C:\\env\\site-packages\\ray\\_private\\workers\\default_worker.py", "--w"], "args.json"),
        (["/env/bin/dask", "worker", "tcp://head:8786"], "args.json"),
        (["/env/bin/dask-worker", "tcp://head:8786"], "args.json"),
        (["/env/lib/python3.11/site-packages/ipykernel_launcher.py", "-f", "k.json"], "cells"),
        (["/code/submitit/train.py", "worker"], None),
        (["train_dask.py", "worker"], None),
    ],
)
def test_what_was_started_elsewhere_is_not_offered_as_a_line(make, run, command, instead):
    make("1", command=command)
    section = run("1").stdout.partition("run it again\n")[2]
    assert (command[-1] in section) == (instead is None)
    assert instead is None or instead in section


def test_without_a_repository_it_says_of_which_a_clone_is_needed(make, run):
    make("1", git_remote="git@example.org:ada/digits.git")
    section = run("1").stdout.partition("run it again\n")[2].splitlines()
    assert section[0].endswith("git@example.org:ada/digits.git")
    assert any(line.startswith("git checkout 0123456789abcdef") for line in section)


@pytest.mark.skipif(not WINDOWS, reason="needs drives")
def test_from_another_drive_whole_paths_lead_there(project, record, pasted, tmp_path, shell_environment):
    drives = (f"{letter}:\\" for letter in "DEFGHIJKLMNOPQRSTUVWXYZC" if letter != project.folder.drive[0])
    other = next(filter(os.path.isdir, drives), None)
    if other is None:
        pytest.skip("needs a second drive")
    library = Project(tmp_path / "library", shell_environment)
    known = {"directory": "../library", "githead-sha": library.sha}
    library.write(**{"part.py": "VALUE = 2\n"})
    library.commit("Second")
    section, ran = pasted(record(git_repositories=[known]), other)
    assert ran["place"] == "digits"
    assert any(str(library.folder) in line for line in section)


def test_a_hostile_repository_runs_nothing(project, record, run, tmp_path):
    project.write(**{".gitattributes": "* filter=hostile\n"})
    project.sha = project.commit("Attributes")
    hostile = f"touch {tmp_path}/stolen; cat"
    for key in ("filter.hostile.clean", "filter.hostile.smudge", "filter.hostile.process", "core.fsmonitor"):
        project.git("config", key, hostile)
    os.utime(project.folder / "part.py", (1, 1))
    for patch in (None, PATCH):
        folder = record(patch=patch, git_dirty=patch is not None, name="2" if patch else "1")
        project.write(**{"part.py": "VALUE = 5\n"})
        assert "run it again" in run(folder, cwd=project.folder).stdout
    assert not (tmp_path / "stolen").exists()


@pytest.mark.parametrize(
    "requirement",
    ["x @ file://[bad", "x @ file:///%00", "x @ file:///a%0Ab", "x @ file://h/s", "x @ file:///x{}"],
)
@pytest.mark.parametrize("directory", ["../a\0b", "a\0b", "\ud800", "../\ud800", "../x{}", "/x{}", "x{}"])
def test_a_hostile_record_neither_fails_nor_takes_long(project, record, run, requirement, directory):
    count = 5000 if "{}" in requirement + directory else 1
    others = [{"directory": directory.format(n), "githead-sha": project.sha} for n in range(count)]
    folder = record(git_repositories=others)
    (folder / "requirements.txt").write_text("\n".join(requirement.format(n) for n in range(count)))
    result = run(folder, cwd=project.folder)
    assert (result.returncode, result.stderr) == (0, "")
    assert "\nrun it again\n" in result.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["python", "train.py", "--lr", "0.1"], "python train.py --lr 0.1"),
        (["git", "apply", "C:\\a b\\git.diff"], 'git apply "C:\\a b\\git.diff"'),
        (["cd", "C:\\exp"], "pushd C:\\exp"),
        (
            ["python", "t.py", "a&b", "x^y", "it's", "a,b", "-x.y"],
            'python t.py "a&b" "x^y" "it\'s" "a,b" "-x.y"',
        ),
        (["python", "t.py", ""], 'python t.py ""'),
        (["python", "t.py", "100%"], ""),
        (["python", "t.py", "$x"], ""),
        (["python", "t.py", 'say "a"'], ""),
        (["python", "t.py", "a\nb"], ""),
        (["python", "t.py", "\u202e"], ""),
    ],
)
def test_on_windows_cmd_and_powershell_read_the_same(monkeypatch, words, line):
    monkeypatch.setattr(shell.os, "name", "nt")
    assert shell.pasted([words]) == line
    assert shell.pasted([["git", "status"], words]) == (f"git status\n{line}" if line else "")
