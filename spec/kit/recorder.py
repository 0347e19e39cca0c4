"""Any recorder held against format 1.0: `python spec/kit/recorder.py [--copy FILE] -- COMMAND …`.

The command is run in a new repository with the path of a scenario as its last argument, and is to do what
that says (README.md tells how); then what it left is held against the format. It needs git, jsonschema, and
Linux or macOS, of which the second shows less: the order of writes can't be seen there.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from report import Report, arguments
from scenarios import SCENARIOS
from scenarios.stage import Hang, Stage

PARTS = {
    "defaults": "knows what the arguments would have been",
    "types": "knows numbers from texts among the arguments",
    "description": "records a word on the experiment",
    "summary": "records summaries",
    "output": "copies standard output and standard error",
    "exit-codes": "sees exit codes",
    "exceptions": "sees uncaught exceptions",
    "signals": "sees signals that end the program",
    "handlers": "bears programs that handle signals themselves",
    "fork": "bears programs that fork",
    "integers": "has integers beyond 2^53",
    "surrogates": "has texts with unpaired surrogates",
    "objects": "takes values that JSON does not have",
    "files": "gives the program files in the folder by their name",
    "ids": "takes ids from the user",
    "patch": "records uncommitted changes where the user asks for it",
    "resume": "resumes experiments",
    "jobs": "records a scheduler's keys",
    "heartbeat": "gives signs of life",
}


def check(report: Report, name: str, command: list[str], copies: list[Path], left_out: list[str]) -> None:
    """Play one scenario, and hold every folder that it left against the format."""
    scenario = SCENARIOS[name]
    with tempfile.TemporaryDirectory() as place:
        stage = Stage(Path(place).resolve(), command, copies, report, left_out)
        held, wrong = set(report.held), ""
        try:
            scenario.play(stage)
            if scenario.leaves and not stage.names():
                wrong = "none at all"
        except OSError as error:  # what the scenario goes on with is not there
            wrong = str(error)
        except Hang as error:
            stage.check("END-1", name, "an end of the program that is recorded", str(error), ok=False)
        said = stage.close()
        if wrong and not stage.broken:
            report.held = held  # what is not there was not looked at
            report.tell(["DIR-1"], name, "an experiment", f"{wrong}; the adapter said: {said or 'nothing'}")
        elif scenario.judged and "DIR-1" not in stage.broken.values():
            stage.judge(name)


def main() -> int:
    """Check what the command line says."""
    options = arguments("Hold a recorder against the format.", PARTS, SCENARIOS, copies=True)
    report = Report()
    copies = [Path(path) for path in options.copy]
    for name in options.names:
        if not set(SCENARIOS[name].parts) & set(options.without):
            check(report, name, options.command, copies, options.without)
    return report.end(options.without)


if __name__ == "__main__":
    sys.exit(main())
