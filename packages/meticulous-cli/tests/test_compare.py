"""Several experiments side by side, and the commits between them."""

import os
import shutil
import subprocess

import pytest
from meticulous_cli.show.text import width


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Return a function that runs git in the repository around the experiments."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ada@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)

    def git(*arguments):
        done = subprocess.run(["git", *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    (tmp_path / ".gitignore").write_text("experiments/\nelsewhere/\n")
    return git


@pytest.fixture
def commit(tmp_path, git):
    """Return a function that commits some files and returns the commit."""

    def commit(message, **files):
        for name, content in files.items():
            (tmp_path / name).write_text(content)
        git("add", ".")
        git("commit", "-q", "--allow-empty", "-m", message)
        return git("rev-parse", "HEAD")

    return commit


def at(hour, sha="", **more):
    times = {
        "start_time": f"2024-11-23T{hour:02}:00:00+00:00",
        "end_time": f"2024-11-23T{hour:02}:01:30+00:00",
    }
    return {**times, "githead_sha": sha, **more}


def test_it_shows_what_differs_and_by_how_much(make, run, commit):
    first = commit("Train softmax regression", train="one\ntwo\n")
    second = commit("Warm up the learning rate", train="one\ntwo\nthree\n", notes="a\n")
    common = {"seed": 0, "layers": [64, 64]}
    make("3", {"lr": 0.1, **common}, {"loss": 0.5, "best": {"at": 3, "loss": 0.4}, "n": 2}, **at(10, first))
    make(
        "7",
        {"lr": 0.01, "warmup": True, **common},
        {"loss": 0.4, "best": {"at": 5, "loss": 0.4}, "n": 2},
        **at(11, second),
    )
    done = run("experiments/3", "experiments/7")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == f"""\
             3                    7
status       SUCCESS              SUCCESS
start        2024-11-23 10:00:00  2024-11-23 11:00:00
duration     1m 30s               1m 30s
commit       {first[:7]}              {second[:7]}

arguments
  lr         0.1                  0.01
  warmup                          True

summary
  loss       0.5                  0.4                  -0.1 (-20.0%)
  best.at    3                    5                    +2 (+66.7%)

the same, and not shown: 2 in arguments, 2 in summary

from 3 to 7  {first[:7]}..{second[:7]}
  + {second[:7]}  Warm up the learning rate
      +1    -0  notes
      +1    -0  train
"""
    )


def test_alike_experiments_say_so(make, run, commit):
    sha = commit("Train")
    make("1", {"lr": 0.1}, {"loss": "NaN"}, **at(10, sha))
    make("2", {"lr": 0.1}, {"loss": "NaN"}, **at(11, sha))
    lines = run("experiments/1", "experiments/2").stdout.splitlines()
    assert "no argument differs, and nothing in the summary" in lines
    assert lines[-1] == f"all ran commit {sha[:7]}"


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (1, 3, "+2 (+200.0%)"),
        (0.5, 0.25, "-0.25 (-50.0%)"),
        (-2.0, -1.0, "+1.0 (+50.0%)"),
        (0, 5, "+5"),
        (1, 1000, "+999"),
        (1.0, "NaN", ""),
        ("-Infinity", 1.0, ""),
        (False, True, ""),
        ("a", 2, ""),
        (10**400, 0.5, ""),
        (10**400, 10**400 + 1, "+1 (+0.0%)"),
    ],
)
def test_a_change_is_told_where_there_is_one(make, run, before, after, change):
    make("1", summary={"x": before})
    make("2", summary={"x": after})
    (line,) = [
        line for line in run("experiments/1", "experiments/2").stdout.splitlines() if line[:4] == "  x "
    ]
    assert line.endswith(change)
    assert change or "(" not in line


def test_branches_show_what_only_one_has(make, run, commit, git):
    base = commit("Base")
    left = commit("Left", left="2\n")
    git("checkout", "-q", "-b", "other", base)
    right = commit("Right", right="1\n")
    make("1", **at(10, left))
    make("2", **at(11, right))
    assert run("experiments/1", "experiments/2").stdout.splitlines()[-6:] == [
        f"from 1 to 2  {left[:7]}..{right[:7]}",
        f"  + {right[:7]}  Right",
        f"  - {left[:7]}  Left",
        "  - is in 1 only",
        "      +0    -1  left",
        "      +1    -0  right",
    ]


def test_steps_go_from_start_to_start_whatever_the_order_of_the_paths(make, run, commit):
    shas = [commit(f"Number {number}", file=f"{number}\n") for number in range(3)]
    for number, sha in enumerate(shas):
        make(str(number), **at(10 + number, sha))
    output = run("experiments/2", "experiments/0", "experiments/1").stdout
    assert output.splitlines()[0].split() == ["2", "0", "1"]
    assert [line.partition("  ")[0] for line in output.splitlines() if line.startswith("from")] == [
        "from 0 to 1",
        "from 1 to 2",
    ]
    assert "(" not in output


def test_a_renamed_file_is_one_line(make, run, commit, git, tmp_path):
    first = commit("First", old="1\n2\n3\n", other="x\n")
    git("mv", "old", "new name")
    last = commit("Rename", **{"new name": "1\n2\n3\n4\n", "other": "y\n"})
    make("1", **at(10, first))
    make("2", **at(11, last))
    assert run("experiments/1", "experiments/2").stdout.splitlines()[-2:] == [
        "      +1    -0  old => new name",
        "      +1    -1  other",
    ]


def test_long_lists_are_cut_with_a_count(make, run, commit):
    first = commit("First")
    for number in range(20):
        last = commit(f"Number {number}", **{f"file{number}": "x\n"})
    make("1", **at(10, first))
    make("2", **at(11, last))
    output = run("experiments/1", "experiments/2").stdout
    assert output.count("  + ") == 11
    assert "  and 9 commits more\n" in output
    assert "  and 9 files more\n" in output


def test_uncommitted_changes_are_told(make, run, commit):
    sha = commit("Train")
    for name, patch in (("1", "a"), ("2", "b"), ("3", "b")):
        (make(name, **at(10, sha, git_dirty=True)) / "git.diff").write_text(patch)
    make("4", **at(10, sha))
    for names, words in (
        ("12", "not the same in each: 1, 2"),
        ("23", "the same in each: 2, 3"),
        ("34", "git.diff: 3"),
    ):
        last = run(*(f"experiments/{name}" for name in names)).stdout.splitlines()[-1]
        assert last.startswith("with uncommitted changes")
        assert last.endswith(words)


def test_experiments_of_the_same_id_are_told_apart(make, run, tmp_path):
    make("1", {"lr": 1})
    shutil.copytree(tmp_path / "experiments", tmp_path / "elsewhere")
    make("2")
    assert run("experiments/1", "elsewhere/1").stdout.splitlines()[0].split() == [
        "experiments/1",
        "elsewhere/1",
    ]


def test_an_experiment_is_not_compared_with_itself(make, run, tmp_path):
    make("1")
    make("2")
    (tmp_path / "link").symlink_to("experiments")
    done = run("experiments/1", "experiments/2", "link/1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "meticulous: experiments/1 and link/1 are the same experiment: name each once\n"


def test_why_git_knows_nothing_is_said_once_and_on_one_line(make, run, screen):
    for hour, sha in ((10, "a"), (11, "b"), (12, "c")):
        make(sha, **at(hour, sha * 40))
    paths = [f"experiments/{name}" for name in "abc"]
    said = "no git repository around here has both commits, so what lies between them is not known"
    assert run(*paths).stdout.endswith(
        f"from a to b  aaaaaaa..bbbbbbb\nfrom b to c  bbbbbbb..ccccccc\n{said}\n"
    )
    assert max(map(len, screen(*paths, columns=60, NO_COLOR="1").splitlines())) <= 60


@pytest.mark.parametrize("columns", [20, 30, 40, 60, 80])
def test_a_comparison_is_no_wider_than_the_terminal(make, screen, columns):
    for name in ("one", "a-rather-long-name", "three"):
        make(
            name,
            {"learning_rate": name, "path": "/data/" * 9 + name},
            {"the/validation/accuracy": len(name) / 7},
        )
    make("odd", githead_sha="\u7687\x1b\u7687\x1b\u7687\x1b")
    for names in (("one", "three"), ("one", "a-rather-long-name", "three"), ("one", "odd")):
        printed = screen(*(f"experiments/{name}" for name in names), columns=columns, NO_COLOR="1")
        assert max(map(width, printed.splitlines())) <= columns


def test_commits_that_are_elsewhere_are_said_to_be(make, run, commit):
    make("1", **at(10, commit("First")))
    make("2", **at(11, "f" * 40))
    output = run("experiments/1", "experiments/2").stdout
    assert "no git repository around here has both commits, so what lies between them is not known" in output


@pytest.mark.parametrize(
    ("missing", "what"),
    [("HEAD~1", "commits"), ("HEAD^{tree}", "files")],
)
def test_what_git_cannot_list_is_not_taken_for_nothing(make, run, commit, git, tmp_path, missing, what):
    first, _, last = (commit(f"Number {number}", file=f"{number}\n") for number in range(3))
    sha = git("rev-parse", missing)
    (tmp_path / ".git" / "objects" / sha[:2] / sha[2:]).unlink()
    make("1", **at(10, first))
    make("2", **at(11, last))
    output = run("experiments/1", "experiments/2").stdout
    assert f"  git could not list the {what}: " in output
    assert "no file differs" not in output


def test_in_a_shallow_clone_there_may_be_more_commits(make, run, commit, git, tmp_path):
    first, _, last = (commit(f"Number {number}", file=f"{number}\n") for number in range(3))
    (tmp_path / ".git" / "shallow").write_text(f"{last}\n")
    make("1", **at(10, first))
    make("2", **at(11, last))
    assert "the clone is shallow: there may be more" in run("experiments/1", "experiments/2").stdout


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_a_repository_of_another_user_is_named(make, run, commit, tmp_path):
    make("1", **at(10, commit("First")))
    make("2", **at(11, commit("Second")))
    for path in (tmp_path, tmp_path / ".git"):
        os.chown(path, 65534, 65534)
    output = run("experiments/1", "experiments/2").stdout
    assert f"the repository around {tmp_path}/experiments, which is another user's" in output


def test_what_cannot_be_read_is_not_taken_for_the_same(make, run):
    for name in "12":
        (make(name) / "args.json").write_text('{"lr": ')
    assert "can be read, as its own page tells: 1, 2\n" in run("experiments/1", "experiments/2").stdout


def test_without_git_it_says_so(make, run, tmp_path):
    make("1", **at(10, "e" * 40))
    make("2", **at(11, "f" * 40))
    (tmp_path / "empty").mkdir()
    assert (
        "git is not installed here"
        in run("experiments/1", "experiments/2", PATH=str(tmp_path / "empty")).stdout
    )


@pytest.mark.parametrize("sha", ["--output=stolen", "HEAD", "main\n", "\x1b[2J"])
def test_a_hostile_commit_does_not_reach_git(make, run, commit, sha, tmp_path):
    make("1", **at(10, commit("First")))
    make("2", **at(11, sha))
    done = run("experiments/1", "experiments/2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "not every experiment names a commit" in done.stdout
    assert "\x1b" not in done.stdout
    assert not (tmp_path / "stolen").exists()


def test_a_hostile_repository_runs_nothing_and_shows_no_escapes(make, run, commit, git, tmp_path):
    first = commit("First", file="1\n")
    (tmp_path / ".gitattributes").write_text("* diff=hostile\n")
    second = commit("Second \x1b[2J", file="2\n")
    hostile = f"touch {tmp_path}/stolen; false"
    for key in (
        "core.fsmonitor",
        "diff.external",
        "diff.hostile.textconv",
        "diff.hostile.command",
        "core.pager",
        "pager.log",
        "core.sshCommand",
        "gpg.program",
        "core.alternateRefsCommand",
    ):
        git("config", key, hostile)
    git("config", "log.showSignature", "true")
    make("1", **at(10, first))
    make("2", **at(11, second))
    done = run("experiments/1", "experiments/2")
    assert "Second \\x1b[2J" in done.stdout
    assert "\x1b" not in done.stdout
    assert "file" in done.stdout
    assert not (tmp_path / "stolen").exists()


@pytest.mark.parametrize("columns", [80, 120])
def test_it_fits_the_terminal_and_names_who_had_no_room(make, screen, columns):
    for number in range(12):
        make(
            f"experiment-{number}",
            {"path": f"/data/sets/{'x' * 50}/{number}", "名前": "語" * number},
            {"loss": number},
        )
    output = screen(
        *(f"experiments/experiment-{number}" for number in range(12)), columns=columns, NO_COLOR="1"
    )
    assert max(map(len, output.splitlines())) <= columns
    assert "no room for: experiment-" in output
    assert "experiment-11 (| less -S shows all)" in output


def test_a_number_of_hundreds_of_digits_leaves_room_for_the_rest(make, screen):
    make("1", summary={"n": 1})
    make("2", summary={"n": 10**300})
    lines = screen("experiments/1", "experiments/2", NO_COLOR="1").splitlines()
    assert lines[1].split() == ["status", "SUCCESS", "SUCCESS"]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("other", ["nowhere", "experiments", "file"])
def test_a_path_that_is_no_experiment_is_a_mistake(make, run, tmp_path, other):
    make("1")
    (tmp_path / "file").touch()
    done = run("experiments/1", other)
    assert done.returncode == 2
    assert done.stderr.startswith(f"meticulous: {other} is not ")
    assert done.stderr.count("\n") == 1
