"""Each requirement of the format is held by something, and the table in the spec says by what.

`python tests/test_requirements.py` writes that table anew.
"""

import ast
import importlib.util
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "spec"
KIT = SPEC / "kit"
TABLE = SPEC / "1.0" / "requirements.md"
TESTS = [*ROOT.glob("tests/*.py"), *ROOT.glob("packages/*/tests/*.py")]
POOL = SPEC / "fixtures"

# What nobody here can break, or keeps.
UNHELD = {
    "EDIT-3": "binds editors, of which there are none here",
    "EDIT-4": "binds editors, of which there are none here",
    "PRIV-3": "not kept by meticulous-record yet",
}

HEAD = """# What holds each requirement

Each requirement of [format 1.0](format.md), the [fixtures](../fixtures) that show it, what of the
[conformance kit](../kit/README.md) looks at it (`folder.py`, scenarios of `recorder.py`, what `reader.py` has
beside the fixtures), and, where none of that shows it from outside, tests of this repository's packages.

| requirement | level | fixtures | kit | tests (not in this folder) |
| --- | --- | --- | --- | --- |
"""


def levels():
    """The requirements of the text, and the level of each."""
    sys.path.insert(0, str(KIT))
    try:
        import report
    finally:
        sys.path.remove(str(KIT))
    return report.requirements()


def shown_by_fixtures():
    found = {}
    for name in json.loads((SPEC / "1.0" / "fixtures.json").read_text("utf-8")):
        for identifier in json.loads((SPEC / "fixtures" / f"{name}.json").read_text("utf-8"))["shows"]:
            found.setdefault(identifier, []).append(name)
    return found


def edits(name):
    """The table of a module in tests/kit, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "kit" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EDITS


def seen_by_the_kit():
    """What has been seen to find a breach, as test_kit_catches.py and test_fixtures_agree.py show."""
    found = {}
    for requirement, name, *_ in edits("broken_recorders"):
        found.setdefault(requirement, {})[name] = None
    shown = shown_by_fixtures()
    for requirement, name, *_ in edits("broken_readers"):
        if not any(name in fixture for fixture in shown.get(requirement, ())):
            found.setdefault(requirement, {})["reader.py"] = None
    for path in sorted(POOL.glob("*/*.json")):
        for line in json.loads(path.read_text("utf-8"))["breaks"]:
            found.setdefault(line.split()[0], {})["folder.py"] = None
    return found


def held_by_tests():
    found = {}
    for path in sorted(TESTS):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for mark in getattr(node, "decorator_list", ()):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.requirement":
                    where = path.relative_to(ROOT).as_posix().removeprefix("packages/")
                    for identifier in map(ast.literal_eval, mark.args):
                        found.setdefault(identifier, []).append(f"{where}: {node.name}")
    return found


def table():
    fixtures, looks, tests = shown_by_fixtures(), seen_by_the_kit(), held_by_tests()

    def cell(names):
        return ", ".join(f"`{name}`" for name in names)

    rows = []
    for name, level in levels().items():
        cells = [cell(found.get(name, [])) for found in (fixtures, looks, tests)]
        rows.append(f"| {name} | {level} | {' | '.join([*cells[:2], UNHELD.get(name, cells[2])])} |\n")
    return HEAD + "".join(rows)


def test_each_requirement_is_held():
    fixtures, looks, tests = shown_by_fixtures(), seen_by_the_kit(), held_by_tests()
    held = fixtures.keys() | looks.keys() | tests.keys() | UNHELD.keys()
    assert [name for name in levels() if name not in held] == []
    assert not UNHELD.keys() & tests.keys()


def test_a_requirement_that_readers_or_recorders_can_break_is_held_by_more_than_words():
    """What only a fixture shows and no kit looks at needs a test of ours."""
    looked_at = seen_by_the_kit().keys() | held_by_tests().keys() | UNHELD.keys()
    readers = {name for name in shown_by_fixtures() if re.match("READ|STATE|VERSION|SAFE", name)}
    missing = [name for name, level in levels().items() if level != "MAY" and name not in looked_at | readers]
    assert missing == []


def test_nothing_names_a_requirement_that_there_is_not():
    known = levels().keys()
    areas = {name.partition("-")[0] for name in known}
    for source in (shown_by_fixtures(), seen_by_the_kit(), held_by_tests()):
        assert {name for name in source if name.partition("-")[0] in areas} <= known
    assert shown_by_fixtures().keys() | held_by_tests().keys() <= known


def test_the_table_is_that_of_today():
    assert TABLE.read_text("utf-8") == table(), "write it anew: python tests/test_requirements.py"


if __name__ == "__main__":
    TABLE.write_text(table(), "utf-8")
