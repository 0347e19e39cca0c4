"""The words that somebody types: ids, directories above, other tools' names; and what is answered to them."""

import os
import shlex
import subprocess
import sys

import pytest


@pytest.fixture
def three(make):
    """Make three experiments, of which the second started last."""
    for name, hour in (("1", 10), ("2", 12), ("3", 11)):
        make(name, {"lr": 0.1 * int(name)}, {"acc": 0.9}, start_time=f"2024-11-23T{hour}:00:00Z")


def title(result):
    return result.stdout.split(maxsplit=1)[0]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["3"], ["3", "SUCCESS"]),
        (["last"], ["2", "SUCCESS"]),
        (["experiments/1"], ["1", "SUCCESS"]),
        (["3", "1"], ["3", "1"]),
        (["last", "1"], ["2", "1"]),
    ],
)
@pytest.mark.parametrize("place", [".", "src/deep", "experiments", "experiments/1"])
def test_an_id_is_enough_wherever_one_is_in_the_project(three, run, tmp_path, words, first, place):
    (tmp_path / "src" / "deep").mkdir(parents=True)
    if words == ["experiments/1"] and place != ".":
        pytest.skip("a path is where it is")
    result = run(*words, cwd=tmp_path / place)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0].split()[:2] == first


def test_the_table_is_found_from_below_but_not_from_another_project(three, run, tmp_path):
    (tmp_path / "other" / ".git").mkdir(parents=True)
    (tmp_path / "src").mkdir()
    assert run(cwd=tmp_path / "src").stdout == run().stdout
    done = run(cwd=tmp_path / "other")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_what_is_here_is_meant_before_an_id(three, run, make, tmp_path):
    (tmp_path / "experiments" / "1").rename(tmp_path / "3")
    assert "lr" in run("3").stdout
    assert "0.1" in run("3").stdout
    (tmp_path / "experiments" / "3").rename(tmp_path / "experiments" / "last")
    assert title(run("last")) == "last"


@pytest.mark.parametrize(
    ("typed", "instead"),
    [
        ("show 3", "meticulous 3"),
        ("view 3", "meticulous 3"),
        ("diff 3 1", "meticulous 3 1"),
        ("compare 3 1", "meticulous 3 1"),
        ("list", "meticulous"),
        ("ls", "meticulous"),
        ("help", "meticulous --help"),
        ("--head 2", "meticulous --tail 2"),
        ("--head=2", "meticulous --tail 2"),
        ("-n 2", "meticulous --tail 2"),
        ("--limit 2 --sort lr", "meticulous --tail 2 --sort lr"),
        ("--sort -lr", "meticulous --sort lr --sort-reverse"),
        ("--sort=-lr --tail 1", "meticulous --sort lr --sort-reverse --tail 1"),
        ("--sort lr --desc", "meticulous --sort lr --sort-reverse"),
        ("--where 'lr < 1'", 'meticulous --filter "lr < 1"'),
        ("--query 'lr < 1'", 'meticulous --filter "lr < 1"'),
        ("--filter 'lr = 0.1 or lr == 3'", 'meticulous --filter "lr == 0.1 or lr == 3"'),
        ("--output a.csv", "meticulous --export a.csv"),
        ("--format json", "meticulous --export - --export-format json"),
        ("--columns lr acc", "meticulous --columns lr,acc"),
        ("--columns lr summary", 'meticulous --columns "lr,summary.*"'),
        ("--experiments-directory experiments", "meticulous experiments"),
        ("--project-directory .", "meticulous ./experiments"),
        ("--experiment-id 3", "meticulous 3"),
    ],
)
def test_what_other_tools_call_it_is_answered_with_a_command_that_works(three, run, typed, instead):
    done = run(*shlex.split(typed))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 2)
    command = done.stderr.splitlines()[1].removeprefix("  try: ")
    if sys.platform == "win32":  # where more is put in quotes: PowerShell reads `lr,acc` as two words
        command, instead = map(shlex.join, map(shlex.split, (command, instead)))
    assert command == instead
    again = run(*shlex.split(command)[1:])
    assert (again.returncode, again.stderr) == (0, "")


def test_what_would_delete_is_answered_with_the_command_that_does(three, run, tmp_path):
    done = run("rm", "3")
    assert (done.returncode, done.stderr) == (
        2,
        f"meticulous: it deletes nothing\n  try: rm -r {os.path.join('experiments', '3')}\n",
    )


@pytest.mark.parametrize(("other", "same"), [("--group-by", "--groupby"), ("--sort_by", "--sort")])
def test_some_spellings_are_taken(three, run, other, same):
    assert run(other, "lr").stdout == run(same, "lr").stdout != ""


def test_an_id_that_is_not_there_is_answered_with_the_newest(three, run):
    done = run("99")
    assert (done.returncode, done.stderr) == (
        2,
        "meticulous: no experiment 99 in experiments: the highest is 3\n",
    )


def test_where_there_is_nothing_it_says_where_there_may_be(run, make, tmp_path):
    for words in ([], ["last"], ["3"]):
        assert run(*words).returncode == 2
    make("1").parent.rename(tmp_path / "runs")
    assert run().stderr == "meticulous: no experiments here\n  try: meticulous runs\n"


def test_the_newest_come_before_the_best(three, run):
    """`--tail` is of the sorted rows, `--last` of those that started last."""
    assert run("--last", "2", "--sort", "lr", "--tail", "1", "--paths").stdout.split() == [
        os.path.join("experiments", "3")
    ]
    assert run("--last", "1", "--paths").stdout.split() == [os.path.join("experiments", "2")]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_folders_can_be_handed_to_other_programs(make, tmp_path, environment):
    names = ["1", "two words", os.fsdecode(b"bad\xff"), "quote's", "plain"]
    for name in names:
        status = "SUCCESS\n" if name == "plain" else "ERROR\nsignal SIGTERM\n"
        make("x", status=status).rename(tmp_path / "experiments" / name)
    command = f"""'{sys.executable}' -m meticulous_cli --filter "status == 'ERROR'" --paths"""
    subprocess.run(
        ["sh", "-c", f"{command} | tr '\\n' '\\0' | xargs -0 rm -r"],
        cwd=tmp_path,
        env=environment,
        check=True,
        timeout=60,
    )
    assert os.listdir(tmp_path / "experiments") == ["plain"]


def test_some_experiments_are_a_table_where_there_are_more_than_four(make, run, tmp_path):
    for number in range(1, 8):
        make(str(number), {"lr": number}, {"acc": number}, start_time=f"2024-11-23T10:0{number}:00Z")
    done = run("1", "3", "5", "6", "7")
    assert [line.split()[0] for line in done.stdout.splitlines()[1:6]] == list("13567")
    few = run("3", "5", "--columns", "lr", "--paths")
    assert few.stdout.split() == [os.path.join("experiments", name) for name in "35"]
