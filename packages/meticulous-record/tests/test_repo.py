"""Which commits run, what of the code is in none, and that the repositories stay as they are.

`tests/drills/repositories.py` makes records again from their commits and patches, in many more layouts.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec

import meticulous
import pytest
from meticulous import Experiment

USER = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always")


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


RESUMING = """
import sys
from meticulous import Experiment
name = sys.argv[1] if len(sys.argv) > 1 else None
print(Experiment({}, experiment_id=name, resume=not name).experiment_id)
"""


def execute(folder, *command, **environment):
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )


def last_line(done):
    return done.stderr.splitlines()[-1]


def is_refused(done, word):
    """Whether a start was refused with one sentence that has `word`, under one traceback."""
    assert done.returncode == 1, done.stdout
    assert done.stderr.count("Traceback") == 1
    return last_line(done).startswith("meticulous.errors.") and word in last_line(done)


def metadata_of(folder, experiment="1"):
    return json.loads((folder / "experiments" / experiment / "metadata.json").read_text("utf-8"))


def make_repository(path, **files):
    """A repository with one commit of these files; `__` stands for a dot."""
    path.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (path / name.replace("__", ".")).write_text(content)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *USER, *command], cwd=path, check=True)
    return path


@pytest.fixture
def git_that(tmp_path):
    """Put a shell script in front of git; return the PATH with it."""
    if sys.platform == "win32":
        pytest.skip("the git in front is a shell script")

    def git_that(code):
        folder = tmp_path / "in front"
        folder.mkdir()
        (folder / "git").write_text(f'#!/bin/sh\n{code}\nexec "{shutil.which("git")}" "$@"\n')
        (folder / "git").chmod(0o755)
        return os.pathsep.join([str(folder), os.environ["PATH"]])

    return git_that


class CountingGit:
    def __init__(self, path, log):
        self.path, self._log = path, log

    def calls(self):
        # `git version` is GitPython's own, when it is imported.
        return [line for line in self._log.read_text().splitlines() if not line.endswith("version")]


@pytest.fixture
def counting_git(git_that, tmp_path):
    """A git that writes down what it is asked."""
    log = tmp_path / "calls"
    return CountingGit(git_that(f'echo "$GIT_OPTIONAL_LOCKS $*" >> "{log}"'), log)


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
            meticulous.RepositoryError, match=r"no git repository.*project_directory.*norecord=True"
        ):
            Experiment({}, project_directory=plain)
        assert os.listdir(plain) == []

    def test_a_project_directory_that_is_not_there(self, tmp_path):
        with pytest.raises(meticulous.RepositoryError, match=r"is not there.*project_directory"):
            Experiment({}, project_directory=tmp_path / "nowhere")

    @pytest.mark.skipif(sys.platform == "win32", reason="nobody can delete it there")
    @pytest.mark.parametrize("options", ["", "norecord=True"])
    def test_a_working_directory_that_was_deleted(self, project, script, options):
        (project / "gone").mkdir()
        code = f"import os, meticulous; os.rmdir(os.getcwd()); meticulous.Experiment({{}}, {options})"
        done = execute(project / "gone", "-c", code)
        assert done.returncode == 0 if options else is_refused(done, "project_directory")

    def test_no_commit_yet(self, tmp_path):
        empty = tmp_path / "empty"
        subprocess.run(["git", "init", "-q", empty], check=True)
        with pytest.raises(meticulous.RepositoryError, match=r"no commit yet.*commit your code first"):
            Experiment({}, project_directory=empty)
        assert os.listdir(empty) == [".git"]

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
        (project / ".git" / "objects").rename(project.parent / "away")
        (project / ".git" / "objects").mkdir()
        with pytest.raises(
            meticulous.RepositoryError, match=r"`git status` failed .*: repair the repository"
        ):
            Experiment({})

    @pytest.mark.parametrize(
        ("version", "said", "word"),
        [
            # 2.17 is the least that knows all options.
            ("1.8.3.1", "error: unknown option `porcelain=v2'", "2.17"),
            ("2.7.4", "usage: git status", "2.17"),
            ("2.39.5", "fatal: a.bin: clean filter 'lfs' failed", "git-lfs"),
            (
                "2.39.5",
                "git-lfs filter-process: 1: git-lfs: not found\nfatal: the remote end hung up unexpectedly",
                "git-lfs?",
            ),
            ("2.39.5", "fatal: could not fetch 39923daa from promisor remote", "network"),
            ("2.39.5", "fatal: bad config line 1 in file .git/config", "repair that file"),
            ("", "fatal: bad config line 1 in file /home/ada/.gitconfig", "`git version`"),
        ],
    )
    def test_what_git_cannot_do_with_what_helps(self, project, script, git_that, version, said, word):
        answer = f"echo git version {version}; exit 0" if version else "true"
        path = git_that(f'[ "$1" = version ] && {{ {answer}; }}\necho "{said}" >&2\nexit 128')
        assert is_refused(execute(project, script, PATH=path), word)
        assert not (project / "experiments").exists()

    def test_a_linked_work_tree_without_its_repository(self, project, git, tmp_path, monkeypatch):
        git("worktree", "add", "-q", str(tmp_path / "tree"))
        monkeypatch.chdir(tmp_path)  # Windows renames no folder that somebody is in
        project.rename(tmp_path / "elsewhere")
        with pytest.raises(
            meticulous.RepositoryError, match=r"repository/\.git/worktrees/tree', which is not there"
        ):
            Experiment({}, project_directory=tmp_path / "tree")

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
        assert "allow_dirty=True" in str(refused.value)
        assert not (project / "experiments").exists()

    def test_a_script_that_was_never_added(self, project):
        (project / "new.py").write_text(SCRIPT)
        done = execute(project, "new.py")
        assert last_line(done).startswith("meticulous.errors.DirtyRepoException:")
        assert "not added: new.py." in last_line(done)

    def test_a_script_from_outside_of_the_repository(self, project, tmp_path):
        (tmp_path / "elsewhere.py").write_text(SCRIPT)
        done = execute(project, "../elsewhere.py")
        assert is_refused(done, "elsewhere.py' is not in the repository")
        assert "git worktree add --detach" in last_line(done)
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


posix = pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
NEW = SCRIPT.replace("\n", "  # in no commit\n", 1)


def ignored(project):
    (project / ".gitignore").write_text("scratch/\n")
    (project / "scratch").mkdir()
    (project / "scratch" / "new.py").write_text(NEW)
    return ["scratch/new.py"]


def under_a_profiler(project):
    (project / "new.py").write_text(NEW)
    return ["-m", "cProfile", "-o", os.devnull, "new.py"]


def as_a_batch_system_names_it(project):
    (project / "slurm_script").write_text(NEW)
    return ["slurm_script"]


def in_a_folder_of_commands(project):
    (project / "bin").mkdir()
    (project / "bin" / "train").write_text(NEW)
    return ["bin/train"]


def linked_from_elsewhere(project):
    (project / "new.py").write_text(NEW)
    (project.parent / "link.py").symlink_to(project / "new.py")
    return ["../link.py"]


def a_link_that_is_committed(project):
    (project.parent / "outside").mkdir()
    make_repository(project.parent / "outside", readme="")
    (project.parent / "outside" / "new.py").write_text(NEW)
    (project / "link.py").symlink_to("../outside/new.py")
    subprocess.run(["git", "add", "link.py"], cwd=project, check=True)
    subprocess.run(["git", *USER, "commit", "-q", "-m", "link"], cwd=project, check=True)
    return ["link.py"]


def in_a_folder_of_a_telling_name(project):
    (project / "my-site-packages").mkdir()
    (project / "my-site-packages" / "new.py").write_text(NEW)
    return ["my-site-packages/new.py"]


def run_by_another(project):
    (project / "new.py").write_text(NEW)
    return ["-c", "import runpy; runpy.run_path('new.py')"]


def executed(project):
    (project / "new.py").write_text(NEW)
    return ["-c", "exec(compile(open('new.py').read(), 'new.py', 'exec'))"]


def a_configuration_on_the_command_line(project):
    (project / "new.py").write_text("lr = 9\n")
    return ["train.py", "--config=new.py"]


def in_the_experiments_directory(project):
    (project / "experiments").mkdir()
    (project / "experiments" / "new.py").write_text(NEW)
    return ["experiments/new.py"]


@pytest.mark.parametrize(
    "layout",
    [
        *(ignored, under_a_profiler, as_a_batch_system_names_it, in_a_folder_of_commands),
        *(pytest.param(links, marks=posix) for links in (linked_from_elsewhere, a_link_that_is_committed)),
        *(in_a_folder_of_a_telling_name, run_by_another),
        *(executed, a_configuration_on_the_command_line, in_the_experiments_directory),
    ],
)
def test_code_that_was_never_added_is_refused_however_it_is_run(project, script, layout):
    command = layout(project)
    assert is_refused(execute(project, *command), "changed or not added: ")
    assert not list((project / "experiments").glob("[0-9]*"))


class TestInstalled:
    """What was installed stands in requirements.txt, wherever it lies."""

    def test_a_command_in_an_environment_in_the_work_tree(self, project):
        pytest.importorskip("venv", reason="an embeddable Python of Windows, as in the lane, has no venv")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=project, check=True)
        (folder,) = {path.parent for path in (project / ".venv").rglob("python*") if path.parent.name in BINS}
        (folder / "train").write_text("import library.part\n" + SCRIPT)
        (packages,) = (project / ".venv").rglob("site-packages")
        (packages / "library").mkdir()
        (packages / "library" / "part.py").write_text("")
        done = subprocess.run(
            [folder / "python", folder / "train"],
            cwd=project,
            check=False,
            capture_output=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert done.returncode == 0, done.stderr

    def test_a_command_elsewhere(self, project, tmp_path):
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "train").write_text(SCRIPT)
        assert execute(project, tmp_path / "bin" / "train").returncode == 0

    # What pip makes on Windows of a console script is such a file as well, with a program before the zip.
    @pytest.mark.parametrize("name", ["train.pyz", "train.exe"])
    @pytest.mark.parametrize("word", ["{folder}/{name}", "../{name}", "./../repository/{name}"])
    def test_an_application_in_a_zip_file(self, project, tmp_path, name, word):
        folder = project if "repository" in word else tmp_path
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("__main__.py", SCRIPT)
        assert execute(project, word.format(folder=folder, name=name)).returncode == 0

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("_version.py", "# file generated by setuptools-scm\n# don't change\n"),
            (
                "part_pb2.py",
                "# -*- coding: utf-8 -*-\n# Generated by the protocol buffer compiler.  DO NOT EDIT!\n",
            ),
            (f"part{EXTENSION_SUFFIXES[-1]}", None),
        ],
    )
    def test_what_is_built_in_place_and_ignored(self, project, git, name, content):
        (project / ".gitignore").write_text(name)
        module = name.partition(".")[0]
        if content is None:
            known = [spec for some in ("_ctypes_test", "_queue", "_bz2") if (spec := find_spec(some))]
            spec = next(spec for spec in known if spec.has_location)  # others are built in
            shutil.copy(spec.origin, project / name)
            module = f"importlib.util as u; s = u.spec_from_file_location({spec.name!r}, {name!r})\n"
            module += "import sys; sys.modules['part'] = u.module_from_spec(s)"
        else:
            (project / name).write_text(content)
        (project / "train.py").write_text(f"import {module}\n{SCRIPT}")
        git("add", "-A")
        git("commit", "-q", "-m", "script")
        done = execute(project, "train.py")
        assert done.returncode == 0, done.stderr
        git("rm", "-q", "--cached", ".gitignore")
        (project / ".gitignore").unlink()
        git("commit", "-q", "-m", "not ignored any more")
        assert is_refused(execute(project, "train.py"), name)


BINS = ("bin", "Scripts")


class TestOtherRepositories:
    @pytest.fixture
    def library(self, project, git):
        """A library beside the project, which imports it."""
        (project / "train.py").write_text("import mylib\n" + SCRIPT)
        git("add", "-A")
        git("commit", "-q", "-m", "import")
        library = make_repository(project.parent / "library", mylib__py="X = 1\n")
        git("-C", str(library), "remote", "add", "origin", "https://ada:secret@example.org/library.git")
        return library

    def run(self, project, library, *options):
        return execute(project, "train.py", *options, PYTHONPATH=str(library))

    @pytest.mark.requirement("GIT-7")
    def test_a_clean_one_is_recorded(self, project, git, library):
        done = self.run(project, library)
        assert done.returncode == 0, done.stderr
        (found,) = metadata_of(project)["git-repositories"]
        assert found == {
            "directory": "../library",
            "githead-sha": git("-C", str(library), "rev-parse", "HEAD"),
            "githead-branch": "main",
            "git-remote": "https://example.org/library.git",
            "git-dirty": False,
        }

    @pytest.mark.parametrize("options", [[], ["--dirty"]])
    @pytest.mark.parametrize("name", ["mylib.py", "extra.py"])
    @pytest.mark.requirement("GIT-6")
    def test_one_that_does_not_hold_its_code_is_refused(self, project, library, name, options):
        (library / "mylib.py").write_text("import extra\n" if name == "extra.py" else "X = 2\n")
        if name == "extra.py":
            subprocess.run(["git", *USER, "commit", "-qam", "extra"], cwd=library, check=True)
            (library / name).write_text("")
        done = self.run(project, library, *options)
        assert is_refused(done, f"../library/{name}")
        assert "commit it there" in last_line(done).lower()

    def test_one_that_ignores_all_of_it_has_nothing_to_do_with_it(self, project, library):
        """A home directory under git, with a debugger or a cache of modules in it."""
        (library / ".git").rename(library.parent / "away")
        for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "dotfiles"]):
            subprocess.run(["git", *USER, *command], cwd=library.parent, check=True)
        (library.parent / ".gitignore").write_text("*\n")
        assert self.run(project, library).returncode == 0
        assert "git-repositories" not in metadata_of(project)

    def test_an_experiment_goes_on_with_the_same_commit_only(self, project, library):
        (project / "train.py").write_text("import mylib\n" + RESUMING)
        subprocess.run(["git", *USER, "commit", "-qam", "resume"], cwd=project, check=True)

        def ran_in():
            done = self.run(project, library)
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert [ran_in(), ran_in()] == ["1\n", "1\n"]
        subprocess.run(["git", *USER, "commit", "-q", "--allow-empty", "-m", "new"], cwd=library, check=True)
        assert [ran_in(), ran_in()] == ["2\n", "2\n"]
        done = execute(project, "train.py", "1", PYTHONPATH=str(library))
        assert "MismatchedCommitException" in last_line(done)

    def test_code_in_no_repository_is_not_looked_at(self, project, library):
        (library / ".git").rename(library.parent / "away")
        assert self.run(project, library).returncode == 0

    def test_two_questions_are_asked_of_each(self, project, library, counting_git):
        assert execute(project, "train.py", PYTHONPATH=str(library), PATH=counting_git.path).returncode == 0
        assert len(counting_git.calls()) == 3 + 2

    def test_the_script_lies_in_a_repository_inside(self, project, git):
        inner = make_repository(project / "inner", train__py=SCRIPT)
        done = execute(project, "inner/train.py")
        assert is_refused(done, f"project_directory {inner}")
        assert execute(inner, "train.py").returncode == 0
        assert metadata_of(inner)["githead-sha"] == git("-C", str(inner), "rev-parse", "HEAD")


class TestClaimedCommit:
    SHA = "39923daa68c135ccf931681fc4db6a8cee544eef"

    def test_it_is_recorded_where_there_is_no_repository(self, tmp_path):
        (tmp_path / "train.py").write_text(SCRIPT)
        assert execute(tmp_path, "train.py", METICULOUS_COMMIT=self.SHA).returncode == 0
        metadata = metadata_of(tmp_path)
        assert metadata["githead-sha"] == self.SHA
        assert metadata["githead-claimed"] is True
        assert not {"git-dirty", "githead-message", "githead-branch"} & set(metadata)

    def test_it_is_recorded_where_there_is_no_git(self, project, script, tmp_path):
        (tmp_path / "empty").mkdir()
        done = execute(project, script, PATH=str(tmp_path / "empty"), METICULOUS_COMMIT=self.SHA)
        assert done.returncode == 0, done.stderr
        assert metadata_of(project)["githead-claimed"] is True

    def test_it_never_overrides_a_repository(self, project, script, git, tmp_path):
        assert execute(project, script, METICULOUS_COMMIT=self.SHA).returncode == 0
        assert metadata_of(project)["githead-sha"] == git("rev-parse", "HEAD")
        assert "githead-claimed" not in metadata_of(project)
        done = execute(tmp_path, project / script, METICULOUS_COMMIT=self.SHA)
        assert is_refused(done, "no git repository")

    @pytest.mark.requirement("META-11")
    def test_what_a_repository_said_of_changes_does_not_hold_for_a_claim(self, project, git, tmp_path):
        (project / "train.py").write_text(RESUMING)
        git("add", "train.py")
        git("commit", "-q", "-m", "resume")
        assert execute(project, "train.py").stdout == "1\n"
        assert metadata_of(project)["git-dirty"] is False
        (tmp_path / "empty").mkdir()
        sha = git("rev-parse", "HEAD")
        done = execute(project, "train.py", PATH=str(tmp_path / "empty"), METICULOUS_COMMIT=sha)
        assert done.stdout == "1\n", done.stderr
        metadata = metadata_of(project)
        assert metadata["githead-claimed"] is True
        assert "git-dirty" not in metadata
        assert "githead-claimed" not in metadata["earlier-sessions"][0]

    @pytest.mark.parametrize("value", ["main", SHA[:12], SHA + "0", SHA.upper(), "\n"])
    def test_another_value_is_refused(self, tmp_path, value):
        (tmp_path / "train.py").write_text(SCRIPT)
        done = execute(tmp_path, "train.py", METICULOUS_COMMIT=value)
        assert is_refused(done, "METICULOUS_COMMIT")


@pytest.mark.parametrize(
    "variables",
    [
        {"GIT_DIR": "../twin/.git"},
        {"GIT_DIR": "../twin/.git", "GIT_WORK_TREE": "../twin"},
        {"GIT_WORK_TREE": "../twin"},
        {"GIT_INDEX_FILE": "../twin/.git/index"},
        {"GIT_COMMON_DIR": "../twin/.git"},
        {"GIT_OBJECT_DIRECTORY": "../twin/.git/objects"},
        {"GIT_PREFIX": "deep/"},
        {"GIT_GLOB_PATHSPECS": "1"},
        {"GIT_LITERAL_PATHSPECS": "1"},
        {"GIT_ICASE_PATHSPECS": "1"},
        {"GIT_EXTERNAL_DIFF": "false", "GIT_DIFF_OPTS": "-u0"},
    ],
    ids=lambda variables: "+".join(variables),
)
def test_variables_that_lead_git_elsewhere_do_not_count(project, git, tmp_path, variables):
    show = "import os\nprint({name: os.environ[name] for name in os.environ if name[:4] == 'GIT_'})\n"
    (project / "train.py").write_text(SCRIPT + show)
    git("add", ".")
    git("commit", "-q", "-m", "script")
    make_repository(tmp_path / "twin", other="")
    (project / "train.py").write_text("# changed\n" + SCRIPT + show)
    assert is_refused(execute(project, "train.py", **variables), "changed or not added: train.py.")
    done = execute(project, "train.py", "--dirty", **variables)
    assert done.returncode == 0, done.stderr
    assert metadata_of(project)["githead-sha"] == git("rev-parse", "HEAD")
    assert "+# changed" in (project / "experiments" / "1" / "git.diff").read_text()
    assert set(variables.items()) <= eval(done.stdout).items(), (
        "the program does not have its variables any more"
    )


def test_the_branch_is_recorded_whatever_is_tagged_and_decorated(project, script, git):
    git("checkout", "-q", "-b", "a/branch")
    git("config", "log.excludeDecoration", "refs/heads/*")
    refs = "".join(f"create refs/tags/v{number} HEAD\n" for number in range(500))
    subprocess.run(["git", "update-ref", "--stdin"], input=refs.encode(), cwd=project, check=True)
    assert execute(project, script).returncode == 0
    assert metadata_of(project)["githead-branch"] == "a/branch"
    git("checkout", "-q", "--detach")
    assert execute(project, script).returncode == 0
    assert "githead-branch" not in metadata_of(project, "2")


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

    def test_has_changes_of_the_instant_in_which_git_looked(self, project, script, git):
        """A file of the same size and time as the index has of it, which is no younger ("racily clean")."""
        git("config", "core.trustctime", "false")
        index = project / ".git" / "index"
        time = 1_700_000_000
        for number in (1, 2):
            (project / "settings.py").write_text(f"lr = {number}\n")
            os.utime(project / "settings.py", (time, time))
            if number == 1:
                git("add", ".")
                git("commit", "-q", "-m", "settings")
        (project / "train.py").write_text("import new\n" + SCRIPT)
        (project / "new.py").write_text("")
        os.utime(index, (time, time))
        assert execute(project, script, "--dirty").returncode == 0
        assert "+lr = 2" in (project / "experiments" / "1" / "git.diff").read_text()

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


@pytest.mark.parametrize("change", [None, "train.py", "new.py"])
def test_a_start_asks_git_three_questions_and_takes_no_locks(project, git, counting_git, change):
    (project / "train.py").write_text("import new\n" + SCRIPT)
    (project / "new.py").write_text("")
    git("add", "train.py", *([] if change == "new.py" else ["new.py"]))
    git("commit", "-q", "-m", "script")
    if change == "train.py":
        (project / "train.py").write_text("import new, os\n" + SCRIPT)
    options = ["--dirty"] if change else []
    assert execute(project, "train.py", *options, PATH=counting_git.path).returncode == 0
    calls = counting_git.calls()
    # The patch is a question of its own; a file that git does not know needs two more.
    assert len(calls) == {None: 3, "train.py": 4, "new.py": 6}[change]
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
        ("http://user:pa/ss@host/x", "http://host/x"),
        ("http://[::1]:80/@x", "http://[::1]:80/@x"),
        ("git+https://token@example.com/a", "git+https://example.com/a"),
    ],
)
def test_a_remote_is_recorded_without_credentials(url, shown, project, git, monkeypatch):
    git("config", "remote.origin.url", url)
    monkeypatch.chdir(project)
    with Experiment({}) as experiment:
        assert json.loads((experiment.directory / "metadata.json").read_text())["git-remote"] == shown
