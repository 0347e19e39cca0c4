"""examples/third-party/record.sh for spec/kit/recorder.py: it wraps the kit's own program, perform.py."""

import json
import os
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    scenario = json.load(file)
command = ["sh", "record.sh", "--directory", scenario["experiments-directory"]]
command += ["--description", scenario["description"]]
if scenario["id"] is not None:
    command += ["--id", scenario["id"]]
command += ["--", "./perform.py"]
for name, value in scenario["args"].items():
    command += [f"--{name}", value if isinstance(value, str) else json.dumps(value)]
os.environ.update(KIT_SCENARIO=sys.argv[1], KIT_SUMMARY="sh record.sh --summary")
os.execvp("sh", command)
