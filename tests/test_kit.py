"""What keeps to the format passes the kit, as any third party can run it: ours, and two that are not ours."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KIT = ROOT / "spec" / "kit"
ADAPTERS = ROOT / "tests" / "adapters"
THIRD_PARTY = ROOT / "examples" / "third-party"
posix = pytest.mark.skipif(sys.platform == "win32", reason="the kit's repositories and signals are POSIX's")
whole = pytest.mark.timeout(1000)  # of the kit, with hundreds of processes

# What a program that wraps another cannot know, and what the example leaves out to stay short.
NOT_IN_SHELL = ("defaults", "types", "exceptions", "integers", "surrogates", "objects", "files")
LEFT_OUT_IN_SHELL = ("patch", "resume", "jobs", "heartbeat")


def kit(program, *arguments, cwd=ROOT):
    command = [sys.executable, str(KIT / program), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=1000)


def check_passed(done, left_out="", unkept=()):
    """The kit found no breach of a MUST, and of SHOULDs the known alone; return how many it held."""
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert set(re.findall(r"^(?:FAIL|warn)  (\S+)  ", done.stdout, re.MULTILINE)) == set(unkept), done.stdout
    last = done.stdout.splitlines()[-1]
    held, rest = re.fullmatch(
        r"([0-9]+) requirements held, 0 broken(?:, \d recommendations not kept)?(.*)", last
    ).groups()
    assert rest == left_out
    return int(held)


@whole
def test_our_reader_passes(tmp_path):
    done = kit("reader.py", "--", sys.executable, ADAPTERS / "read.py", cwd=tmp_path)
    assert check_passed(done) > 60
    # A Linux that does not tell what happens in folders is none to the kit.
    reasons = re.findall(r"^skip .*: (.*)$", done.stdout, re.MULTILINE)
    assert sys.platform != "linux" or set(reasons) <= {"needs Linux"}


@whole
@posix
def test_our_recorder_passes(tmp_path):
    copy = ("--copy", ADAPTERS / "record.py")
    done = kit("recorder.py", *copy, "--", sys.executable, "record.py", cwd=tmp_path)
    assert check_passed(done) > 70


@whole
@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
def test_the_reader_in_javascript_passes(tmp_path):
    done = kit("reader.py", "--", "node", THIRD_PARTY / "read.js", cwd=tmp_path)
    # A language's own parser says nothing of a repeated key (READ-21).
    assert check_passed(done, unkept={"READ-21"}) > 60


@whole
@posix
def test_the_recorder_in_shell_passes(tmp_path):
    files = (THIRD_PARTY / "record.sh", KIT / "perform.py", ADAPTERS / "record_sh.py")
    copies = [word for file in files for word in ("--copy", file)]
    parts = sorted(NOT_IN_SHELL + LEFT_OUT_IN_SHELL)
    without = [word for part in parts for word in ("--without", part)]
    done = kit("recorder.py", *copies, *without, "--", sys.executable, "record_sh.py", cwd=tmp_path)
    assert check_passed(done, "; left out: " + ", ".join(parts)) > 35


def test_the_third_partys_examples_share_no_code_with_us():
    for path in THIRD_PARTY.glob("*.[sj]*"):
        assert not re.search("meticulous[_.-]|import meticulous", path.read_text("utf-8"))


@pytest.mark.parametrize("program", ["reader.py", "recorder.py"])
def test_a_wrong_command_line_is_told(program):
    for arguments, words in (
        ((), "no command"),
        (("--only", "nonsense", "--", "true"), "--list shows all"),
        (("--without", "nonsense", "--", "true"), "invalid choice"),
        (("nonsense", "--", "true"), "nonsense"),
    ):
        done = kit(program, *arguments)
        assert done.returncode == 2
        assert words in done.stderr, done.stderr


def test_what_is_no_reading_is_told():
    for code, words in (
        ("raise SystemExit('not today')", "exit code 1: not today"),
        ("print('{}')", "not the JSON that README.md asks for"),
        ("print('one two')", "not the JSON that README.md asks for"),
    ):
        done = kit("reader.py", "--only", "STATUS-3-success", "--", sys.executable, "-c", code)
        assert done.returncode == 1
        assert words in done.stdout, done.stdout


@posix
def test_a_recorder_that_records_nothing_is_told():
    for scenario in ("success", "signals"):
        done = kit("recorder.py", "--only", scenario, "--", "true")
        assert (done.returncode, done.stderr) == (1, "")
        # A program that ends before its signal is sent breaks the pipe; one that ends later has no STATUS.
        assert done.stdout.startswith(("FAIL  DIR-1", "FAIL  STATUS-6"))


@posix
def test_a_recorder_that_hangs_is_told_as_one():
    """It is not told as an exit code of -9; and what it left behind does not go on."""
    start = "import sys; sys.path.insert(0, {!r}); import recorder; from scenarios import stage; "
    start += "stage.SECONDS = 1; sys.argv = ['recorder.py', '--only', {!r}, '--', 'sh', '-c', {!r}]; "
    start += "sys.exit(recorder.main())"
    for scenario, command in (
        ("exit-codes", "sleep 60"),
        ("sigkill", "sleep 60"),
        ("success", "sleep 60 & sleep 60"),
    ):
        code = start.format(str(KIT), scenario, command)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (1, "")
        assert "FAIL  END-1" in done.stdout
        assert "within 1 seconds" in done.stdout
        assert "-9" not in done.stdout


@posix
def test_what_was_not_there_is_not_said_to_be_held():
    done = kit("recorder.py", "--only", "killed-at-any-moment", "--", "true")
    assert "0 requirements held, 1 broken" in done.stdout
    done = kit("reader.py", "--only", "SAFE-7", "--", "false")
    assert "0 requirements held" in done.stdout


def test_only_takes_a_requirement():
    for program, requirement, expected in (
        ("recorder.py", "STATUS-5", {"exit-codes"}),
        ("recorder.py", "WRITE-7", {"no-room"}),
        ("reader.py", "READ-1", {"valid/READ-1-what-is-listed"}),
        ("reader.py", "READ-8", {"in motion: changes, READ-8"}),
    ):
        names = set(kit(program, "--only", requirement, "--list").stdout.splitlines())
        assert expected <= names
        assert not any(name.startswith(f"valid/{requirement}0") for name in names)
        assert len(names) < 12


def test_a_command_that_is_not_there_is_told(tmp_path):
    (tmp_path / "adapter").write_text("")
    for program, *arguments in (
        ("reader.py", "--", "no-such-command-anywhere"),
        ("recorder.py", "--", "no-such-command-anywhere"),
        ("recorder.py", "--", "./adapter"),  # it is here, and not in the new repository
        ("recorder.py", "--copy", KIT / "perform.py", "--", "./adapter"),
        ("reader.py", "--copy", KIT / "perform.py", "--", "true"),
    ):
        done = kit(program, *arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith(f"{program}: error: ")
        assert "Traceback" not in done.stderr


def test_the_list_names_every_fixture():
    names = kit("reader.py", "--list").stdout.splitlines()
    assert fixtures() == [name for name in names if not name.startswith("in motion")]


def fixtures():
    return json.loads((ROOT / "spec/1.0/fixtures.json").read_text("utf-8"))


@pytest.mark.parametrize("name", fixtures())
def test_a_fixture_says_what_it_is(name):
    case = json.loads((ROOT / "spec/fixtures" / f"{name}.json").read_text("utf-8"))
    assert set(case) <= {"about", "shows", "part", "needs", "make", "breaks", "reading"}
    assert case["about"].endswith((".", "?"))
    kind, _, title = name.partition("/")
    if kind == "valid":
        assert case["breaks"] == []
    if kind in ("warn", "invalid"):
        assert case["breaks"]
    requirement = re.match(r"[A-Z]+-[0-9]+", title)
    if kind in ("valid", "warn", "invalid"):
        assert requirement[0] in case["shows"]
