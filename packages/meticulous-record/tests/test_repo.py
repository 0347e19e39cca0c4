"""Which commit runs, what of the code is in none, and that the repository stays as it is."""

import json
import os
import shutil
import subprocess
import sys

import meticulous
import pytest
from meticulous import Experiment
from meticulous._start import repository as _repo


@pytest.fixture(autouse=True)
def _in_repository(project, monkeypatch):
    monkeypatch.chdir(project)


def test_the_message_is_recorded_whatever_git_is_told_to_show_it_in(project, git):
    git("config", "i18n.logOutputEncoding", "ISO-8859-1")
    git("commit", "-q", "--allow-empty", "-m", "Größer")
    with Experiment({}) as experiment:
        metadata = json.loads((experiment.directory / "metadata.json").read_text("utf-8"))
    assert metadata["githead-message"].strip() == "Größer"


SCRIPT = (
    "from meticulous import Experiment\nExperiment({}, allow_dirty='--dirty' in __import__('sys').argv)\n"
)


def execute(folder, *command, **environment):
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def last_line(done):
    return done.stderr.splitlines()[-1]


@pytest.fixture
def script(project, git):
    (project / "train.py").write_text(SCRIPT)
    git("add", ".")
    git("commit", "-q", "-m", "script")
    return "train.py"


class TestRefusals:
    def test_no_repository(self, tmp_path):
        plain = tmp_path / "plain"
        plain.mkdir()
        with pytest.raises(
            meticulous.RepositoryError, match=r"no git repository.*--project-directory.*--norecord"
        ):
            Experiment({}, project_directory=plain)
        assert os.listdir(plain) == []

    def test_a_project_directory_that_is_not_there(self, tmp_path):
        with pytest.raises(meticulous.RepositoryError, match=r"is not there.*--project-directory"):
            Experiment({}, project_directory=tmp_path / "nowhere")

    def test_no_commit_yet(self, tmp_path):
        empty = tmp_path / "empty"
        subprocess.run(["git", "init", "-q", empty], check=True)
        with pytest.raises(meticulous.RepositoryError, match=r"no commit yet.*commit your code first"):
            Experiment({}, project_directory=empty)
        assert os.listdir(empty) == [".git"]

    def test_a_bare_repository(self, tmp_path):
        subprocess.run(["git", "init", "-q", "--bare", tmp_path / "bare"], check=True)
        with pytest.raises(meticulous.RepositoryError, match="bare"):
            Experiment({}, project_directory=tmp_path / "bare")

    def test_no_git(self, project, script, tmp_path):
        done = execute(project, script, PATH=str(tmp_path))
        assert "git cannot be run" in last_line(done)
        assert "install git" in last_line(done)
        assert not (project / "experiments").exists()

    @pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away"
    )
    def test_a_repository_of_another_user(self, project):
        for folder, _, files in os.walk(project):
            for path in [folder, *(os.path.join(folder, name) for name in files)]:
                os.chown(path, 12345, 12345)
        with pytest.raises(meticulous.RepositoryError, match=r"another user.*safe\.directory"):
            Experiment({})

    def test_a_broken_repository_with_what_git_says(self, project):
        shutil.rmtree(project / ".git" / "objects")
        (project / ".git" / "objects").mkdir()
        with pytest.raises(meticulous.RepositoryError, match="`git log` failed"):
            Experiment({})

    def test_changed_files_are_named(self, project, git):
        for name in ("a file.py", "ü.py", "deleted.py", "old.py"):
            (project / name).write_text(f"# {name}\n" * 5)
        git("add", ".")
        git("commit", "-q", "-m", "more")
        (project / "a file.py").write_text("changed")
        (project / "ü.py").write_text("changed")
        (project / "deleted.py").unlink()
        (project / "staged.py").write_text("new")
        git("add", "staged.py")
        git("mv", "old.py", "new.py")
        with pytest.raises(meticulous.DirtyRepoException) as refused:
            Experiment({})
        assert set(refused.value.found) == {"a file.py", "ü.py", "deleted.py", "staged.py", "new.py"}
        assert "--allow-dirty" in str(refused.value)
        assert not (project / "experiments").exists()

    def test_a_script_that_was_never_added(self, project):
        (project / "new.py").write_text(SCRIPT)
        done = execute(project, "new.py")
        assert last_line(done).startswith("meticulous.errors.DirtyRepoException:")
        assert "not added: new.py." in last_line(done)

    def test_a_script_from_outside_of_the_repository(self, project, tmp_path):
        (tmp_path / "elsewhere.py").write_text(SCRIPT)
        done = execute(project, "../elsewhere.py")
        assert "elsewhere.py' is not in the repository" in last_line(done)
        assert not (project / "experiments").exists()

    def test_without_a_chain_of_inner_errors(self, project, script):
        (project / script).write_text("# changed\n" + SCRIPT)
        done = execute(project, script)
        assert done.stderr.count("Traceback") == 1

    def test_a_module_that_was_never_added(self, project, script, git):
        (project / "train.py").write_text("import model\n" + SCRIPT)
        git("commit", "-q", "-a", "-m", "import")
        (project / "model.py").write_text("")
        assert "not added: model.py." in last_line(execute(project, script))


class TestAccepted:
    def test_untracked_files_that_are_not_code(self, project, script):
        (project / "notes.txt").write_text("x")
        assert execute(project, script).returncode == 0

    def test_ignored_code(self, project, script, git):
        (project / "train.py").write_text("import generated\n" + SCRIPT)
        (project / ".gitignore").write_text("generated.py\n")
        git("add", ".")
        git("commit", "-q", "-m", "ignore")
        (project / "generated.py").write_text("")
        assert execute(project, script).returncode == 0

    def test_changes_in_the_experiments_directory(self, project, git):
        notes = project / "runs" / "notes.md"
        notes.parent.mkdir()
        notes.write_text("x")
        git("add", ".")
        git("commit", "-q", "-m", "notes")
        notes.write_text("changed")
        with Experiment({}, experiments_directory="runs") as experiment:
            assert experiment.directory.parent == notes.parent

    def test_a_subfolder_of_the_repository(self, project, script, git):
        (project / "deep" / "er").mkdir(parents=True)
        done = execute(project / "deep" / "er", "../../train.py")
        assert done.returncode == 0
        assert (project / "deep" / "er" / "experiments" / "1").is_dir()

    def test_a_linked_work_tree(self, project, git, tmp_path):
        git("worktree", "add", "-q", str(tmp_path / "tree"), "-b", "other")
        with Experiment({}, project_directory=tmp_path / "tree") as experiment:
            assert '"githead-branch": "other"' in (experiment.directory / "metadata.json").read_text()

    def test_a_submodule_with_code_that_is_imported(self, project, git, tmp_path):
        library = tmp_path / "library"
        subprocess.run(["git", "init", "-q", library], check=True)
        (library / "part.py").write_text("")
        user = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", "-C", library, "add", "."], check=True)
        subprocess.run(["git", *user, "-C", library, "commit", "-q", "-m", "part"], check=True)
        git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "library")
        (project / "train.py").write_text("import library.part\n" + SCRIPT)
        git("add", ".")
        git("commit", "-q", "-m", "submodule")
        done = execute(project, "train.py")
        assert done.returncode == 0, done.stderr


class TestPatch:
    def test_turns_the_commit_into_what_ran(self, project, git, tmp_path):
        (project / "train.py").write_text("import helper\n" + SCRIPT)
        (project / "weights.bin").write_bytes(bytes(range(256)))
        git("add", ".")
        git("commit", "-q", "-m", "script")
        (project / "train.py").write_text("import helper, sys\n" + SCRIPT)
        (project / "weights.bin").write_bytes(bytes(range(255, -1, -1)))
        (project / "helper.py").write_text("# no newline at the end: ü")
        assert execute(project, "train.py", "--dirty").returncode == 0
        folder = project / "experiments" / "1"
        assert '"git-dirty": true' in (folder / "metadata.json").read_text()
        clone = tmp_path / "clone"
        subprocess.run(["git", "clone", "-q", project, clone], check=True)
        subprocess.run(["git", "apply", folder / "git.diff"], cwd=clone, check=True)
        for name in ("train.py", "weights.bin", "helper.py"):
            assert (clone / name).read_bytes() == (project / name).read_bytes()

    def test_is_not_written_where_nothing_differs(self, project, script):
        assert execute(project, script, "--dirty").returncode == 0
        assert not (project / "experiments" / "1" / "git.diff").exists()

    def test_leaves_the_experiments_directory_out(self, project, git):
        (project / "runs").mkdir()
        (project / "runs" / "notes.md").write_text("x")
        git("add", ".")
        git("commit", "-q", "-m", "notes")
        (project / "runs" / "notes.md").write_text("changed")
        with Experiment({}, experiments_directory="runs", allow_dirty=True) as experiment:
            assert not (experiment.directory / "git.diff").exists()

    def test_is_what_git_apply_takes_whatever_the_user_configured(self, project, git):
        git("config", "diff.noprefix", "true")
        git("config", "color.ui", "always")
        git("config", "diff.external", "false")
        name = git("ls-files").splitlines()[0]
        (project / name).write_text("changed\n")
        with Experiment({}, allow_dirty=True) as experiment:
            patch = experiment.directory / "git.diff"
        git("stash", "-q")
        git("apply", str(patch))
        assert (project / name).read_text() == "changed\n"


@pytest.mark.skipif(sys.platform == "win32", reason="the counting git is a shell script")
@pytest.mark.parametrize("arguments", [[], ["--dirty"]])
def test_a_start_asks_git_three_questions_and_takes_no_locks(project, script, tmp_path, arguments):
    log = tmp_path / "calls"
    counting = tmp_path / "bin" / "git"
    counting.parent.mkdir()
    counting.write_text(
        f'#!/bin/sh\necho "$GIT_OPTIONAL_LOCKS $*" >> "{log}"\nexec "{shutil.which("git")}" "$@"\n'
    )
    counting.chmod(0o755)
    path = os.pathsep.join([str(counting.parent), os.environ["PATH"]])
    assert execute(project, script, *arguments, PATH=path).returncode == 0
    # `git version` is GitPython's own, when it is imported.
    calls = [line for line in log.read_text().splitlines() if not line.endswith("version")]
    assert len(calls) == 3
    assert all(line.startswith("0 ") for line in calls)


def test_the_repository_is_untouched(project, script):
    def everything():
        return {
            path: (path.read_bytes(), path.stat().st_mtime_ns)
            for path in project.rglob("*")
            if path.is_file() and "experiments" not in path.parts
        }

    os.utime(project / "train.py")  # git would refresh its index now, if it were allowed to
    before = everything()
    assert execute(project, script).returncode == 0
    assert everything() == before


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:token@example.com/a.git", "https://example.com/a.git"),
        ("https://token@example.com/a.git", "https://example.com/a.git"),
        ("https://u:p@ss@example.com:8080/a", "https://example.com:8080/a"),
        ("https://example.com/a.git?private_token=x#y", "https://example.com/a.git"),
        ("https://example.com/@scope/a", "https://example.com/@scope/a"),
        ("ssh://git:secret@example.com/a.git", "ssh://git@example.com/a.git"),
        ("git@example.com:ada/a.git", "git@example.com:ada/a.git"),
        ("../a.git", "../a.git"),
        ("https://", "https://"),
    ],
)
def test_a_remote_is_shown_without_credentials(url, shown):
    assert _repo.without_credentials(url) == shown
