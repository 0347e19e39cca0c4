"""What breaks the format is refused, by the requirement that it breaks; what is only unusual is not."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "spec" / "1.0"
EXAMPLES = SPEC / "examples" / "experiments"
SCHEMA = json.loads((SPEC / "schemas" / "metadata.schema.json").read_bytes())


def read(experiment):
    return json.loads((EXAMPLES / experiment / "metadata.json").read_bytes())


@pytest.fixture
def folder(tmp_path):
    """A good experiment, to be broken."""
    return Path(shutil.copytree(EXAMPLES / "resumed", tmp_path / "1"))


def test_the_copy_is_good_to_begin_with(folder, problems):
    assert problems(folder) == []


def identifiers(lines):
    assert all(re.fullmatch(r"[A-Z]+-[0-9]+: [\w.]+: .+", line, re.DOTALL) for line in lines)
    return {line.partition(":")[0] for line in lines}


@pytest.mark.parametrize("key", sorted({*SCHEMA["required"]} - {"format-version"}))
def test_a_missing_key_is_refused(key, folder, problems):
    metadata = read("resumed")
    del metadata[key]
    (folder / "metadata.json").write_text(json.dumps(metadata) + "\n")
    assert "META-1" in identifiers(problems(folder))


@pytest.mark.parametrize("key", SCHEMA["properties"])
@pytest.mark.parametrize("value", [None, "", 0, -1.5, [None], {"a": 1}], ids=json.dumps)
def test_a_wrong_type_is_refused(key, value, folder, problems):
    if value == "" and key in ("description", "githead-message"):
        return  # these may be empty
    (folder / "metadata.json").write_text(json.dumps({**read("resumed"), key: value}) + "\n")
    assert identifiers(problems(folder)) & {
        "META-2",
        "META-3",
        "META-4",
        "META-5",
        "META-7",
        "META-12",
        "GIT-5",
        "RESUME-11",
    }


@pytest.mark.parametrize(
    ("version", "word"), [(None, "legacy"), ("1.1", "newer"), ("1.10", "newer"), ("2.0", "newer")]
)
def test_another_version_is_named_once_and_not_judged(version, word, folder, folder_check, problems):
    metadata = {**read("resumed"), "format-version": version, "colour": "blue"}
    if version is None:
        del metadata["format-version"]
    (folder / "metadata.json").write_text(json.dumps(metadata) + "\n")
    (folder / "stderr").unlink()
    judgement = folder_check.judge(folder)
    assert judgement.findings == []
    assert word in judgement.other_version
    assert identifiers(problems(folder)) == {"META-2"}  # to whoever expects version 1.0


WRONG_METADATA = [
    ("META-2", {"format-version": "1.1"}),
    ("META-2", {"format-version": 1.0}),
    ("META-3", {"start-time": "2026-11-23T17:26:10"}),
    ("META-3", {"start-time": "2026-11-23 17:26:10Z"}),
    ("META-3", {"start-time": "2026-11-23T17:26:10+0100"}),
    ("META-3", {"start-time": "2026-13-23T17:26:10Z"}),
    ("META-3", {"start-time": "2026-02-30T17:26:10Z"}),
    ("META-3", {"end-time": "2026-11-23T17:26:10.0123456789Z"}),
    ("META-3", {"timestamp": 1795451170.5}),
    ("META-5", {"githead-sha": "39923da"}),
    ("META-5", {"githead-sha": "39923DAA68C135CCF931681FC4DB6A8CEE544EEF"}),
    ("META-5", {"githead-sha": "0" * 41}),
    ("META-5", {"githead-sha": "0" * 40 + "\n"}),
    ("META-7", {"git-remote": "https://ada:secret@git.example.org/digits.git"}),
    ("META-7", {"git-remote": "https://token@git.example.org/digits.git"}),
    ("META-7", {"git-remote": "ssh://git:secret@git.example.org/digits.git"}),
    ("META-11", {"githead-claimed": True}),
    ("META-12", {"process-start": "linux:"}),
    ("META-12", {"process-start": "darwin:1764142000.123456"}),
    ("META-12", {"process-start": "windows:"}),
    ("META-12", {"process-start": "linux:6b0f3c52-8d6e-4c1b-9f0a-2e7d51c4a983:1:"}),
    ("META-2", {"githead-claimed": False}),
    ("META-2", {"uuid": "6F1C2B0E-8D53-4A7E-9A51-3F0A1C9BE7D2"}),
    ("META-2", {"runtime": "Python"}),
    ("META-2", {"command": []}),
    ("META-3", {"start-time": "2026-11-23T17:26:60Z"}),
    ("META-7", {"git-remote": "HTTPS://token@git.example.org/digits.git"}),
    ("META-7", {"git-remote": "https://git.example.org/digits.git?private_token=secret"}),
    ("GIT-5", {"git-repositories": []}),
    ("GIT-5", {"git-repositories": [{"githead-sha": "0" * 40}]}),
    ("GIT-5", {"git-repositories": [{"directory": "library"}]}),
    ("GIT-5", {"git-repositories": [{"directory": "../a"}, {"directory": "../a"}]}),
    ("META-9", {"favourite-colour": "blue"}),
    ("VENDOR-1", {":gpu": 1}),
    ("VENDOR-1", {"lab:": 1}),
    ("META-2", {"command": "train.py --lr 0.1"}),
    ("META-2", {"pid": True}),
    ("META-2", {"heartbeat-seconds": 0}),
    ("META-2", {"slurm-job-id": 40211}),
    ("RESUME-11", {"earlier-sessions": []}),
    ("RESUME-11", {"earlier-sessions": [{"start-time": "2026-11-23T17:26:05Z"}]}),
    ("RESUME-11", {"earlier-sessions": [{"start-time": "2026-11-23T17:26:05Z", "status": ""}]}),
    ("RESUME-11", {"earlier-sessions": [{"start-time": "2026-11-23T17:26:05Z", "status": "SUCCESS\n"}]}),
    ("RESUME-11", {"earlier-sessions": [{"start-time": "2026-11-23T17:26:05", "status": "SUCCESS"}]}),
    (
        "RESUME-11",
        {"earlier-sessions": [{"start-time": "2026-11-23T17:26:05Z", "status": "SUCCESS", "colour": 1}]},
    ),
]


@pytest.mark.parametrize(("requirement", "change"), WRONG_METADATA, ids=lambda value: str(value)[:60])
def test_wrong_metadata_is_refused(requirement, change, folder, problems):
    (folder / "metadata.json").write_text(json.dumps({**read("resumed"), **change}) + "\n")
    assert requirement in identifiers(problems(folder))


RIGHT_METADATA = [
    {"githead-sha": "0" * 64},
    {"githead-message": ""},
    {"start-time": "2026-11-23T17:26:10Z", "end-time": "2026-11-23T17:26:59.123456789-23:59"},
    {"timestamp": "2026-11-20T00:00:00Z"},
    {"git-dirty": True},
    {"process-start": "plan9:17"},
    {"process-start": "darwin:2A55E0B5-5B0A-4B54-9E0C-9F0B3B1E7C11:1764142000.123456"},
    {"process-start": "windows:133777777777777777"},
    {"runtime": "GNU Octave 8.4.0"},
    {"git-repositories": [{"directory": "library", "githead-sha": "0" * 40}, {"directory": "../mylib"}]},
    {"git-remote": "git@git.example.org:ada/digits.git"},
    {"git-remote": "ssh://git@git.example.org/digits.git"},
    {"git-remote": "../digits @ home"},
    {"git-dirty": False},
    {"heartbeat-seconds": 0.5},
    {"example:anything": {"at": ["all", None]}},
    {"earlier-sessions": [{"start-time": "2026-11-23T17:26:05Z", "status": "RUNNING", "lab:x": 1}]},
]


@pytest.mark.parametrize("change", RIGHT_METADATA, ids=lambda value: str(value)[:60])
def test_unusual_but_right_metadata_is_accepted(change, folder, problems):
    (folder / "metadata.json").write_text(json.dumps({**read("resumed"), **change}) + "\n")
    assert problems(folder) == []


WRONG_JSON = [
    ("JSON-1", b""),
    ("JSON-1", b'{"loss": \n'),
    ("JSON-5", b'{"loss": NaN}\n'),
    ("JSON-5", b'{"loss": -Infinity}\n'),
    ("JSON-1", b'{"name": "caf\xe9"}\n'),
    ("JSON-6", b'{"name": "\xed\xa0\x80"}\n'),
    ("JSON-1", "{}\n".encode("utf-16")),
    ("JSON-2", b"\xef\xbb\xbf{}\n"),
    ("JSON-3", b"[]\n"),
    ("JSON-3", b"null\n"),
    ("JSON-3", b'"NaN"\n'),
    ("JSON-4", b'{"a": {"lr": 1, "lr": 2}}\n'),
    ("JSON-6", b'{"name": "\\ud800"}\n'),
    ("JSON-6", b'{"\\ude00\\ud83d": 1}\n'),
    ("JSON-12", b'{"loss": 1e400}\n'),
    ("JSON-12", b'{"loss": [-1.5E+309]}\n'),
]


@pytest.mark.parametrize("name", ["metadata.json", "args.json", "default_args.json", "summary.json"])
@pytest.mark.parametrize(("requirement", "data"), WRONG_JSON)
def test_wrong_json_is_refused(name, requirement, data, folder, problems):
    if name == "metadata.json":  # else it would be a folder of version 0
        data = data.replace(b'{"', b'{"format-version": "1.0", "')
    (folder / name).write_bytes(data)
    assert f"{requirement}: {name}: " in "\n".join(problems(folder))


@pytest.mark.parametrize("name", ["args.json", "default_args.json", "summary.json"])
@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b'{"loss":"NaN"}\n\n',
        b'{"": null, "no:vendor": "\\\\ud800", "\\u00e9": 1e3}\n',
        b'{"a": "\\ud83d\\ude00", "seed": 123456789012345678901234567890}\n',
    ],
)
def test_any_object_of_the_programs_is_accepted(name, data, folder, problems):
    (folder / name).write_bytes(data)
    assert problems(folder) == []


WRONG_STATUS = [
    ("STATUS-1", b"ERROR\ncaf\xe9\n"),
    ("STATUS-1", b"\xef\xbb\xbfSUCCESS\n"),
    ("STATUS-2", b"RUNNING"),
    ("STATUS-2", b"RUNNING\nsince noon\n"),
    ("STATUS-3", b"SUCCESS\r\n"),
    ("STATUS-3", b"SUCCESS\n\n"),
    ("STATUS-4", b""),
    ("STATUS-4", b"success\n"),
    ("STATUS-4", b"SUCESS\n"),
    ("STATUS-4", b" SUCCESS\n"),
    ("STATUS-4", b"Traceback (most recent call last):\nValueError\n"),
    ("STATUS-4", b"ERROR\n"),
    ("STATUS-4", b"ERROR\n \n"),
    ("STATUS-4", b"ERROR\nexit code 3"),
    ("STATUS-5", b"ERROR\nexit code 0\n"),
    ("STATUS-5", b"ERROR\nexit code three\n"),
    ("STATUS-6", b"ERROR\nsignal 15\n"),
    ("STATUS-6", b"ERROR\nsignal sigterm\n"),
]


@pytest.mark.parametrize(("requirement", "data"), WRONG_STATUS)
def test_a_wrong_status_is_refused(requirement, data, folder, problems):
    (folder / "STATUS").write_bytes(data)
    found = identifiers(problems(folder))
    assert requirement in found or (requirement == "STATUS-3" and found == {"STATUS-4"})


@pytest.mark.parametrize(
    "text",
    [
        "exit code 1\nno such file: data.csv\n",
        "signal SIGRTMIN+1\n",
        "signal SIGINT\nTraceback (most recent call last):\n  …\nKeyboardInterrupt\n",
        "DomainError with -1.0:\nsqrt was called with a negative real argument\n",
        "\n  late words\n",
    ],
)
def test_any_reason_is_accepted(text, folder, problems):
    (folder / "STATUS").write_text("ERROR\n" + text, "utf-8")
    assert problems(folder) == []


def test_ends_that_do_not_fit_are_refused(folder, problems):
    metadata = read("resumed")
    end = metadata.pop("end-time")
    (folder / "metadata.json").write_text(json.dumps(metadata) + "\n")
    assert identifiers(problems(folder)) == {"END-1"}
    (folder / ".resume").touch()  # somebody is just resuming it
    assert problems(folder) == []
    (folder / "STATUS").write_text("RUNNING\n")
    assert problems(folder) == []
    (folder / "metadata.json").write_text(json.dumps({**metadata, "end-time": end}) + "\n")
    assert problems(folder) == []  # killed between the two writes of its end
    earlier = metadata["earlier-sessions"][0]["end-time"]
    (folder / "metadata.json").write_text(json.dumps({**metadata, "end-time": earlier}) + "\n")
    assert identifiers(problems(folder)) == {"RESUME-12"}


@pytest.mark.parametrize("name", ["metadata.json", "args.json", "STATUS"])
def test_a_missing_file_is_refused(name, folder, problems):
    (folder / name).unlink()
    assert f": {name}: is missing" in "\n".join(problems(folder))


@pytest.mark.parametrize(
    "name", ["default_args.json", "stdout", "stderr", "summary.json", "requirements.txt"]
)
def test_an_optional_file_may_be_missing(name, folder, problems):
    (folder / name).unlink()
    assert problems(folder) == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there, and pipes are elsewhere")
def test_files_that_are_none_are_refused_unopened(folder, problems):
    for name in ("args.json", "stdout", "STATUS"):
        (folder / name).unlink()
    (folder / "args.json").symlink_to("default_args.json")
    os.mkfifo(folder / "stdout")
    (folder / "STATUS").mkdir()
    assert identifiers(problems(folder)) == {"DIR-5"}
    assert len(problems(folder)) == 3


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("ID-1", "-lr"),
        ("ID-1", "a b"),
        ("ID-1", "größer"),
        ("ID-2", "1" * 129),
        ("ID-3", "run."),
        ("ID-3", "con"),
        ("ID-3", "Lpt1.a.b"),
    ],
)
def test_a_wrong_id_is_refused(requirement, name, folder, problems):
    assert identifiers(problems(folder.rename(folder.parent / name))) == {requirement}


@pytest.mark.parametrize("name", ["7", "007", "a", "1" * 128, "console", "com.1", "v1..2_-x"])
def test_an_unusual_id_is_accepted(name, folder, problems):
    assert problems(folder.rename(folder.parent / name)) == []


@pytest.mark.parametrize(
    ("requirement", "text"),
    [
        ("REQ-1", "numpy\n"),
        ("REQ-1", "numpy==2.3.4\n\nscipy==1.0\n"),
        ("REQ-1", "numpy @\n"),
        ("META-7", "mylib @ git+https://token@git.example.org/mylib@93f4\n"),
        ("REQ-2", "PyYAML==6.0\n"),
        ("REQ-2", "typing_extensions==4.1\n"),
    ],
)
def test_wrong_requirements_are_refused(requirement, text, folder, problems):
    (folder / "requirements.txt").write_text(text)
    assert identifiers(problems(folder)) == {requirement}


def test_a_patch_and_its_flag_go_together(folder, problems):
    shutil.copy(EXAMPLES / "uncommitted-changes" / "git.diff", folder)
    assert identifiers(problems(folder)) == {"META-8"}
    (folder / "metadata.json").write_text(json.dumps({**read("resumed"), "git-dirty": True}) + "\n")
    assert problems(folder) == []
    (folder / "git.diff").write_bytes(b"no patch")
    assert identifiers(problems(folder)) == {"GIT-2"}
    (folder / "git.diff").write_bytes(b"")
    assert identifiers(problems(folder)) == {"GIT-3"}


def test_a_patch_does_not_change_the_commit_of_a_submodule(folder, problems):
    (folder / "metadata.json").write_text(json.dumps({**read("resumed"), "git-dirty": True}) + "\n")
    patch = "diff --git a/library b/library\nindex bba8201..93f4aaa 160000\n--- a/library\n+++ b/library\n"
    patch += "@@ -1 +1 @@\n-Subproject commit bba8201\n+Subproject commit 93f4aaa\n"
    (folder / "git.diff").write_text(patch)
    assert identifiers(problems(folder)) == {"GIT-2"}
    (folder / "git.diff").write_text(patch.replace("160000", "100644"))  # a file that speaks of one
    assert problems(folder) == []


@pytest.mark.parametrize("key", ["githead-message", "githead-branch", "git-dirty"])
def test_what_speaks_of_a_commit_needs_one(key, folder, problems):
    metadata = {name: value for name, value in read("resumed").items() if not name.startswith("git")}
    (folder / "metadata.json").write_text(json.dumps(metadata) + "\n")
    assert problems(folder) == []
    (folder / "metadata.json").write_text(json.dumps({**metadata, key: read("resumed")[key]}) + "\n")
    assert identifiers(problems(folder)) == {"META-5"}
    (folder / "metadata.json").write_text(json.dumps(metadata) + "\n")
    shutil.copy(EXAMPLES / "uncommitted-changes" / "git.diff", folder)
    assert identifiers(problems(folder)) == {"META-5"}


@pytest.mark.parametrize("text", ["", "numpy==2.3.4", "# from here\nscipy==1\nnumpy==2\nnumpy==1\n"])
@pytest.mark.parametrize("line", ["mylib @ git+https://git.example.org/mylib@93f4", "a @ file:///home/ada/a"])
def test_unusual_requirements_are_accepted(text, line, folder, problems):
    (folder / "requirements.txt").write_text(f"{text.rstrip()}\n{line}\n".lstrip())
    assert problems(folder) == []


@pytest.mark.parametrize("text", ["SUCCESS\nafter signal SIGTERM\n", "SUCCESS\n\nstopped early\n\n"])
def test_a_note_may_follow_a_success(text, folder, problems):
    (folder / "STATUS").write_text(text)
    assert problems(folder) == []


def test_what_is_the_programs_is_not_judged(folder, problems):
    (folder / "model.pt").write_bytes(b"\x80")
    (folder / "plots").mkdir()
    (folder / ".summary.json.1f").write_bytes(b"{")
    assert problems(folder) == []


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
KEYS = st.sampled_from([*SCHEMA["properties"], "lab:gpu", ":gpu", "lab:\n", "colour"])
FILES = st.sampled_from(
    ["metadata.json", "args.json", "summary.json", "STATUS", "requirements.txt", "git.diff"]
)
REPORT = re.compile(r"(warning: )?[A-Z]+-[0-9]+: [\w.]+: [^\n]+")


@settings(max_examples=150)
@given(
    metadata=st.dictionaries(KEYS, JSON_VALUES, max_size=3),
    file=FILES,
    data=st.binary(max_size=20)
    | st.text(st.sampled_from('{}[]":,\\u0d8NaN=@ #\n'), max_size=20).map(str.encode),
)
def test_whatever_lies_there_is_judged_in_lines(metadata, file, data, folder_check, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any") / "1"
    shutil.copytree(EXAMPLES / "resumed", folder)
    changed = {**read("resumed"), **metadata}
    (folder / "metadata.json").write_text(json.dumps(changed, ensure_ascii=True) + "\n")
    (folder / file).write_bytes(data)
    for finding in folder_check.judge(folder).findings:
        assert REPORT.fullmatch(str(finding)), str(finding)


def test_the_check_can_be_run_by_anyone(folder, tmp_path):
    def run(*folders):
        command = [sys.executable, "-I", str(SPEC.parent / "kit" / "folder.py"), *map(str, folders)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    good = run(folder, EXAMPLES / "success")
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    (folder / "STATUS").unlink()
    bad = run(folder, EXAMPLES / "success")
    assert (bad.returncode, bad.stdout, bad.stderr) == (1, f"{folder}: START-1: STATUS: is missing\n", "")
