"""meticulous-read for spec/kit/reader.py: `read.py DIRECTORY` prints what it reads as the kit wants it."""

import json
import math
import sys

from meticulous_read import Experiments


def plain(value):
    """A value as JSON has it: numbers that are not finite are their names."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def reading(experiment):
    # Output is read when it is asked for, and only then told of.
    stdout, stderr = experiment.stdout[-1000:], experiment.stderr[-1000:]
    times = (experiment.timestamp, experiment.start_time, experiment.end_time)
    return {
        "format-version": experiment.format_version or None,
        "status": experiment.status or None,
        "reason": experiment.status_message.strip(),
        **dict(zip(("timestamp", "start-time", "end-time"), (time and time.isoformat() for time in times))),
        "metadata": plain(experiment.metadata),
        "args": plain(experiment.args),
        "default_args": plain(experiment.default_args),
        "summary": plain(experiment.summary),
        "stdout": stdout,
        "stderr": stderr,
        "life": "lost" if experiment.lost else "silent" if experiment.silent else None,
        "problems": sorted({problem.file or "." for problem in experiment.problems}),
    }


print(json.dumps({"experiments": {name: reading(found) for name, found in Experiments(sys.argv[1]).items()}}))
