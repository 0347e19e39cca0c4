import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import unicodedata

import pytest

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
DEFAULTS = {"lr": 1.0, "seed": 1, "epochs": 14, "data": "/data"}


@pytest.fixture
def sweep(make):
    """Four experiments: two that differ in lr and seed, one that failed, one that is in no state to read."""
    make("1", {**DEFAULTS, "lr": 0.1}, {"loss": 0.41666666, "accuracy": 0.8}, defaults=DEFAULTS)
    make("2", {**DEFAULTS, "lr": 0.05, "seed": 2}, {"loss": 12.5, "accuracy": 0.75}, defaults=DEFAULTS)
    make("10", DEFAULTS, {"loss": "NaN"}, "ERROR\nexit code 3\n", DEFAULTS, end_time="2024-11-24T12:00:00Z")
    broken = make("broken")
    for name in ("metadata.json", "args.json", "default_args.json", "STATUS"):
        (broken / name).unlink()


def test_a_pipe_gets_the_whole_plain_table(sweep, run):
    result = run()
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == (
        "id      status                 start  duration  commit     lr  seed    loss  accuracy  problems\n"
        "broken  unknown" + " " * 72 + "has none of an experiment's files\n"
        "1       SUCCESS  2024-11-23T10:00:00    1m 30s  0123456  0.1      1   0.417      0.80\n"
        "2       SUCCESS  2024-11-23T10:00:00    1m 30s  0123456  0.05     2  12.500      0.75\n"
        "10      ERROR    2024-11-23T10:00:00    1d 02h  0123456  1.0      1     nan\n"
    )


def test_a_terminal_gets_groups_and_what_is_wrong_below(sweep, screen):
    assert COLOUR.sub("", screen(columns=100)) == (
        "                                                  args ─────  summary ────────\n"
        "id      status          start  duration  commit     lr  seed    loss  accuracy\n"
        "broken  unknown !\n"
        "1       SUCCESS    2024-11-23    1m 30s  0123456  0.1      1   0.417      0.80\n"
        "2       SUCCESS    2024-11-23    1m 30s  0123456  0.05     2  12.500      0.75\n"
        "10      ERROR      2024-11-23    1d 02h  0123456  1.0      1     nan\n"
        "\n"
        "4 experiments: 2 SUCCESS, 1 ERROR, 1 unknown\n"
        "ERROR  10  exit code 3\n"
        "! broken: has none of an experiment's files\n"
    )


def test_what_is_the_same_in_all_is_below_unless_it_is_asked_for(make, screen):
    for number in range(2):
        args = {"lr": number, "text": "t " * 39 + "t", "epochs": 3, "short": [1]}
        make(str(number), args, {"loss": number, "eval": {"acc": 0.5}}, defaults={"lr": 7, "text": ""})
    printed = COLOUR.sub("", screen(columns=200))
    same = f"text={'t ' * 11}t…, epochs=3, short=[1], eval.acc=0.5"
    assert f"same in all: commit=0123456, {same}\n" in printed
    assert "all SUCCESS" in printed
    asked = COLOUR.sub("", screen("--sort", "epochs", "--columns", "+commit", columns=200))
    assert "epochs=3" not in asked
    assert "commit=" not in asked
    assert re.search("commit .* epochs↑", asked)


def test_a_result_is_the_same_where_all_that_have_results_agree(make, screen):
    make("1", {"lr": 1}, {"epoch": 3, "loss": 1})
    make("2", {"lr": 2}, None, "ERROR\n")
    make("3", {"lr": 3}, {"epoch": 3})
    assert "same in all: commit=0123456, epoch=3\n" in COLOUR.sub("", screen())


def test_an_argument_that_came_later_and_was_never_chosen_is_no_column(make, run):
    make("1", {"lr": 1}, defaults={"lr": 9})
    make("2", {"lr": 2, "new": 0}, defaults={"lr": 9, "new": 0})
    assert "new" not in run().stdout
    make("3", {"lr": 2, "new": 5}, defaults={"lr": 9, "new": 0})
    assert "new" in run().stdout


def test_one_experiment_shows_all_of_its_arguments(make, screen, run):
    make("1", {"lr": 1}, defaults={"lr": 1})
    assert "lr" in run().stdout
    printed = COLOUR.sub("", screen())
    assert "lr" in printed
    assert "1 experiment; its page: meticulous 1\n" in printed


@pytest.mark.parametrize("columns", [60, 100])
def test_lists_below_the_table_end_where_the_line_ends(make, screen, columns):
    for number in (1, 2):
        args = {f"option_{place:03}": place * number for place in range(1, 400)}
        make(str(number), args, defaults=dict.fromkeys(args, -1))
    lines = COLOUR.sub("", screen(columns=columns)).splitlines()
    assert max(map(len, lines)) <= columns
    assert len(lines) < 12
    assert re.search(r"no room for: .* … [0-9]+ more  \(for all: \| less -S\)$", lines[-1])


def test_differing_values_never_look_alike(make, screen):
    values = [
        (0.3, "a" * 50 + "x"),
        (0.30000000000000004, "a" * 50 + "y"),
        (0.1234567, "b"),
        (0.1234568, "c"),
    ]
    for number, (lr, text) in enumerate(values):
        make(str(number), {"lr": lr, "text": text}, {"acc": 0.99995 + number / 1e6})
    for arguments in ((), ("--groupby", "lr,text")):
        rows = COLOUR.sub("", screen("--sort", "acc", *arguments, columns=120)).splitlines()
        for place in ("lr", "text", "acc↑"):
            names = next(line for line in rows if place in line)
            assert names
    cells = [line.split() for line in rows[2:6]]
    for place in (0, 1, 3):
        assert len({row[place] for row in cells}) == 4


@pytest.mark.parametrize("options", [[], ["--normalize-json-values", "0"], ["--columns", "id,acc"]])
def test_results_of_chosen_experiments_never_look_alike(make, screen, options):
    values = [0.71234, 0.123456789012, 0.123456789013, 0.5, 0.50000001, 1e-5]
    for number, value in enumerate(values):
        make(str(number), {"lr": number}, {"acc": value})
    make("other", {"lr": 1}, {"acc": 0.25})
    rows = [line.split() for line in screen(*"012345", *options, NO_COLOR="1").splitlines()]
    assert len({row[-1] for row in rows if row and row[0] in set("012345")}) >= len(values)


def test_columns_says_how_wide_the_terminal_is(sweep, screen):
    assert "no room for" in COLOUR.sub("", screen(columns=200, COLUMNS="40"))


HEADER = {
    "id": ("1", "id == 1", "expid"),
    "status": ("SUCCESS", "status == 'SUCCESS'", "header.status"),
    "start": ("2024-11-23T10:00:00", "start == '2024-11-23'", "header.start_time"),
    "duration": ("1m 30s", "duration > '1m'", "header.duration"),
    "commit": ("0123456+", "commit == '0123456'", "header.sha"),
    "host": ("node7", "'node' in host", "metadata.hostname"),
    "runtime": ("Python 3.11.7", "'3.11' in runtime", "metadata.runtime"),
    "description": ("a text", "description == 'a text'", "metadata.description"),
    "reason": ("ended early", "reason == 'ended early'", "header.reason"),
    "problems": ("default_args.json: empty", "'empty' in problems", "header.problems"),
}


@pytest.mark.parametrize("name", HEADER)
def test_each_column_of_the_header_shows_sorts_filters_exports_and_fits(make, run, screen, name):
    cell, condition, frame = HEADER[name]
    folder = make(
        "1",
        {},
        {},
        "SUCCESS\nended early\n",
        git_dirty=True,
        hostname="node7",
        description="a text",
        runtime="Python 3.11.7",
    )
    (folder / "default_args.json").write_text("")
    make(
        "2",
        githead_sha="f" * 40,
        status="ERROR\n",
        start_time="2025-01-01T00:00:00Z",
        end_time="2025-01-01T00:00:01Z",
    )
    head, *rows = [re.split("  +", line.strip()) for line in run("--columns", name).stdout.splitlines()]
    assert head[-1] == name
    assert rows[0][-1] == cell
    assert len(ids(run("--sort", name))) == 2
    assert ids(run("--filter", condition)) == ["1"]
    exported = run("--columns", name, "--export", "-", "--export-format", "json", "--flat-cols").stdout
    assert frame in json.loads(exported)[0]
    printed = COLOUR.sub("", screen("--columns", f"+{name}", columns=60))
    assert name in printed
    assert max(map(len, printed.splitlines())) <= 60


def test_the_listing_names_each_column_of_the_header(make, run):
    make("1")
    listed = [line.split()[0] for line in run("--list-columns").stdout.splitlines()]
    assert [name for name in listed if name.startswith("header.")] == [f"header.{name}" for name in HEADER]


@pytest.mark.parametrize(
    ("which", "names"),
    [
        ("none", []),
        ("truncated", ["lr", "seed"]),
        ("non-default", ["lr", "seed"]),
        ("all", ["lr", "seed", "epochs", "data"]),
    ],
)
def test_args_says_which_arguments_are_shown(sweep, run, which, names):
    header = run("--args", which).stdout.partition("\n")[0].split()
    assert header == ["id", "status", "start", "duration", "commit", *names, "loss", "accuracy", "problems"]


def test_arguments_without_known_defaults_are_shown_where_they_vary(make, run):
    make("1", {"lr": 1, "seed": 1})
    assert "seed" in run().stdout
    make("2", {"lr": 2, "seed": 1})
    assert "lr" in run().stdout
    assert "seed" not in run().stdout


def ids(result):
    assert result.stderr == ""
    return [line.split()[0] for line in result.stdout.splitlines()[1:]]


def test_sorting_puts_the_greatest_last_and_the_unknown_first(sweep, run):
    assert ids(run("--sort", "loss")) == ["broken", "10", "1", "2"]
    assert ids(run("--sort", "summary.loss", "--sort-reverse")) == ["broken", "10", "2", "1"]
    assert ids(run("--sort", "id")) == ["1", "2", "10", "broken"]
    assert ids(run("--sort_reverse")) == ["10", "2", "1", "broken"]
    assert ids(run("--sort=args.seed", "--sort=lr")) == ["broken", "1", "10", "2"]
    assert ids(run("--tail", "1", "--sort", "accuracy")) == ["1"]
    assert ids(run("--tail=99", "experiments", "--args=none")) == ["broken", "1", "2", "10"]


def test_recorded_text_cannot_drive_the_terminal(make, screen, run):
    name = "evil" if sys.platform == "win32" else "evil\x1b]0;title\x07"  # which no name of Windows can be
    make(
        name,
        {"text": "\x1b[2J\rover\u202ewritten\x9b1m\ttab", "name\n": 1},
        {"na\x1bme": "\ud800"},
        "\x1b[31mDONE\n",
        githead_sha="\x1b[5m",
    )
    for printed in (COLOUR.sub("", screen(columns=300)), run().stdout):
        assert all(char.isprintable() or char == "\n" for char in printed)
        assert r"\x1b[2J\rover\u202ewritten\x9b1m\ttab" in printed
        assert r"name\n" in printed
    page = COLOUR.sub("", screen(f"experiments/{name}"))
    assert all(char.isprintable() or char == "\n" for char in page)
    assert run("--sort", "\x1b[2J").stderr.startswith(r"meticulous: no column \x1b[2J: ")


def test_wide_characters_stay_in_line(make, screen, run):
    make("1", {"name": "日本語", "x": 1})
    make("2", {"name": "emoji 🚀👩\u200d🔬", "x": 2})
    make("3", {"name": "cafe\u0301", "x": 3})
    wide = {char: 2 if unicodedata.east_asian_width(char) == "W" else 1 for char in "日本語🚀👩🔬"}
    for printed in (COLOUR.sub("", screen(columns=120)), run().stdout):
        rows = [line for line in printed.partition("\n\n")[0].splitlines() if line.lstrip()[:1].isdigit()]
        widths = [sum(wide.get(c, 0 if unicodedata.combining(c) else 1) for c in row) for row in rows]
        assert len(rows) == 3
        assert len(set(widths)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="its facts of a process are of Linux")
def test_running_lost_and_silent_runs_stand_out(make, screen, run):
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read().strip()
    namespace = os.stat("/proc/self/ns/pid").st_ino
    here = {"hostname": socket.gethostname(), "pid": 4194305, "process_start": f"linux:{boot}:{namespace}:1"}
    make("lost", status="RUNNING\n", **here)
    make("elsewhere", status="RUNNING\n", hostname="elsewhere", heartbeat_seconds=60)
    silent = make("silent", status="RUNNING\n", hostname="elsewhere", heartbeat_seconds=60)
    os.utime(silent / "STATUS", (0, 0))
    states = {line.split()[0]: line.split()[1] for line in run().stdout.splitlines()[1:]}
    assert states == {"lost": "lost", "elsewhere": "RUNNING", "silent": "silent"}
    assert re.search(r"silent \d+d", COLOUR.sub("", screen(columns=120)))
    assert "its process 4194305 is gone" in run("experiments/lost").stdout
    assert "it promised a sign of life each 60s" in run("experiments/silent").stdout


def test_uncommitted_changes_are_marked(make, run, screen):
    patch = make("1", git_dirty=True) / "git.diff"
    patch.touch()
    assert "0123456+" in run().stdout
    assert "+ uncommitted changes, kept in git.diff" in screen()
    make("2")
    assert "+ uncommitted" in screen(columns=120)
    assert "+ uncommitted" not in screen("--columns", "id")
    patch.unlink()  # another recorder may know that there were some, and not which
    assert "+ uncommitted changes\x1b" in screen(columns=120)


try:
    os.listdir(__file__)
except OSError as error:
    NO_DIRECTORY = (error.strerror or "").lower()  # as the system calls it


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere"], 2, "no experiment or directory 'nowhere'"),
        (["experiments/1/STATUS"], 2, f"experiments/1/STATUS: {NO_DIRECTORY}"),
        (["empty"], 1, "no experiments in empty yet"),
        (["--bogus"], 2, "unrecognized arguments: --bogus (see meticulous --help)"),
        (["--tail", "0"], 2, "argument --tail: '0' is not a whole number from 1 on (see meticulous --help)"),
        (["--sort", "los"], 2, "no column los: did you mean loss?"),
        (["experiments/1", "--sort", "loss"], 2, "--sort is for tables; experiments/1 is one experiment"),
        (["--sort", "same"], 2, "same is an argument and a result: write args.same or summary.same"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(make, run, tmp_path, arguments, code, message):
    make("1", {"same": 1}, {"same": 2, "loss": 1})
    (tmp_path / "empty").mkdir()
    result = run(*arguments)
    assert (result.returncode, result.stdout, result.stderr) == (code, "", f"meticulous: {message}\n")


def test_without_a_directory_it_says_what_to_name(run):
    result = run()
    assert result.returncode == 2
    assert result.stderr.startswith(
        "meticulous: no experiments here or above; name their directory: meticulous PATH"
    )
    assert result.stderr.count("\n") == 1


def test_a_name_in_two_groups_is_told_apart_in_a_pipe(make, run):
    make("1", {"loss": "l1"}, {"loss": 2})
    assert run().stdout.split("\n")[0].split()[-2:] == ["args.loss", "summary.loss"]


def test_help_and_version_answer(run):
    result = run("--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert "examples\n" in result.stdout
    assert re.fullmatch(r"meticulous \d+\.\d+\.\d+\n", run("--version").stdout)


def test_the_installed_command_is_the_same(sweep, run, tmp_path, environment):
    command = shutil.which("meticulous", path=sysconfig.get_path("scripts"))
    assert command
    arguments = {
        "cwd": tmp_path,
        "env": environment,
        "capture_output": True,
        "encoding": "utf-8",
        "check": True,
        "timeout": 60,
    }
    assert subprocess.run([command], **arguments).stdout == run().stdout


def test_the_table_needs_no_pandas(sweep, run, tmp_path, environment):
    code = (
        "import sys\nfrom meticulous_cli.__main__ import main\n"
        "assert main([]) == 0 and not {'pandas', 'numpy'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, capture_output=True
    )


def test_a_reader_that_leaves_early_is_no_error(sweep, tmp_path, environment):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        result = subprocess.run(
            [sys.executable, "-m", "meticulous_cli"],
            cwd=tmp_path,
            env=environment,
            stdout=closed,
            stderr=subprocess.PIPE,
        )
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_told(sweep, tmp_path, environment):
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [sys.executable, "-m", "meticulous_cli"],
            cwd=tmp_path,
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert (result.returncode, result.stderr) == (1, b"meticulous: cannot write: No space left on device\n")


def test_an_interrupt_is_one_line(make, tmp_path, environment):
    make("1")
    # The interrupt comes when the directory is listed: a real signal, at a moment that is sure.
    code = (
        "import signal, sys\n"
        "from meticulous_cli.__main__ import main\n"
        "sys.addaudithook(lambda event, _: event == 'os.scandir' and signal.raise_signal(signal.SIGINT))\n"
        "sys.exit(main([]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stdout, result.stderr) == (
        128 + signal.SIGINT,
        "",
        "meticulous: interrupted\n",
    )


def test_an_experiment_may_be_called_like_a_recorded_file(make, run):
    make("STATUS", {"lr": 1})
    make("metadata.json", {"lr": 2})
    assert [line.split()[0] for line in run().stdout.splitlines()[1:]] == ["STATUS", "metadata.json"]
    assert run("--validate").stdout.splitlines()[-1].startswith("ok: 2 experiments keep")


def test_a_status_that_is_none_is_clipped_and_megabytes_do_not_widen_every_row(make, run):
    for number in range(20):
        make(str(number), {"lr": number})
    make("21", {"lr": "x" * 2**20}, status="\0" * 2**20)
    printed = run().stdout
    assert len(printed) < 2**20 + 2**16
    row = printed.splitlines()[-1]
    assert "x" * 2**20 in row
    assert "\\x00\\x00" in row
    assert "..." in row


@pytest.mark.parametrize("columns", range(20, 41, 5))
@pytest.mark.parametrize(
    "options",
    [[], ["--args", "none"], ["--columns", "lr,model,start,loss,status"], ["--groupby", "model,lr"]],
)
def test_a_table_is_no_wider_than_the_narrowest_terminals(make, screen, columns, options):
    for number in range(3):
        args = {"lr": 10**30 + number, "model": f"a model with a long name {number}"}
        make(
            f"an-experiment-with-a-name-{number}",
            args,
            {"loss": number / 7, "l" * 50: 1},
            status="WEIRD" * 20,
        )
    printed = screen(*options, columns=columns, NO_COLOR="1")
    assert max(map(len, printed.splitlines())) <= columns
    assert printed.count("\n") >= 5
