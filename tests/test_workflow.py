"""The public workflow runs what the gate runs, on each system and each Python that the packages claim."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")


def test_each_step_is_a_command_of_the_gate():
    gate = (ROOT / ".ci" / "run").read_text("utf-8")
    commands = [step.split()[0] for step in re.findall(r"^ +- run: (.+)$", WORKFLOW, re.MULTILINE)]
    assert ".ci/run" in commands
    for command in commands:
        assert command == ".ci/run" or command in gate
        assert (ROOT / command).stat().st_size


def test_it_has_three_systems_and_each_python():
    pythons = set(re.search(r"python: \[(.*)\]", WORKFLOW)[1].replace('"', "").split(", "))
    for package in ROOT.glob("packages/*/pyproject.toml"):
        claimed = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', package.read_text("utf-8"))
        assert set(claimed) <= pythons
        assert package.parent.name in WORKFLOW
    for system in ("ubuntu", "macos", "windows"):
        assert f"{system}-latest" in WORKFLOW
