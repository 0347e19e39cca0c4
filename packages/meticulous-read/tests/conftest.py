"""A maker of experiments, for tests that need folders in any state."""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples everywhere, and a busy machine is no failure. The fuzzing drill looks for new ones.
settings.register_profile(
    "anywhere", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("anywhere")

METADATA = {
    "format-version": "1.0",
    "githead-sha": "0123456789abcdef0123456789abcdef01234567",
    "githead-message": "Train longer",
    "description": "",
    "timestamp": "2026-11-23T10:00:00.000000+00:00",
    "start-time": "2026-11-23T10:00:00.000000+00:00",
    "end-time": "2026-11-23T10:01:30.500000+00:00",
    "command": ["train.py", "--lr", "0.1"],
}


@pytest.fixture
def make(tmp_path):
    """Return a function that writes an experiment below `experiments` and returns its folder.

    Each file is given as an object (written as JSON), as text or bytes, or as None, which leaves it out.
    """

    def write(
        name="1", *, metadata=None, args=None, default_args=None, status="SUCCESS\n", summary=None, **more
    ):
        folder = tmp_path / "experiments" / name
        folder.mkdir(parents=True)
        metadata = {**METADATA, **metadata} if isinstance(metadata, dict) else metadata or METADATA
        files = {"metadata.json": metadata, "args.json": {} if args is None else args}
        files["default_args.json"] = {} if default_args is None else default_args
        files |= {"summary.json": summary, "STATUS": status, "stdout": b"", "stderr": b""}
        files |= {key.replace("_json", ".json"): value for key, value in more.items()}
        long_ago = time.time() - 5  # what is written later looks different
        for file, content in files.items():
            if isinstance(content, (bytes, str)):
                data = content.encode() if isinstance(content, str) else content
            elif content is None:
                continue
            else:
                data = json.dumps(content, indent=4).encode()
            Path(folder, file).write_bytes(data)
            os.utime(Path(folder, file), (long_ago, long_ago))
        return folder

    return write


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "experiments"
