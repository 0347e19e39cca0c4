"""Whatever lies in a folder: no exception, no hang, the row is there and `problems` says why.

The fast parser is held against the careful one, and what it keeps is seen nowhere else.
"""

import json
import os
import shutil
import socket
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from meticulous_read import ExperimentReader, Experiments, ExperimentsDirectoryError, _parse
from meticulous_read._files import JSON_LIMIT
from meticulous_read._parse import COLUMNS_LIMIT, parse_object, parse_status, parse_time, parse_with_care

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs links, pipes or names of POSIX")
LINK = "a symbolic link, which is not followed"


def kinds(reader):
    return [problem[:2] for problem in reader.problems]


@pytest.mark.parametrize(
    ("content", "kind", "args"),
    [
        (b"", "empty", {}),
        (b" \n", "empty", {}),
        (b'{"lr": ', "cut-off", {}),
        (b'{"lr" 1}', "not-json", {}),
        (b"[1, 2]", "not-an-object", {}),
        (b"null", "not-an-object", {}),
        (b"true", "not-an-object", {}),
        (b'{"a": "\xff"}', "not-utf-8", {}),
        ('{"a": 1}'.encode("utf-16"), "not-utf-8", {}),
        (b'\xef\xbb\xbf{"a": 1}', "byte-order-mark", {"a": 1}),
        (b'{"a": 1, "a": 2}', "repeated-key", {"a": 2}),
        (b'{"a": Infinity}', "bare-token", {"a": float("inf")}),
        (b'{"a": ' + b"[" * 100_000, "too-deep", {}),
        (b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}", "too-deep", {}),
    ],
)
def test_broken_json_is_a_problem_of_its_file(make, content, kind, args):
    reader = ExperimentReader(make(args=content, summary={"loss": 1}))
    assert reader.args == args
    assert kinds(reader) == [("args.json", kind)]
    assert reader.summary == {"loss": 1}
    reader.row()


def test_messages_name_the_file_the_place_and_the_value(make):
    reader = ExperimentReader(
        make(
            metadata={"start-time": "noon"}, args=b'{"lr": ', default_args=b'{"a": 1, "a": 2}', summary=b"[]"
        )
    )
    assert list(map(str, reader.problems)) == [
        "metadata.json: start-time 'noon' is not a time",
        "args.json: cut off at line 1, column 8",
        "default_args.json: has the key 'a' more than once; the last value counts",
        "summary.json: holds a list where an object belongs",
    ]


def test_an_integer_beyond_all_bounds_does_no_harm(make):
    reader = ExperimentReader(make(args=b'{"a": ' + b"1" * 100_000 + b"}"))
    assert reader.args == {} or len(hex(reader.args["a"])) > 80_000  # Python 3.10.0 to 3.10.6 convert it


def test_gigantic_files_are_not_loaded(make):
    folder = make()
    for name in ("args.json", "STATUS"):
        os.truncate(folder / name, JSON_LIMIT + 1)  # sparse: takes no room on the disk
    os.truncate(folder / "stdout", 2**40)
    reader = ExperimentReader(folder)
    assert sorted(kinds(reader)) == [("STATUS", "too-large"), ("args.json", "too-large")]
    assert len(reader.stdout) == 64 * 2**20
    assert ("stdout", "too-large") in kinds(reader)


@pytest.mark.parametrize("name", ["args.json", "metadata.json", "STATUS", "summary.json"])
@pytest.mark.parametrize(
    ("put", "message"),
    [
        (os.mkdir, "a folder"),
        pytest.param(lambda path: os.mkfifo(path), "a named pipe", marks=posix),
        pytest.param(lambda path: os.symlink("/dev/zero", path), LINK, marks=posix),
        pytest.param(lambda path: os.symlink(path, path), LINK, marks=posix),
        pytest.param(lambda path: os.symlink("/nowhere", path), LINK, marks=posix),
    ],
)
def test_what_is_no_file_is_neither_followed_nor_waited_for(make, name, put, message):
    folder = make(summary={})
    (folder / name).unlink()
    put(folder / name)
    reader = ExperimentReader(folder)
    assert (name, "not-a-file", message) in reader.problems
    assert ExperimentReader(folder).has_changed() is False


@posix
def test_a_socket_is_no_file(make):
    folder = make()
    (folder / "STATUS").unlink()
    # A relative path: the whole one may be longer than a socket's name can be.
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(".", os.O_RDONLY)
        try:
            os.chdir(folder)
            server.bind("STATUS")
        finally:
            os.fchdir(here)
            os.close(here)
    assert ExperimentReader(folder).problems == (("STATUS", "not-a-file", "a socket"),)


@posix
def test_output_that_is_no_file_or_no_text_reads_anyway(make):
    folder = make(stdout=b"\xff\xfeok")
    (folder / "stderr").unlink()
    os.mkfifo(folder / "stderr")
    reader = ExperimentReader(folder)
    assert reader.stdout == "\ufffd\ufffdok"
    assert reader.stderr == ""
    assert reader.problems == (("stderr", "not-a-file", "a named pipe"),)


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("start-time", "yesterday", "not-a-time"),
        ("start-time", [], "not-a-time"),
        ("start-time", True, "not-a-time"),
        ("start-time", 1e300, "not-a-time"),
        ("start-time", "0001-01-01T00:00:00+23:59", "not-a-time"),
        ("start-time", "2026-02-30T00:00:00Z", "not-a-time"),
        ("start-time", "2026-11-23T10:00:00", "time-form"),
        ("start-time", 1700000000.5, "time-form"),
        ("end-time", "2026-11-23T09:59:59Z", "end-before-start"),
        ("format-version", 1.0, "not-a-version"),
        ("format-version", "1", "not-a-version"),
        ("format-version", "01.0", "not-a-version"),
        ("format-version", None, "not-a-version"),
        ("format-version", "2.0", "newer-version"),
    ],
)
def test_metadata_of_wrong_types_is_a_problem(make, key, value, kind):
    reader = ExperimentReader(
        make(metadata={key: value, "githead-sha": 5, "pid": {}, "heartbeat-seconds": "x"})
    )
    assert reader.sha == ""
    assert reader.lost is False
    others = [] if kind == "newer-version" else [("metadata.json", "wrong-type")] * 3
    assert sorted(kinds(reader)) == sorted([*others, ("metadata.json", kind)])


@posix
def test_every_folder_is_listed(make, directory, tmp_path):
    make("1")
    make("new\nline\x1b[2J")
    (directory / "empty").mkdir()
    (directory / ".hidden").mkdir()
    (directory / ".gitignore").write_text("*\n")
    (directory / "notes.txt").touch()
    os.mkfifo(directory / "pipe")
    os.symlink(directory / "1", directory / "linked")
    os.symlink("/nowhere", directory / "dangling")
    os.symlink("loop", directory / "loop")
    os.symlink(directory / "notes.txt", directory / "link-to-file")
    experiments = Experiments(directory)
    assert set(experiments) == {"1", "new\nline\x1b[2J", "empty", "linked", "dangling", "loop"}
    assert experiments["linked"].status == "SUCCESS"
    assert kinds(experiments["linked"]) == [("", "link")]
    assert len(experiments.as_dataframe()) == 6


def test_an_object_with_too_many_keys_for_columns_is_read_and_says_so(make, directory):
    make("1", summary={f"{number}": number for number in range(COLUMNS_LIMIT + 5)}, metadata={"pid": 1})
    make("2", summary={"loss": 1})
    experiments = Experiments(directory)
    assert len(experiments["1"].summary) == COLUMNS_LIMIT + 5
    (problem,) = experiments["1"].problems
    assert str(problem) == "summary.json: has 10,005 keys, of which a frame shows the first 10,000"
    assert len(experiments.as_dataframe()["summary"].columns) == COLUMNS_LIMIT + 1


def test_the_keys_of_many_hostile_files_are_not_kept(make):
    for start in range(0, 5 * COLUMNS_LIMIT, COLUMNS_LIMIT // 2):
        data = json.dumps(dict.fromkeys(map(str, range(start, start + COLUMNS_LIMIT // 2)), 0)).encode()
        assert len(parse_object(data)[0]) == COLUMNS_LIMIT // 2
        assert len(_parse._names) <= 2 * COLUMNS_LIMIT


def test_thousands_of_stray_files_are_no_experiments(make, directory):
    folder = make("1")
    for number in range(3000):
        (directory / f"{number}.txt").touch()
        (folder / f"{number}.txt").touch()
    assert list(Experiments(directory)) == ["1"]
    assert Experiments(directory)["1"].problems == ()


def test_a_file_that_is_replaced_while_it_is_read_is_read_whole(make):
    # Longer than one read takes, so that a mixture would be seen.
    contents = [{"values": [number] * 100_000} for number in range(2)]
    folder = make(status="RUNNING\n", summary=contents[0])
    done = threading.Event()

    def replace():
        while not done.is_set():
            for content in contents:
                (folder / ".new").write_text(json.dumps(content))
                while True:
                    try:
                        os.replace(folder / ".new", folder / "summary.json")
                    except PermissionError:  # Windows, while the file is open to be read
                        time.sleep(0.001)
                    else:
                        break

    replacing = threading.Thread(target=replace)
    replacing.start()
    try:
        reader = ExperimentReader(folder)
        for _ in range(30):
            assert reader.refresh_summary() in contents
            assert reader.problems == ()
    finally:
        done.set()
        replacing.join()


def test_a_folder_that_vanishes_while_others_are_read_is_listed(make, directory):
    class Vanishing(ExperimentReader):
        def __init__(self, folder):
            for other in directory.iterdir():
                if other != Path(folder):
                    shutil.rmtree(other, ignore_errors=True)  # several readers do at once
            super().__init__(folder)

    for name in ("1", "2", "3"):
        make(name)
    experiments = Experiments(directory, reader=Vanishing)
    assert sorted(map(kinds, experiments.values())) == [[], [("", "no-folder")], [("", "no-folder")]]
    assert len(experiments.as_dataframe()) == 3


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_listed(make, directory):
    folder = make("1")
    folder.chmod(0)
    try:
        assert Experiments(directory)["1"].problems == (("", "unreadable", "permission denied"),)
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("name", ["nowhere", "file", "nul\0"])
def test_a_directory_that_cannot_be_listed_is_one_clear_error(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(ExperimentsDirectoryError) as caught:
        Experiments(name, project_directory=tmp_path)
    assert caught.value.path == os.path.join(tmp_path, name)
    assert caught.value.reason


@given(st.binary())
def test_any_bytes_parse_to_an_object_or_a_problem(data):
    value, problems = parse_object(data)
    assert isinstance(value, dict)
    assert value or problems or json.loads(data) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


PIECES = st.sampled_from(
    [
        b"NaN",
        b"-Infinity",
        b'"a": 1, ',
        b'"a"\n:2,',
        b"{}",
        b"[]",
        b"null",
        b",",
        b"\xef\xbb\xbf",
        b" ",
        b"\n",
        b"\xff",
        b"}",
    ]
)


@st.composite
def nearly_json(draw):
    """Return JSON as recorders write it, or with one piece put in, twice in or taken out."""
    value = draw(st.dictionaries(st.sampled_from("abc"), JSON, max_size=3) | JSON)
    data = json.dumps(
        value, indent=draw(st.sampled_from([None, 4])), ensure_ascii=draw(st.booleans())
    ).encode()
    place = draw(st.integers(0, len(data)))
    piece = draw(PIECES | st.binary(max_size=3) | st.just(b"[" * 250) | st.just(b'{"a":' * 201))
    ways = (
        data,
        data + b"\n",
        data[:place] + piece + data[place:],
        data[:place] + data[place + len(piece) :],
    )
    return draw(st.sampled_from(ways))


@settings(max_examples=300)
@given(nearly_json(), st.booleans(), st.booleans())
def test_the_fast_way_to_parse_gives_what_the_careful_one_gives(data, legacy, optional):
    # As text: NaN is not equal to itself, and True is to 1.
    fast = repr(parse_object(data, legacy=legacy, optional=optional))
    assert fast == repr(parse_with_care(data, legacy=legacy, optional=optional))


@given(st.dictionaries(st.text(), JSON), st.booleans())
def test_any_json_object_comes_back_equal(value, ascii_only):
    data = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert parse_object(data) == (value, [])


@given(st.binary())
def test_any_status_is_read(data):
    status, _, problem = parse_status(data)
    assert status in ("RUNNING", "SUCCESS", "ERROR") or problem
    assert "\n" not in status


@given(JSON)
def test_any_value_is_a_time_or_a_problem(value):
    moment, problem = parse_time(value)
    assert problem if moment is None else moment.tzinfo is timezone.utc


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.timezones()))
def test_any_moment_comes_back(moment):
    expected = moment.astimezone(timezone.utc)
    assert parse_time(expected.isoformat()) == (expected, None)
    assert parse_time(expected.isoformat().replace("+00:00", "Z")) == (expected, None)


DIGITS = st.sampled_from("0123456789")


@st.composite
def nearly_times(draw):
    """Return a time in the shape that recorders write, with any digits, and perhaps one other character."""
    text = "".join(
        draw(DIGITS) if character == "0" else character for character in "2000-00-00T00:00:00.000000"
    )
    text += draw(st.sampled_from(["+00:00", "+05:30", "-08:00", "-00:00", "+24:00", "+10:60"]))
    place = draw(st.integers(0, len(text) - 1))
    return text[:place] + draw(st.sampled_from([text[place], *"W٣ 9Z.,:"])) + text[place + 1 :]


@settings(max_examples=300)
@given(nearly_times())
@example("2026-11-23T24:00:00.000000+00:00")
@example("2026-11-23T23:59:60.000000+00:00")
@example("2026-W48-1T10:00:00.000000+00:00")
def test_the_fast_way_to_read_a_time_gives_what_the_careful_one_gives(text):
    careful = parse_time(text.replace("T", "t"))  # as nobody writes it
    assert parse_time(text)[0] == careful[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00"),
        ("2026-11-23t10:00:00.5+05:30", "2026-11-23T04:30:00.500000"),
        ("2026-11-23 10:00:00,123456789-0800", "2026-11-23T18:00:00.123456"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999"),
        ("2026-11-23T24:00:00Z", None),
        ("2026-11-23T10:00", None),
        ("2026-W48-1T10:00:00Z", None),
        ("20261123T100000Z", None),
        ("٢٠٢٦-11-23T10:00:00Z", None),
    ],
)
def test_times_of_other_recorders(text, expected):
    moment, _ = parse_time(text)
    assert (moment and moment.isoformat()) == (expected and f"{expected}+00:00")
