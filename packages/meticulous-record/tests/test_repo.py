"""Which commit runs, what of the code is in none, and that the repository stays as it is."""

import os
import shutil
import subprocess
import sys

import meticulous
import pytest
from meticulous import Experiment, _repo


@pytest.fixture(autouse=True)
def _in_repository(repository, monkeypatch):
    monkeypatch.chdir(repository)


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
def script(repository, git):
    (repository / "train.py").write_text(SCRIPT)
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
        with pytest.raises(meticulous.RepositoryError, match="no git repository"):
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

    def test_no_git(self, repository, script, tmp_path):
        done = execute(repository, script, PATH=str(tmp_path))
        assert "git cannot be run" in last_line(done)
        assert "install git" in last_line(done)
        assert not (repository / "experiments").exists()

    @pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away"
    )
    def test_a_repository_of_another_user(self, repository):
        for folder, _, files in os.walk(repository):
            for path in [folder, *(os.path.join(folder, name) for name in files)]:
                os.chown(path, 12345, 12345)
        with pytest.raises(meticulous.RepositoryError, match=r"another user.*safe\.directory"):
            Experiment({})

    def test_a_broken_repository_with_what_git_says(self, repository):
        shutil.rmtree(repository / ".git" / "objects")
        (repository / ".git" / "objects").mkdir()
        with pytest.raises(meticulous.RepositoryError, match="`git log` failed"):
            Experiment({})

    def test_changed_files_are_named(self, repository, git):
        for name in ("a file.py", "ü.py", "deleted.py", "old.py"):
            (repository / name).write_text(f"# {name}\n" * 5)
        git("add", ".")
        git("commit", "-q", "-m", "more")
        (repository / "a file.py").write_text("changed")
        (repository / "ü.py").write_text("changed")
        (repository / "deleted.py").unlink()
        (repository / "staged.py").write_text("new")
        git("add", "staged.py")
        git("mv", "old.py", "new.py")
        with pytest.raises(meticulous.DirtyRepoException) as refused:
            Experiment({})
        assert set(refused.value.found) == {"a file.py", "ü.py", "deleted.py", "staged.py", "new.py"}
        assert "--allow-dirty" in str(refused.value)
        assert not (repository / "experiments").exists()

    def test_a_script_that_was_never_added(self, repository):
        (repository / "new.py").write_text(SCRIPT)
        done = execute(repository, "new.py")
        assert last_line(done).startswith("meticulous.errors.DirtyRepoException:")
        assert "not added: new.py." in last_line(done)

    def test_a_module_that_was_never_added(self, repository, script, git):
        (repository / "train.py").write_text("import model\n" + SCRIPT)
        git("commit", "-q", "-a", "-m", "import")
        (repository / "model.py").write_text("")
        assert "not added: model.py." in last_line(execute(repository, script))


class TestAccepted:
    def test_untracked_files_that_are_not_code(self, repository, script):
        (repository / "notes.txt").write_text("x")
        assert execute(repository, script).returncode == 0

    def test_ignored_code(self, repository, script, git):
        (repository / "train.py").write_text("import generated\n" + SCRIPT)
        (repository / ".gitignore").write_text("generated.py\n")
        git("add", ".")
        git("commit", "-q", "-m", "ignore")
        (repository / "generated.py").write_text("")
        assert execute(repository, script).returncode == 0

    def test_changes_in_the_experiments_directory(self, repository, git):
        notes = repository / "runs" / "notes.md"
        notes.parent.mkdir()
        notes.write_text("x")
        git("add", ".")
        git("commit", "-q", "-m", "notes")
        notes.write_text("changed")
        with Experiment({}, experiments_directory="runs") as experiment:
            assert experiment.directory.parent == notes.parent

    def test_a_subfolder_of_the_repository(self, repository, script, git):
        (repository / "deep" / "er").mkdir(parents=True)
        done = execute(repository / "deep" / "er", "../../train.py")
        assert done.returncode == 0
        assert (repository / "deep" / "er" / "experiments" / "1").is_dir()

    def test_a_linked_work_tree(self, repository, git, tmp_path):
        git("worktree", "add", "-q", str(tmp_path / "tree"), "-b", "other")
        with Experiment({}, project_directory=tmp_path / "tree") as experiment:
            assert '"githead-branch": "other"' in (experiment.directory / "metadata.json").read_text()

    def test_a_submodule_with_code_that_is_imported(self, repository, git, tmp_path):
        library = tmp_path / "library"
        subprocess.run(["git", "init", "-q", library], check=True)
        (library / "part.py").write_text("")
        user = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", "-C", library, "add", "."], check=True)
        subprocess.run(["git", *user, "-C", library, "commit", "-q", "-m", "part"], check=True)
        git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "library")
        (repository / "train.py").write_text("import library.part\n" + SCRIPT)
        git("add", ".")
        git("commit", "-q", "-m", "submodule")
        done = execute(repository, "train.py")
        assert done.returncode == 0, done.stderr


class TestPatch:
    def test_turns_the_commit_into_what_ran(self, repository, git, tmp_path):
        (repository / "train.py").write_text("import helper\n" + SCRIPT)
        (repository / "weights.bin").write_bytes(bytes(range(256)))
        git("add", ".")
        git("commit", "-q", "-m", "script")
        (repository / "train.py").write_text("import helper, sys\n" + SCRIPT)
        (repository / "weights.bin").write_bytes(bytes(range(255, -1, -1)))
        (repository / "helper.py").write_text("# no newline at the end: ü")
        assert execute(repository, "train.py", "--dirty").returncode == 0
        folder = repository / "experiments" / "1"
        assert '"git-dirty": true' in (folder / "metadata.json").read_text()
        clone = tmp_path / "clone"
        subprocess.run(["git", "clone", "-q", repository, clone], check=True)
        subprocess.run(["git", "apply", folder / "git.diff"], cwd=clone, check=True)
        for name in ("train.py", "weights.bin", "helper.py"):
            assert (clone / name).read_bytes() == (repository / name).read_bytes()

    def test_is_not_written_where_nothing_differs(self, repository, script):
        assert execute(repository, script, "--dirty").returncode == 0
        assert not (repository / "experiments" / "1" / "git.diff").exists()

    def test_leaves_the_experiments_directory_out(self, repository, git):
        (repository / "runs").mkdir()
        (repository / "runs" / "notes.md").write_text("x")
        git("add", ".")
        git("commit", "-q", "-m", "notes")
        (repository / "runs" / "notes.md").write_text("changed")
        with Experiment({}, experiments_directory="runs", allow_dirty=True) as experiment:
            assert not (experiment.directory / "git.diff").exists()

    def test_is_what_git_apply_takes_whatever_the_user_configured(self, repository, git):
        git("config", "diff.noprefix", "true")
        git("config", "color.ui", "always")
        git("config", "diff.external", "false")
        name = git("ls-files").splitlines()[0]
        (repository / name).write_text("changed\n")
        with Experiment({}, allow_dirty=True) as experiment:
            patch = experiment.directory / "git.diff"
        git("stash", "-q")
        git("apply", str(patch))
        assert (repository / name).read_text() == "changed\n"


@pytest.mark.skipif(sys.platform == "win32", reason="the counting git is a shell script")
@pytest.mark.parametrize("arguments", [[], ["--dirty"]])
def test_a_start_asks_git_three_questions_and_takes_no_locks(repository, script, tmp_path, arguments):
    log = tmp_path / "calls"
    counting = tmp_path / "bin" / "git"
    counting.parent.mkdir()
    counting.write_text(
        f'#!/bin/sh\necho "$GIT_OPTIONAL_LOCKS $*" >> "{log}"\nexec "{shutil.which("git")}" "$@"\n'
    )
    counting.chmod(0o755)
    path = os.pathsep.join([str(counting.parent), os.environ["PATH"]])
    assert execute(repository, script, *arguments, PATH=path).returncode == 0
    # `git version` is GitPython's own, when it is imported.
    calls = [line for line in log.read_text().splitlines() if not line.endswith("version")]
    assert len(calls) == 3
    assert all(line.startswith("0 ") for line in calls)


def test_the_repository_is_untouched(repository, script):
    def everything():
        return {
            path: (path.read_bytes(), path.stat().st_mtime_ns)
            for path in repository.rglob("*")
            if path.is_file() and "experiments" not in path.parts
        }

    os.utime(repository / "train.py")  # git would refresh its index now, if it were allowed to
    before = everything()
    assert execute(repository, script).returncode == 0
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
