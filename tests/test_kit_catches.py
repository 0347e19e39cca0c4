"""The kit can't rot into always passing: each breach is caught, by the name of its requirement alone.

What is broken, by one edit each, is tests/kit/small_recorder.py and small_reader.py, which keep to the
format. An edit that finds nothing to change fails, too.
"""

import contextlib
import importlib.util
import io
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KIT = ROOT / "spec" / "kit"
SMALL = ROOT / "tests" / "kit"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kit sees less")


def edits(name):
    """The table in a module of tests/kit, which is no package."""
    spec = importlib.util.spec_from_file_location(name, SMALL / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EDITS


RECORDERS, READERS = edits("broken_recorders"), edits("broken_readers")


@pytest.fixture(scope="module")
def kit():
    """The kit's two programs, which wait for little time here, as some of the broken never end."""
    sys.path.insert(0, str(KIT))
    try:
        import reader
        import recorder
        from reading import run
        from scenarios import stage
    finally:
        sys.path.remove(str(KIT))
    before = run.SECONDS, stage.SECONDS
    run.SECONDS = stage.SECONDS = 10
    yield reader, recorder
    run.SECONDS, stage.SECONDS = before


def edited(tmp_path, name, old="", new=""):
    text = (SMALL / name).read_text("utf-8")
    assert not old or text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    path = tmp_path / name
    path.write_text(text.replace(old, new) if old else text, "utf-8")
    return path


def record(kit, name, path):
    """The requirements that a scenario reports as broken, and all that it says."""
    report, said = kit[1].Report(), io.StringIO()
    with contextlib.redirect_stdout(said):
        kit[1].check(report, name, [sys.executable, "-I", path.name], [path], [])
    return report.broken, said.getvalue()


def read(kit, name, path):
    """The same of each fixture that has this in its name."""
    report, said = kit[0].Report(), io.StringIO()
    checks = [check for full, check in kit[0].checks().items() if name in full]
    assert checks
    with contextlib.redirect_stdout(said):
        for check in checks:
            check(report, [sys.executable, "-I", "-S", str(path)], [])
    return report.broken, said.getvalue()


@pytest.mark.parametrize("name", sorted({row[1] for row in RECORDERS}))
def test_what_is_not_broken_passes_each_scenario(kit, name, tmp_path):
    assert record(kit, name, edited(tmp_path, "small_recorder.py")) == (set(), "")


@pytest.mark.parametrize("name", sorted({row[1] for row in READERS}))
def test_what_is_not_broken_passes_each_fixture(kit, name, tmp_path):
    assert read(kit, name, edited(tmp_path, "small_reader.py")) == (set(), "")


def identifiers(rows):
    return [f"{row[0]}-{number}" for number, row in enumerate(rows)]


@pytest.mark.parametrize("row", RECORDERS, ids=identifiers(RECORDERS))
def test_a_broken_recorder_is_caught(kit, row, tmp_path):
    requirement, name, old, new = row
    found, said = record(kit, name, edited(tmp_path, "small_recorder.py", old, new))
    assert found == {requirement}, said


@pytest.mark.parametrize("row", READERS, ids=identifiers(READERS))
def test_a_broken_reader_is_caught(kit, row, tmp_path):
    requirement, name, old, new = row
    found, said = read(kit, name, edited(tmp_path, "small_reader.py", old, new))
    assert found == {requirement}, said
