"""Code in repositories as people have them: each record is made again from its commits and patch, or refused.

    uv run tests/drills/repositories.py                  # all layouts
    uv run tests/drills/repositories.py submodule        # those with the word in their name

Each layout is run as it is committed, with a changed file, with a file that was never added, and each of
these without and with `--allow-dirty`. Where there is a record, fresh clones of the commits that it names get
its git.diff, and the program is run there again: it must print the same. What is not as it should be ends the
drill with an AssertionError.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from repository import BARE, experiments, problems

STATES = ("clean", "dirty", "untracked")

# No settings of this machine's.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTHON"))}
ENVIRONMENT.update(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")

TRAIN = """
import sys
{importing}
from meticulous import Experiment
with Experiment({{}}, allow_dirty="--allow-dirty" in sys.argv):
    print("X is", part.X)
"""
PART = """
X = "committed"
try:
    from extra import X
except ImportError:
    pass
"""

# What people's own settings make of `git diff` and `git status`.
SETTINGS = {
    "diff.noprefix": "true",
    "diff.mnemonicPrefix": "true",
    "diff.external": "false",
    "diff.submodule": "log",
    "diff.ignoreSubmodules": "all",
    "diff.renames": "copies",
    "diff.context": "0",
    "diff.relative": "true",
    "color.ui": "always",
    "core.quotePath": "false",
    "log.showSignature": "true",
    "log.excludeDecoration": "refs/heads/*",
    "status.showUntrackedFiles": "no",
    "status.submoduleSummary": "true",
}


@dataclass
class Layout:
    """Repositories below a folder, of which `app` has the script."""

    folder: Path
    code: str = "app"
    """The folder of part.py, which the script imports."""
    command: list[str] = field(default_factory=lambda: ["train.py"])
    app: str = "app"
    """The project's repository."""
    path: list[str] = field(default_factory=list)
    """PYTHONPATH, below the folder."""
    settings: dict[str, str] = field(default_factory=dict)
    """Variables of the user's, in which all git commands run."""
    environment: dict[str, str] = field(default_factory=dict)
    """Variables that only the program has."""
    hides: Callable[[], None] | None = None
    """What is done once part.py has changed, so that git does not see it."""
    refused: tuple[str, ...] = ("dirty", "untracked")
    """States that are refused without --allow-dirty."""
    never: tuple[str, ...] = ()
    """States that are refused with --allow-dirty, too."""

    def git(self, where: str, *arguments: str) -> str:
        """Run git in a repository of the layout."""
        return git(self.folder / where, *arguments, **self.settings)

    def repository(self, where: str, **files: str) -> None:
        """Make a repository with one commit; `__` in a file's name stands for a dot."""
        (self.folder / where).mkdir(parents=True, exist_ok=True)
        self.git(where, "init", "-q", "-b", "main")
        self.commit(where, **files)

    def commit(self, where: str, **files: str) -> None:
        """Commit files."""
        for name, content in files.items():
            (self.folder / where / name.replace("__", ".")).write_text(content)
        self.git(where, "add", "-A")
        self.git(where, "commit", "-q", "-m", "drill")

    def submodule(self, where: str, of: str, name: str = "library") -> None:
        """Make a repository a submodule of another."""
        self.git(of, "submodule", "--quiet", "add", str(self.folder / where), name)
        self.commit(of)


def git(folder: Path, *arguments: str, **settings: str) -> str:
    """Run git as somebody who has a name."""
    user = ["-c", "user.name=drill", "-c", "user.email=drill@example.com", "-c", "protocol.file.allow=always"]
    command, how = ["git", *user, *arguments], {"env": {**ENVIRONMENT, **settings}}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60, **how)
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def train(importing: str = "import part") -> str:
    """Return the script with the lines that import its part."""
    return TRAIN.format(importing=importing)


def inside(folder: str) -> str:
    """Return the lines that import the part from a folder beside the script."""
    return f"import os; sys.path.insert(0, os.path.join(os.path.dirname(__file__), {folder!r}))\nimport part"


def plain(layout: Layout) -> None:
    """One repository."""
    layout.repository("app", train__py=train(), part__py=PART)


def settings(layout: Layout) -> None:
    """One repository, and a user with settings."""
    plain(layout)
    for key, value in SETTINGS.items():
        layout.git("app", "config", key, value)


def submodule(layout: Layout) -> None:
    """The part in a submodule."""
    layout.repository("library", part__py=PART)
    layout.repository("app", train__py=train(inside("library")))
    layout.submodule("library", "app")
    layout.code = "app/library"


def submodule_with_settings(layout: Layout) -> None:
    """The part in a submodule whose changes git is told to hide, in all the ways there are."""
    submodule(layout)
    layout.git("app", "config", "-f", ".gitmodules", "submodule.library.ignore", "all")
    layout.commit("app")
    for key, value in SETTINGS.items():
        layout.git("app", "config", key, value)


def submodule_of_a_submodule(layout: Layout) -> None:
    """The part two levels down."""
    layout.repository("inner", part__py=PART)
    layout.repository("library", README="a library")
    layout.submodule("inner", "library", "inner")
    layout.repository("app", train__py=train(inside("library/inner")))
    layout.submodule("library", "app")
    layout.git("app", "submodule", "--quiet", "update", "--init", "--recursive")
    layout.code = "app/library/inner"


def submodule_at_another_commit(layout: Layout) -> None:
    """A submodule that has moved on, and the commit around it does not say so."""
    submodule(layout)
    layout.commit("app/library", README="newer")
    layout.refused = STATES


def script_in_a_submodule(layout: Layout) -> None:
    """The script itself in a submodule."""
    layout.repository("library", train__py=train(), part__py=PART)
    layout.repository("app", README="a project")
    layout.submodule("library", "app")
    layout.code, layout.command = "app/library", ["library/train.py"]


def nested_clone(layout: Layout) -> None:
    """The part in a clone inside of the project, which does not know it."""
    layout.repository("app", train__py=train(inside("library")))
    layout.repository("app/library", part__py=PART)
    layout.code = "app/library"


def nested_clone_that_is_ignored(layout: Layout) -> None:
    """As before, and git ignores it."""
    layout.repository("app", train__py=train(inside("library")), __gitignore="library/\n")
    layout.repository("app/library", part__py=PART)
    layout.code = "app/library"


def script_in_a_nested_clone(layout: Layout) -> None:
    """A clone inside of a repository that has nothing to do with it."""
    layout.repository("app", README="notes")
    layout.repository("app/inner", train__py=train(), part__py=PART)
    layout.code, layout.command = "app/inner", ["inner/train.py"]
    layout.refused = layout.never = STATES


def linked_worktree(layout: Layout) -> None:
    """A work tree that `git worktree add` made."""
    layout.repository("main", train__py=train(), part__py=PART)
    layout.git("main", "worktree", "add", "-q", "--detach", "../app")


def library_beside(layout: Layout) -> None:
    """The part in another repository, on PYTHONPATH."""
    layout.repository("library", part__py=PART)
    layout.repository("app", train__py=train())
    layout.code, layout.path = "library", ["library"]
    layout.never = ("dirty", "untracked")


def ignored_part(layout: Layout) -> None:
    """The part in a folder that git ignores: in no commit, whatever its state."""
    layout.repository("app", train__py=train(inside("scratch")), __gitignore="scratch/\n")
    (layout.folder / "app" / "scratch").mkdir()
    (layout.folder / "app" / "scratch" / "part.py").write_text(PART)
    layout.code, layout.refused = "app/scratch", STATES


def home_directory(layout: Layout) -> None:
    """A home directory under git that ignores all that is not its own."""
    layout.repository("app", __bashrc="alias ll='ls -l'\n")
    (layout.folder / "app" / ".gitignore").write_text("*\n")
    project = layout.folder / "app" / "new"
    project.mkdir()
    (project / "train.py").write_text(train())
    (project / "part.py").write_text(PART)
    layout.code, layout.command, layout.refused = "app/new", ["new/train.py"], STATES


def partial_clone(layout: Layout) -> None:
    """A clone without the contents of other commits, and no network."""
    layout.repository("origin", train__py=train(), part__py="X = 'old'\n")
    layout.commit("origin", part__py=PART)
    layout.git("origin", "config", "uploadpack.allowFilter", "true")
    layout.git("", "clone", "-q", "--filter=blob:none", f"file://{layout.folder}/origin", "app")
    layout.git("app", "remote", "set-url", "origin", "file:///nowhere")


def shallow_clone(layout: Layout) -> None:
    """A clone without history."""
    layout.repository("origin", train__py=train(), part__py=PART)
    layout.commit("origin", README="newer")
    layout.git("", "clone", "-q", "--depth=1", f"file://{layout.folder}/origin", "app")


def filtered(layout: Layout) -> None:
    """Files that lie in commits in another form than in the work tree, as those of git-lfs do."""
    config = layout.folder / "gitconfig"
    rot13 = "tr A-Za-z N-ZA-Mn-za-m"
    config.write_text(f'[filter "rot"]\n\tclean = {rot13}\n\tsmudge = {rot13}\n\trequired = true\n')
    layout.settings["GIT_CONFIG_GLOBAL"] = str(config)
    layout.repository("app", train__py=train(), part__py=PART, __gitattributes="*.py filter=rot\n")


def hook(layout: Layout) -> None:
    """A training that another repository's hook starts."""
    plain(layout)
    layout.repository("hooked", README="not this one")
    at = layout.folder / "hooked"
    layout.environment |= {
        "GIT_DIR": str(at / ".git"),
        "GIT_WORK_TREE": str(at),
        "GIT_INDEX_FILE": str(at / ".git" / "index"),
        "GIT_PREFIX": "deep/",
        "GIT_GLOB_PATHSPECS": "1",
    }


def skip_worktree(layout: Layout) -> None:
    """A file that git is told not to look at, as people do to keep their own settings."""
    plain(layout)
    layout.hides = lambda: layout.git("app", "update-index", "--skip-worktree", "part.py")


def assume_unchanged(layout: Layout) -> None:
    """A file that git is told to take for unchanged."""
    plain(layout)
    layout.hides = lambda: layout.git("app", "update-index", "--assume-unchanged", "part.py")


def profiled(layout: Layout) -> None:
    """A script that cProfile runs."""
    plain(layout)
    layout.command = ["-m", "cProfile", "-o", os.devnull, "train.py"]


def run_path(layout: Layout) -> None:
    """A script that another one runs."""
    layout.repository(
        "app", launch__py="import runpy; runpy.run_path('train.py')\n", train__py=train(), part__py=PART
    )
    layout.command = ["launch.py"]


def configurator(layout: Layout) -> None:
    """A configuration that is executed, as nanoGPT's and MMEngine's are, named on the command line."""
    importing = "class part: pass\nexec(open(sys.argv[1]).read(), vars_ := {})\npart.X = vars_['X']"
    layout.repository("app", train__py=train(importing), part__py=PART)
    layout.command = ["train.py", "part.py"]


LAYOUTS = [
    *(plain, settings, submodule, submodule_with_settings, submodule_of_a_submodule),
    *(submodule_at_another_commit, script_in_a_submodule, nested_clone, nested_clone_that_is_ignored),
    *(script_in_a_nested_clone, linked_worktree, library_beside, ignored_part, home_directory, partial_clone),
    *(shallow_clone, filtered, hook, skip_worktree, assume_unchanged, profiled, run_path, configurator),
]


def main(word: str = "", states: Sequence[str] = STATES) -> None:
    """Drill the layouts whose name has `word`."""
    layouts = [build for build in LAYOUTS if word in build.__name__.replace("_", " ")]
    cases = [(build, state, allow) for build in layouts for state in states for allow in (False, True)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(lambda case: drill(*case), cases))
    for build in layouts:
        count = Counter(outcome for case, outcome in zip(cases, outcomes, strict=True) if case[0] is build)
        print(f"{build.__name__.replace('_', ' ')}: {told(count)}")
    print(f"{len(layouts)} layouts, {len(cases)} runs: {told(Counter(outcomes))}")


def told(count: Counter[str]) -> str:
    """Return the counts in words."""
    return ", ".join(f"{number} {what}" for what, number in sorted(count.items()))


def drill(build: Callable[[Layout], None], state: str, allow: bool) -> str:
    """Build a layout, run it in a state, and say what came of it."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as fresh:
        layout = Layout(Path(os.path.realpath(folder)))
        build(layout)
        try:
            return outcome_of(layout, state, allow, Path(os.path.realpath(fresh)))
        except AssertionError as error:
            raise AssertionError(f"{build.__name__}, {state}, {allow}: {error}") from error


def outcome_of(layout: Layout, state: str, allow: bool, fresh: Path) -> str:
    """Put a layout into a state, run it, and make again what it recorded."""
    if state == "dirty":
        part = layout.folder / layout.code / "part.py"
        part.write_text(part.read_text().replace("committed", "changed"))
    if state == "untracked":
        (layout.folder / layout.code / "extra.py").write_text("X = 'new'\n")
    if layout.hides:
        layout.hides()
    before = state_of(layout.folder)
    done = run(layout, *(["--allow-dirty"] if allow else []))
    assert state_of(layout.folder) == before, "the repositories are not as they were"
    found = experiments(layout.folder / layout.app)
    if state in (layout.never if allow else layout.refused):
        assert done.returncode == 1, f"accepted: {done.stdout}"
        assert not found
        assert "Error: " in done.stderr.splitlines()[-1] or "Exception: " in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr.partition("Traceback")[2], done.stderr
        return "refused"
    assert done.returncode == 0, done.stderr
    (experiment,) = found
    found = problems(experiment)
    assert found == [], found
    patch = experiment / "git.diff"
    shown = make_again(layout, experiment, fresh)
    assert shown == done.stdout, f"{done.stdout!r} was recorded, and {shown!r} came of it"
    return "recorded with a patch" if patch.exists() else "recorded"


def run(layout: Layout, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the layout's program."""
    path = os.pathsep.join(str(layout.folder / name) for name in layout.path)
    return subprocess.run(
        [sys.executable, "-B", *layout.command, *options],
        cwd=layout.folder / layout.app,
        env={**ENVIRONMENT, **layout.settings, **layout.environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def make_again(layout: Layout, experiment: Path, folder: Path) -> str:
    """Run the program in fresh clones of the commits that a record names; return what it prints."""
    metadata = json.loads((experiment / "metadata.json").read_text())
    project = folder / layout.app
    clone(layout, layout.folder / layout.app, project, metadata["githead-sha"])
    for found in metadata.get("git-repositories", []):
        original = layout.folder / layout.app / found["directory"]
        clone(layout, original, project / found["directory"], found["githead-sha"])
    if (experiment / "git.diff").exists():
        git(project, "apply", str(experiment / "git.diff"), **layout.settings)
    (folder / "bare").mkdir()
    (folder / "bare" / "meticulous.py").write_text(BARE)
    again = Layout(folder, layout.code, layout.command, layout.app, [*layout.path, "bare"])
    done = run(again)
    assert done.returncode == 0, done.stderr
    return done.stdout


def clone(layout: Layout, original: Path, copy: Path, sha: str) -> None:
    """Make `copy` a clone of `original` at a commit, submodules included."""
    if not (copy / ".git").exists():
        shutil.rmtree(copy, ignore_errors=True)
        copy.parent.mkdir(parents=True, exist_ok=True)
        git(copy.parent, "clone", "-q", "--no-checkout", str(original), copy.name, **layout.settings)
    git(copy, "fetch", "-q", str(original), "HEAD", **layout.settings)
    git(copy, "checkout", "-q", "--detach", sha, **layout.settings)
    git(copy, "submodule", "--quiet", "update", "--init", "--recursive", **layout.settings)


def state_of(folder: Path) -> dict[Path, bytes]:
    """Return all files but those of the experiments."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path: path.read_bytes() for path in files if "experiments" not in path.parts}


if __name__ == "__main__":
    main(*sys.argv[1:])
