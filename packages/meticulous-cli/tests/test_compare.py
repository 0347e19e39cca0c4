"""Several experiments side by side, and the commits between them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

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
             3                    7                    change
start        2024-11-23T10:00:00  2024-11-23T11:00:00
commit       {first[:7]}              {second[:7]}

args
  lr         0.1                  0.01
  warmup                          True

summary
  loss       0.5                  0.4                  -0.1 (-20.0%)
  best.at    3                    5                    +2 (+66.7%)

code, {first[:7]}..{second[:7]}
  + {second[:7]}  Warm up the learning rate
   +1   -0  notes
   +1   -0  train

same in both: status, duration, 2 args, 2 summary
"""
    )


def test_alike_experiments_say_so(make, run, commit, tmp_path):
    sha = commit("Train")
    make("1", {"lr": 0.1}, {"loss": "NaN"}, **at(10, sha))
    make("2", {"lr": 0.1}, {"loss": "NaN"}, **at(11, sha))
    for name in "12":
        (tmp_path / "experiments" / name / "requirements.txt").write_text("numpy==2.0\n")
    lines = run("experiments/1", "experiments/2").stdout.splitlines()
    assert lines[2:] == ["", "same in both: status, duration, commit, 1 args, 1 summary, packages"]


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (1, 3, "+2 (+200.0%)"),
        (0.5, 0.25, "-0.25 (-50.0%)"),
        (-2.0, -1.5, "+0.5 (+25.0%)"),
        (0, 5, "+5"),
        (1, 1000, "+999"),
        (1.0, "NaN", ""),
        ("-Infinity", 1.0, ""),
        (False, True, ""),
        ("a", 2, ""),
        (10**400, 0.5, ""),
        (10**400, 10**400 + 1, "+1"),
        (0.99951, 0.99949, "-0.00002"),
        (0.3, 0.30000000000000004, "+0.00000000000000006"),
        (1e-7, 3e-7, "+0.0000002 (+200.0%)"),
        (1e-7, 3.0, "+3.0000"),
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
    lines = run("experiments/1", "experiments/2").stdout.splitlines()
    assert lines[lines.index(f"code, {left[:7]}..{right[:7]}") + 1 : -2] == [
        f"  + {right[:7]}  Right",
        f"  - {left[:7]}  Left",
        "  - is in 1 only",
        "   +0   -1  left",
        "   +1   -0  right",
    ]


def test_steps_go_from_start_to_start_whatever_the_order_of_the_paths(make, run, commit):
    shas = [commit(f"Number {number}", file=f"{number}\n") for number in range(3)]
    for number, sha in enumerate(shas):
        make(str(number), **at(10 + number, sha))
    output = run("experiments/2", "experiments/0", "experiments/1").stdout
    assert output.splitlines()[0].split() == ["2", "0", "1"]
    assert [line.split(", ")[0] for line in output.splitlines() if line.startswith("code")] == [
        "code from 0 to 1",
        "code from 1 to 2",
    ]
    assert "(" not in output


def test_a_renamed_file_is_one_line(make, run, commit, git, tmp_path):
    first = commit("First", old="1\n2\n3\n", other="x\n")
    git("mv", "old", "new name")
    last = commit("Rename", **{"new name": "1\n2\n3\n4\n", "other": "y\n"})
    make("1", **at(10, first))
    make("2", **at(11, last))
    assert run("experiments/1", "experiments/2").stdout.splitlines()[-4:-2] == [
        "   +1   -0  old => new name",
        "   +1   -1  other",
    ]


def test_long_lists_are_cut_with_a_count(make, run, commit):
    first = commit("First")
    for number in range(20):
        last = commit(f"Number {number}", **{f"file{number}": "x\n"})
    make("1", **at(10, first))
    make("2", **at(11, last))
    output = run("experiments/1", "experiments/2").stdout
    assert output.count("  + ") == 11
    assert "  … 9 more commits\n" in output
    assert "  … 9 more files\n" in output


def test_uncommitted_changes_are_told(make, run, commit):
    sha = commit("Train")
    for name, patch in (("1", "a"), ("2", "b"), ("3", "b")):
        (make(name, **at(10, sha, git_dirty=True)) / "git.diff").write_text(patch)
    make("4", **at(10, sha))
    for names, words in (
        ("12", "not the same: 1, 2"),
        ("23", "the same: 2, 3"),
        ("34", "git.diff: 3"),
    ):
        (line,) = [
            line for line in run(*names).stdout.splitlines() if line.startswith("+ uncommitted changes")
        ]
        assert line.endswith(words)
    make("5", **at(10, sha, git_dirty=True))  # and nobody kept them
    lines = [line for line in run("1", "5").stdout.splitlines() if line.startswith("+ uncommitted changes")]
    assert [line.rpartition(", ")[2] for line in lines] == ["kept in git.diff: 1", "not kept: 5"]


def test_experiments_of_the_same_id_are_told_apart(make, run, tmp_path):
    make("1", {"lr": 1})
    shutil.copytree(tmp_path / "experiments", tmp_path / "elsewhere")
    make("2")
    assert run("experiments/1", "elsewhere/1").stdout.splitlines()[0].split() == [
        str(Path("experiments/1")),
        str(Path("elsewhere/1")),
    ]


def test_an_experiment_does_not_differ_from_itself(make, run):
    make("1", {"lr": 1}, {"loss": 0.5})
    done = run("1", "experiments/1")
    assert (done.returncode, done.stderr) == (0, "")
    same = "same in both: status, start, duration, commit, 1 args, 1 summary"
    assert done.stdout.splitlines()[1:] == ["", same]


def test_why_git_knows_nothing_is_said_on_one_line(make, run, screen):
    for hour, sha in ((10, "a"), (11, "b"), (12, "c")):
        make(sha, **at(hour, sha * 40))
    paths = [f"experiments/{name}" for name in "abc"]
    reason = "  no git repository around here has both commits\n"
    printed = run(*paths).stdout
    assert f"code from a to b, aaaaaaa..bbbbbbb\n{reason}" in printed
    assert f"code from b to c, bbbbbbb..ccccccc\n{reason}" in printed
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
    assert "no git repository around here has both commits" in output


@pytest.mark.parametrize("missing", ["HEAD~1", "HEAD^{tree}"])
def test_what_git_cannot_list_is_not_taken_for_nothing(make, run, commit, git, tmp_path, missing):
    first, _, last = (commit(f"Number {number}", file=f"{number}\n") for number in range(3))
    sha = git("rev-parse", missing)
    kept = tmp_path / ".git" / "objects" / sha[:2] / sha[2:]
    kept.chmod(0o600)  # or Windows does not delete it
    kept.unlink()
    make("1", **at(10, first))
    make("2", **at(11, last))
    output = run("experiments/1", "experiments/2").stdout
    assert "  git could not list all of it: " in output
    assert "no file differs" not in output


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_a_repository_of_another_user_is_named(make, run, commit, tmp_path):
    make("1", **at(10, commit("First")))
    make("2", **at(11, commit("Second")))
    for path in (tmp_path, tmp_path / ".git"):
        os.chown(path, 65534, 65534)
    output = run("experiments/1", "experiments/2").stdout
    assert f"the repository around {tmp_path}/experiments, which is another user's" in output


def test_a_message_in_another_encoding_is_shown(make, run, commit, git, tmp_path):
    first = commit("First")
    (tmp_path / "message").write_bytes(b"caf\xe9 au lait\n")
    git("commit", "-q", "--allow-empty", "-F", "message")
    make("1", **at(10, first))
    make("2", **at(11, git("rev-parse", "HEAD")))
    done = run("experiments/1", "experiments/2")
    assert (done.returncode, done.stderr) == (0, "")
    assert " au lait" in done.stdout


def test_what_cannot_be_read_is_not_taken_for_the_same(make, run):
    for name in "12":
        (make(name) / "args.json").write_text('{"lr": ')
    assert "can be read, as its page says: 1, 2\n" in run("experiments/1", "experiments/2").stdout


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


def test_a_number_of_hundreds_of_digits_leaves_room_for_the_rest(make, screen):
    make("1", summary={"n": 1})
    make("2", summary={"n": 10**300})
    lines = screen("experiments/1", "experiments/2", NO_COLOR="1").splitlines()
    assert next(line.split() for line in lines if line.startswith("  n "))[:2] == ["n", "1"]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("other", ["nowhere", "experiments", "file"])
def test_a_path_that_is_no_experiment_is_a_mistake(make, run, tmp_path, other):
    make("1")
    (tmp_path / "file").touch()
    done = run("experiments/1", other)
    assert done.returncode == 2
    assert re.match(f"meticulous: .*{other}", done.stderr)
    assert done.stderr.count("\n") == 1


# What differs never looks alike


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.000123451, 0.000123453),
        (0.3, 0.30000000000000004),
        (1, "1"),
        (True, "True"),
        (None, "None"),
        ("", "''"),
        (
            "You are a helpful assistant. Answer in one word, and be " + "polite.",
            "You are a helpful assistant. Answer in one word, and be frank.",
        ),
        (
            "/scratch1/users/ada/projects/digits/data/imagenet/train",
            "/scratch2/users/ada/projects/digits/data/imagenet/train",
        ),
        ("x" * 500 + "a" + "y" * 500, "x" * 500 + "b" + "y" * 500),
        ([0.1] * 40 + [1], [0.1] * 40 + [2]),
        (10**300, 10**300 + 1),
    ],
)
def test_values_that_differ_look_different(make, screen, one, other, columns):
    make("1", {"x": one}, {"y": one})
    make("2", {"x": other}, {"y": other})
    lines = screen("1", "2", NO_COLOR="1", columns=columns).splitlines()
    names = 11 if columns > 33 else columns // 3
    for name in "xy":
        (line,) = [line for line in lines if line.startswith(f"  {name} ")]
        cells = line[names + 2 :]
        place = lines[0].index("2")
        assert cells[: place - names - 2].strip() != line[place : place + 28].partition("  ")[0].strip(), (
            lines
        )


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_of_several_texts_those_that_differ_look_different(make, screen, columns):
    shared = "/data/" + "long/" * 20
    for name, text in zip("1234", (None, shared + "one/a", shared + "one/b", "short"), strict=True):
        make(name, {} if text is None else {"x": text})
    (line,) = [x for x in screen(*"1234", NO_COLOR="1", columns=columns).splitlines() if x[:4] == "  x "]
    assert len(set(line.split()[1:])) == 3


def test_starts_of_the_same_minute_and_commits_of_the_same_beginning_differ(make, screen):
    make("1", start_time="2024-11-23T10:00:01Z", githead_sha="a" * 40)
    make("2", start_time="2024-11-23T10:00:02Z", githead_sha="a" * 7 + "b" * 33)
    lines = {line.split()[0]: line.split() for line in screen("1", "2", NO_COLOR="1").splitlines() if line}
    for name in ("start", "commit"):
        assert lines[name][1] != lines[name][-1]


@pytest.mark.parametrize(
    ("end", "places"),
    [("10:01:30", ["same"]), ("10:01:30.4", []), ("10:01:31", ["duration"]), ("09:00:00", ["duration"])],
)
def test_only_durations_that_are_equal_are_the_same(make, screen, end, places):
    make("1", **at(10))
    make("2", **{**at(10), "end_time": f"2024-11-23T{end}+00:00"})
    lines = screen("1", "2", NO_COLOR="1").splitlines()
    assert [line.split()[0] for line in lines if "duration" in line] == places


def test_packages_language_and_host_are_compared(make, run):
    for name, numpy, host, runtime in (
        ("1", "numpy==1.24.0", "node7", "Python 3.11.7"),
        ("2", "numpy @ git+https://x/numpy@abc", "gpu", "Python 3.12.1"),
    ):
        folder = make(name, hostname=host, runtime=runtime)
        rest = "".join(f"package-{number}=={number}.{name}\n" for number in range(20))
        (folder / "requirements.txt").write_text(f"# made by hand\n{numpy}\nsame==1\n{rest}")
    printed = run("1", "2").stdout
    lines = [line.split() for line in printed.splitlines()]
    assert ["host", "node7", "gpu"] in lines
    assert ["python", "3.11.7", "3.12.1"] in lines
    assert ["numpy", "1.24.0", "git+https://x/numpy@abc"] in lines
    assert "  … 14 more in requirements.txt\n" in printed
    assert "same=" not in printed


def test_what_only_one_had_recorded_is_no_difference_of_packages(make, run):
    (make("1") / "requirements.txt").write_text("numpy==1\n")
    make("2")
    assert "packages" not in run("1", "2").stdout


def test_other_languages_have_a_row_as_well(make, run):
    make("1", runtime="Python 3.11.7")
    make("2", runtime="julia 1.10.4")
    assert ["runtime", "Python", "3.11.7", "julia", "1.10.4"] in [
        line.split() for line in run("1", "2").stdout.splitlines()
    ]


def test_new_arguments_at_their_defaults_are_one_line(make, run):
    new = {f"new_{number}": number for number in range(30)}
    make("1", {"lr": 0.1}, defaults={"lr": 0.1})
    make("2", {"lr": 0.2, **new, "new_3": 8}, defaults={"lr": 0.1, **new})
    printed = run("1", "2").stdout
    assert f"  only in 2, at the default: {', '.join(name for name in new if name != 'new_3')}\n" in printed
    assert ["new_3", "8"] in [line.split() for line in printed.splitlines()]


def test_from_five_on_it_is_the_table_of_these_and_what_lies_between_the_ends(make, screen, commit):
    first, last = commit("First"), commit("Last", file="x\n")
    for number in range(1, 8):
        more = at(10 + number, last if number > 3 else first)
        if number == 1:  # the first of all, on a clock that is ahead
            more["start_time"] = "2024-11-23T20:00:00+12:00"
        make(str(number), {"lr": number}, {"acc": number / 7}, **more)
    printed = screen("1", "2", "4", "5", "6", NO_COLOR="1")
    assert [line.split()[0] for line in printed.splitlines() if re.match(r" \d ", line)] == list("12456")
    assert f"code, {first[:7]}..{last[:7]}\n  + {last[:7]}  Last\n" in printed


def test_commits_of_libraries_next_door_are_compared(make, run):
    def library(sha, directory="../mylib"):
        return [{"directory": directory, "githead-sha": sha * 40, "git-dirty": False}]

    make("1", git_repositories=library("a"))
    make("2", git_repositories=library("b"))
    make("3")
    assert re.search(r"\.\./mylib at +aaaaaaa +bbbbbbb\n", run("1", "2").stdout)
    assert re.search(r"\.\./mylib at +aaaaaaa *\n", run("1", "3").stdout)
    assert "mylib" not in run("1", "1").stdout
