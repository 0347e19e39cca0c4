import csv
import io
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from meticulous_cli.errors import CommandError
from meticulous_cli.export import encoders
from meticulous_cli.export.export import EXPORT_KINDS, export, export_kind
from meticulous_cli.show.facts import HEADER_COLUMNS
from meticulous_read import Experiments

BINARY = ("parquet", "pickle")


@pytest.fixture
def frame(make, tmp_path):
    """Two experiments, of which one lacks what the other has."""
    make("1", {"lr": 0.1, "layers": [64, "a"], "name": 'say "a,b"\nend', "on": True}, {"loss": 0.123456789})
    make("2", {"lr": -1e-12, "n": 3}, {"loss": "-Infinity"}, "ERROR\nexit code 3\n")
    return Experiments(tmp_path / "experiments").as_dataframe()


@pytest.fixture
def some(frame):
    names = ["lr", "layers", "name", "on", "n", "loss", "status", "start_time", "duration"]
    return frame[[column for name in names for column in frame.columns if column[1] == name]]


@pytest.fixture
def refused(tmp_path):
    """Return a function that exports in vain and returns the reason; there must be no litter."""

    def refused(frame, target, **options):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(CommandError) as caught:
            export(frame, str(target), **options)
        assert sorted(tmp_path.rglob("*")) == before
        return caught.value.message

    return refused


def test_csv_has_a_row_of_names_and_plain_cells(some, tmp_path):
    export(some, str(tmp_path / "runs.csv"))
    cells = (
        '1,0.1,"[64, ""a""]","say ""a,b""\nend",True,,0.123456789,SUCCESS,2024-11-23T10:00:00.000000Z,90.5\n'
        "2,-1e-12,,,,3,-inf,ERROR,2024-11-23T10:00:00.000000Z,90.5\n"
    )
    assert (tmp_path / "runs.csv").read_bytes().decode() == (
        "expid,args.lr,args.layers,args.name,args.on,args.n,summary.loss,"
        f"header.status,header.start_time,header.duration\n{cells}"
    )
    export(some, str(tmp_path / "two.csv"), flat_cols=False)
    assert (tmp_path / "two.csv").read_bytes().decode() == (
        ",args,args,args,args,args,summary,header,header,header\n"
        f"expid,lr,layers,name,on,n,loss,status,start_time,duration\n{cells}"
    )


@pytest.mark.parametrize("first", [None, {"loss": 0.1}])
def test_what_is_read_back_has_all_rows_also_where_the_first_is_empty(make, run, tmp_path, first, readme):
    """With two rows of names, pandas takes a first row that is empty for the names of the index."""
    make("1", {"lr": 0.5}, first)
    make("2", {"lr": 0.2}, {"loss": 0.3})
    assert run("--columns", "summary.*", "--export", "runs.csv").returncode == 0
    (arguments,) = re.findall(r"`read_csv\(([^`]*)\)`", readme)
    read = eval(f"pd.read_csv({arguments})", {"pd": _In(tmp_path)})
    assert list(map(str, read.index)) == ["1", "2"]
    assert read["summary.loss"].tolist()[1] == 0.3


class _In:
    """pandas, in a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __getattr__(self, name):
        return lambda path, **options: getattr(pd, name)(self.folder / path, **options)


def test_pandas_reads_the_csv_with_its_times(some, tmp_path):
    export(some, str(tmp_path / "flat.csv"))
    read = pd.read_csv(tmp_path / "flat.csv", index_col="expid", parse_dates=["header.start_time"])
    assert read["args.n"].isna().tolist() == [True, False]
    assert read["header.start_time"].tolist() == some["header", "start_time"].tolist()
    assert read["summary.loss"].tolist() == [0.123456789, -math.inf]


def test_json_is_strict_and_nested_by_group_or_flat(some, tmp_path):
    export(some.iloc[1:], str(tmp_path / "runs.json"))
    second = {
        "expid": "2",
        "args": {"lr": -1e-12, "layers": None, "name": None, "on": None, "n": 3},
        "summary": {"loss": "-Infinity"},
        "header": {"status": "ERROR", "start_time": "2024-11-23T10:00:00.000000Z", "duration": 90.5},
    }
    assert json.loads((tmp_path / "runs.json").read_bytes()) == [second]
    export(some[["summary"]], str(tmp_path / "flat.json"), flat_cols=True)
    assert (tmp_path / "flat.json").read_text() == (
        '[\n{"expid": "1", "summary.loss": 0.123456789},\n{"expid": "2", "summary.loss": "-Infinity"}\n]\n'
    )


def test_markdown_is_rounded_for_people(some, tmp_path):
    export(some[[("args", "lr"), ("summary", "loss"), ("header", "duration")]], str(tmp_path / "runs.md"))
    assert (tmp_path / "runs.md").read_text() == (
        "|   id |     lr |   loss | duration   |\n"
        "|-----:|-------:|-------:|:-----------|\n"
        "|    1 |    0.1 | 0.1235 | 1m 30s     |\n"
        "|    2 | -1e-12 |   -inf | 1m 30s     |\n"
    )


def test_tex_is_a_table_of_booktabs(some, tmp_path):
    export(some[["summary"]], str(tmp_path / "runs.tex"), flat_cols=True)
    assert (tmp_path / "runs.tex").read_text() == (
        "\\begin{tabular}{rr}\n\\toprule\n"
        "   id &   summary.loss \\\\\n\\midrule\n"
        "    1 &         0.1235 \\\\\n"
        "    2 &           -inf \\\\\n"
        "\\bottomrule\n\\end{tabular}\n"
    )


def test_names_in_papers_have_their_group_only_where_two_are_alike(make, tmp_path):
    make("1", {"lr": 1, "epoch": 2}, {"epoch": 2})
    frame = Experiments(tmp_path / "experiments").as_dataframe()[["args", "summary"]]
    export(frame, str(tmp_path / "runs.md"))
    assert (tmp_path / "runs.md").read_text().split()[1:9:2] == ["id", "lr", "args.epoch", "summary.epoch"]


@pytest.mark.parametrize("suffix", ["pd", "pkl", "PKL"])
@pytest.mark.parametrize("flat", [False, True])
def test_a_pickle_is_the_frame(frame, tmp_path, suffix, flat):
    export(frame, str(tmp_path / f"runs.{suffix}"), flat_cols=flat)
    read = pd.read_pickle(tmp_path / f"runs.{suffix}", compression=None)
    if flat:
        assert list(read.columns) == [".".join(column) for column in frame.columns]
        read.columns = frame.columns
    pd.testing.assert_frame_equal(read, frame)


@pytest.mark.parametrize("kind", EXPORT_KINDS)
@pytest.mark.parametrize("flat", [False, True])
def test_what_is_empty_can_be_exported(frame, tmp_path, kind, flat):
    for number, empty in enumerate((frame.iloc[:0], frame[[]], frame.iloc[:0][[]])):
        export(empty, str(tmp_path / f"{number}"), kind=kind, flat_cols=flat)
        assert (tmp_path / f"{number}").stat().st_size
    if kind == "parquet":
        read = pd.read_parquet(tmp_path / "0")
        assert (read.shape, read.index.name) == ((0, frame.shape[1]), "expid")


# What is read back

LETTERS = st.characters(
    exclude_characters="" if sys.version_info >= (3, 11) else "\0"
)  # csv refuses it there
TEXT = st.text(LETTERS) | st.sampled_from(
    ["=1+1", "'@x", "-1", "-2+3", "\r", "NaN", "\udcff", '"', "1", "a|b"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = SCALARS | st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
NAMES = ("a", "b.c", "=d")
# Of one type in each column, too, as the types of columns follow from that.
COLUMNS = st.sampled_from([st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), TEXT, JSON])
ROWS = st.tuples(*[COLUMNS] * len(NAMES)).flatmap(
    lambda kinds: st.lists(
        st.fixed_dictionaries({}, optional=dict(zip(NAMES, kinds, strict=True))), min_size=1, max_size=4
    )
)
TIMES = st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat())


def well_formed(text):
    return text.encode(errors="backslashreplace").decode()


def strict(value):
    """The value that stands in strict JSON for a recorded one."""
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, list):
        return list(map(strict, value))
    return {key: strict(item) for key, item in value.items()} if isinstance(value, dict) else value


def cells(column):
    """A column as plain values, with None for gaps; NaN is one where pandas knows no difference."""
    gaps = [value is None for value in column] if column.dtype == object else column.isna()
    return [None if gap else value for gap, value in zip(gaps, column.astype(object).tolist(), strict=True)]


def instant(value):
    return value.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def without_apostrophe(cell):
    guarded = re.match("'+[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]", cell)
    return cell[1:] if guarded else cell


def same_csv(value, cell):
    if value is None:
        return cell == ""
    if isinstance(value, bool):
        return cell == str(value)
    if isinstance(value, str):
        return without_apostrophe(cell) == well_formed(value)
    if isinstance(value, float):
        return float(cell) == value or (math.isnan(value) and cell == "nan")
    if isinstance(value, pd.Timestamp):
        return cell == instant(value)
    if isinstance(value, pd.Timedelta):
        return float(cell) == value.total_seconds()
    # In a cell's JSON, too, an unpaired surrogate is escaped: by JSON's own rule.
    return json.loads(cell) == strict(value)


def same_json(value, found):
    if isinstance(value, pd.Timestamp):
        return found == instant(value)
    if isinstance(value, pd.Timedelta):
        return found == value.total_seconds()
    return found == strict(value) and isinstance(found, bool) == isinstance(value, bool)


@given(ROWS, TIMES)
def test_any_frame_reads_back_to_the_same_values(rows, moment):
    with tempfile.TemporaryDirectory() as folder:
        for number, row in enumerate(rows):
            experiment = Path(folder, "runs", str(number))
            experiment.mkdir(parents=True)
            metadata = {"format-version": "1.0", "start-time": moment, "x": row}
            for name, content in (("args", row), ("summary", row), ("metadata", metadata)):
                (experiment / f"{name}.json").write_text(json.dumps(content))
        frame = Experiments(Path(folder, "runs")).as_dataframe()
        files = {kind: Path(folder, kind) for kind in EXPORT_KINDS}
        for kind, file in files.items():
            export(frame, str(file), kind=kind, flat_cols=False)

        pd.testing.assert_frame_equal(pd.read_pickle(files["pickle"], compression=None), frame)

        first, second, *lines = csv.reader(io.StringIO(files["csv"].read_bytes().decode(), newline=""))
        objects = json.loads(files["json"].read_bytes())
        parquet = pd.read_parquet(files["parquet"])
        assert [line[0] for line in lines] == [found["expid"] for found in objects] == list(frame.index)
        assert list(parquet.index) == list(frame.index)
        assert parquet.index.name == "expid"
        for place, (group, name) in enumerate(frame.columns):
            column = frame.iloc[:, place]
            values = cells(column)
            assert (first[place + 1], without_apostrophe(second[place + 1])) == (group, name)
            assert all(map(same_csv, values, [line[place + 1] for line in lines])), (values, lines)
            assert all(map(same_json, values, [found[group][name] for found in objects])), (values, objects)
            stored = parquet[f"{group}.{name}"]
            if column.dtype != object:
                pd.testing.assert_series_equal(stored, column, check_names=False, check_index=False)
                continue
            found = [None if pd.isna(value) else value for value in stored]
            if all(isinstance(value, str) for value in values if value is not None):
                assert found == [value if value is None else well_formed(value) for value in values]
            else:
                read = [value if value is None else json.loads(value) for value in found]
                assert all(map(same_json, values, read)), (values, found)


# What recorded text may not do


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(A1)", "'=HYPERLINK(A1)"),
        ("+1+1", "'+1+1"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("'=1", "''=1"),
        ("-1", "-1"),
        ("-0.5e-3", "-0.5e-3"),
        ("-Infinity", "-Infinity"),
        ("a=1", "a=1"),
    ],
)
@pytest.mark.requirement("SAFE-6")
def test_text_is_no_formula_in_a_spreadsheet(make, tmp_path, text, cell):
    make("=1+1", {text: text, "number": -1.5})
    frame = Experiments(tmp_path / "experiments").as_dataframe()[["args"]]
    export(frame, str(tmp_path / "runs.csv"), flat_cols=False)
    groups, names, values = csv.reader(io.StringIO((tmp_path / "runs.csv").read_bytes().decode(), newline=""))
    assert groups == ["", "args", "args"]
    assert names == ["expid", cell, "number"]
    assert values == ["'=1+1", cell, "-1.5"]


PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126) | st.sampled_from("éπ漢"), min_size=1)


@given(PRINTABLE, PRINTABLE)
def test_markdown_shows_any_text_as_it_is(name, text):
    frame = pd.DataFrame({0: [text]}, index=pd.Index(["1"], dtype=object, name="expid"), dtype=object)
    frame.columns = pd.MultiIndex.from_tuples([("args", name)])
    with tempfile.TemporaryDirectory() as folder:
        export(frame, os.path.join(folder, "a.md"))
        written = Path(folder, "a.md").read_text("utf-8")
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    found = [token.children for token in parser.parse(written) if token.type == "inline"]
    assert {child.type for children in found for child in children} == {"text"}
    assert ["".join(child.content for child in children) for children in found] == ["id", name, "1", text]


TEX = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textbar{}": "|",
    r"\ensuremath{<}": "<",
    r"\ensuremath{>}": ">",
    r"\^{}": "^",
    "-{}": "-",
    **{f"\\{char}": char for char in "&%$#_{}"},
}


@given(PRINTABLE)
@example("---a--|")
def test_tex_has_no_special_character_bare(text):
    frame = pd.DataFrame({0: [text]}, index=pd.RangeIndex(1), dtype=object)
    frame.columns = pd.MultiIndex.from_tuples([("args", "x")])
    with tempfile.TemporaryDirectory() as folder:
        export(frame, os.path.join(folder, "a.tex"))
        cell = Path(folder, "a.tex").read_text("utf-8").split("\n")[4].strip().removesuffix("\\\\").strip()
        cell = cell.removeprefix("{}")
    tokens = re.findall("|".join(map(re.escape, TEX)) + r"|[^\\{}~^&%$#_|<>]", cell)
    assert "".join(tokens) == cell
    assert "--" not in cell
    assert "".join(TEX.get(token, token) for token in tokens) == text


# Where it goes


def test_an_existing_file_is_never_replaced(frame, tmp_path, refused):
    (tmp_path / "runs.csv").write_text("mine")
    (tmp_path / "folder.csv").mkdir()
    if sys.platform != "win32":
        os.symlink("nowhere", tmp_path / "link.csv")
    for target in tmp_path.glob("*.csv"):
        assert refused(frame, target) == f"{target} exists and is never replaced"
    assert (tmp_path / "runs.csv").read_text() == "mine"


def test_of_many_who_write_the_same_name_one_wins(frame, tmp_path):
    start, won, lost = threading.Barrier(8), [], []

    def write(number):
        start.wait()
        try:
            export(frame.iloc[[number % 2]], str(tmp_path / "runs.csv"))
            won.append(number)
        except CommandError as error:
            lost.append(error.message)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    (winner,) = won
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["runs.csv"]
    assert pd.read_csv(tmp_path / "runs.csv")["expid"].tolist() == [winner % 2 + 1]
    assert len(lost) == 7
    assert all("exists" in message for message in lost)


def test_a_folder_that_is_not_there_is_named(frame, tmp_path, refused):
    (tmp_path / "file").touch()
    reason = refused(frame, tmp_path / "no" / "runs.csv")
    assert reason.endswith("no such file or directory; nothing was written")
    no_folder = "no such file or directory" if sys.platform == "win32" else "not a directory"
    assert refused(frame, tmp_path / "file" / "runs.csv").endswith(f"{no_folder}; nothing was written")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(frame, tmp_path, refused):
    folder = tmp_path / "closed"
    folder.mkdir(0o500)
    assert refused(frame, folder / "runs.csv").endswith("permission denied; nothing was written")


def test_a_write_that_fails_half_way_leaves_nothing(frame, tmp_path, refused):
    resource = pytest.importorskip("resource")
    frame["args", "text"] = "x" * 100_000
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        assert refused(frame, tmp_path / "runs.csv").endswith("file too large; nothing was written")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no such timer")
def test_an_interrupted_write_leaves_nothing(frame, tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    frame["args", "text"] = "x" * 2**25
    encoders.encoded(frame, "csv", flat_cols=True)  # what is imported late must not be what is interrupted
    files = sorted(tmp_path.rglob("*"))
    before = signal.signal(signal.SIGPROF, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_PROF, 0.005)  # of this process' own time
            export(frame, str(tmp_path / "runs.csv"))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    assert sorted(tmp_path.rglob("*")) == files


@pytest.mark.skipif(os.name != "posix", reason="there is no umask")
def test_colleagues_may_read_what_the_umask_lets_them(frame, tmp_path):
    before = os.umask(0o027)
    try:
        export(frame, str(tmp_path / "runs.csv"))
    finally:
        os.umask(before)
    assert (tmp_path / "runs.csv").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["runs.xlsx", "runs"])
def test_an_unknown_suffix_names_the_known_ones(frame, tmp_path, refused, name):
    reason = refused(frame, tmp_path / name)
    assert ".csv, .json, .md, .tex, .parquet, .pd, .pkl, .pickle, or add --export-format" in reason


def test_a_kind_that_is_asked_for_counts_more_than_the_suffix(frame, tmp_path):
    export(frame, str(tmp_path / "runs.txt"), kind="json")
    assert len(json.loads((tmp_path / "runs.txt").read_bytes())) == 2


# Standard output

PROGRAM = """
import sys
from meticulous_cli.errors import CommandError
from meticulous_cli.export import encoders
from meticulous_cli.export.export import export
from meticulous_read import Experiments
try:
    export(Experiments("experiments").as_dataframe(), "-", kind=sys.argv[1] or None)
except CommandError as error:
    sys.exit(error.message)
"""


@pytest.mark.parametrize("kind", EXPORT_KINDS)
def test_a_pipe_gets_what_a_file_would(frame, tmp_path, environment, kind):
    export(frame, str(tmp_path / "file"), kind=kind)
    piped = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    written = (tmp_path / "file").read_bytes()
    if kind == "pickle":
        pd.testing.assert_frame_equal(pd.read_pickle(io.BytesIO(piped.stdout), compression=None), frame)
    else:
        assert piped.stdout == written


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal that Python can make")
def test_a_terminal_gets_text_that_it_only_prints(make, screen):
    make("1", {"name": "\x1b[31m\x9b\u202e"})
    for kind in EXPORT_KINDS:
        printed = screen(kind, command=("-c", PROGRAM))
        if kind in BINARY:
            assert printed == f"{kind} is not for a terminal: send it to a file or through a pipe\n"
        else:
            assert printed.replace("\n", "").isprintable()
            assert "x9b" in printed


def test_standard_output_has_no_suffix(frame, refused):
    assert refused(frame, "-") == (
        "--export - needs --export-format, which is one of csv, json, md, tex, parquet, pickle"
    )


def test_parquet_without_pyarrow_says_what_to_install(frame, tmp_path, environment):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "pyarrow.py").write_text("raise ImportError('as if it were not there')")
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, "parquet"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(hidden)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.strip().endswith('pip install "meticulous-cli[parquet]"')
    assert result.stderr.count("\n") == 1


def test_a_name_is_refused_before_pandas_is_there(tmp_path):
    code = (
        "import sys\nfrom meticulous_cli.export.export import export_kind\n"
        "print(export_kind('runs.csv'), 'pandas' in sys.modules)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert printed.stdout == "csv False\n"
    (tmp_path / "there.csv").touch()
    with pytest.raises(CommandError, match="exists and is never replaced"):
        export_kind(str(tmp_path / "there.csv"))


def test_the_readme_tells_how_pandas_reads_each_kind(frame, readme, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    calls = re.findall(r"`(read_\w+)\((\"runs\.\w+\"[^`]*)\)`", readme)
    assert [name for name, _ in calls] == ["read_csv", "read_parquet", "read_pickle"]
    for name, arguments in calls:
        target = arguments.split('"')[1]
        export(frame, target)
        read = eval(f"pd.{name}({arguments})", {"pd": pd})
        assert read.shape == frame.shape, name
        assert list(map(str, read.index)) == ["1", "2"]


def test_the_readme_names_each_suffix(readme):
    rows = re.findall(r"^\| (`\..*?) \|", readme, re.MULTILINE)
    assert re.findall(r"`(\.\w+)`", " ".join(rows)) == [
        ".csv",
        ".json",
        ".md",
        ".tex",
        ".parquet",
        ".pd",
        ".pkl",
        ".pickle",
    ]
    with pytest.raises(
        CommandError, match=", ".join([".csv", ".json", ".md", ".tex", ".parquet", ".pd", ".pkl"])
    ):
        export_kind("runs")


def test_groups_by_a_name_that_is_not_utf_8_are_exported(make, run):
    make("1", {"half \ud800": 1}, {"loss": 1})
    done = run("--groupby", "args.half*", "--export", "-", "--export-format", "csv", "--flat-cols")
    assert (done.stdout, done.stderr) == ("args.half \\ud800,header.n,summary.loss,std.loss\n1,1,1.0,\n", "")


# LaTeX reads what stands behind the end of a row as its argument


@pytest.mark.parametrize("text", ["[2, 2]", "[0, 50]", "*", "* x", "[", "plain"])
@pytest.mark.parametrize("place", ["head", "cell"])
def test_no_row_of_tex_begins_with_what_would_be_an_argument(tmp_path, text, place):
    name, cell = (text, "x") if place == "head" else ("x", text)
    frame = pd.DataFrame({0: [cell, cell]}, index=pd.RangeIndex(2), dtype=object)
    frame.columns = pd.MultiIndex.from_tuples([("args", name)])
    export(frame, str(tmp_path / "a.tex"))
    rows = [line.strip() for line in (tmp_path / "a.tex").read_text().splitlines() if line.endswith("\\\\")]
    assert not any(row.startswith(("[", "*")) for row in rows)
    assert [row.removeprefix("{}").removesuffix("\\\\").strip() for row in rows] == [name, cell, cell]


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no LaTeX here")
def test_latex_takes_it(make, run, tmp_path):
    make("1", {"layers": [2, 2], "n": "*"}, {"acc": 0.9})
    run("--groupby", "layers,n", "--export", "table.tex")
    document = (
        "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\\input{table.tex}\\end{document}"
    )
    (tmp_path / "a.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60, capture_output=True)


@pytest.mark.parametrize("kind", ["md", "tex"])
def test_means_with_their_deviations_are_numbers_to_a_page(kind, tmp_path):
    frame = pd.DataFrame({0: ["0.9030 ± 0.0009", "0.88", "0.91 ± 0.01 (3)", ""]}, dtype=object)
    frame.columns = pd.MultiIndex.from_tuples([("summary", "acc")])
    export(frame, str(tmp_path / f"a.{kind}"))
    written = (tmp_path / f"a.{kind}").read_text("utf-8")
    assert ("0.9030 ± 0.0009 |" if kind == "md" else r"0.9030 $\pm$ 0.0009 \\") in written
    assert ("-:|" if kind == "md" else "{tabular}{r}") in written


@pytest.mark.parametrize("name", [*HEADER_COLUMNS])
def test_tables_for_people_are_headed_as_the_screen_is(make, run, name):
    folder = make(
        "1", {"lr": 1}, {}, "ERROR\nexit code 3\n", hostname="node7", runtime="Python", description="x"
    )
    (folder / "summary.json").write_bytes(b"[]")
    result = run("--columns", name, "--export", "-", "--export-format", "md")
    assert result.stdout.splitlines()[0].split()[1:-1:2] == list(dict.fromkeys(["id", name]))
