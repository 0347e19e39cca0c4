"""trackio, on this disk."""

import os

from ._rows import copy_run

LABEL = "trackio"
PACKAGES = ["trackio", "pandas"]
ENVIRONMENT = {"TRACKIO_DIR": "trackio", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
KEEPS = "arguments; the time of the start"
WRITES = "`log`: handed to a thread, which adds rows to SQLite"
LISTING = ["trackio", "list", "runs", "--project", "benchmark"]  # their names, and nothing else


def run(args, work):
    import trackio

    trackio.init(project="benchmark", config=args, embed=False, name=os.urandom(6).hex())
    try:
        work(trackio.log)
    finally:
        trackio.finish()


def fill(args, count):
    """Copies of one that was recorded."""
    from trackio.sqlite_storage import SQLiteStorage

    before = set(SQLiteStorage.get_all_run_configs("benchmark"))
    run(args, lambda write: write({"loss": 0.5}))
    (run_id,) = set(SQLiteStorage.get_all_run_configs("benchmark")) - before
    path = SQLiteStorage.get_project_db_path("benchmark")
    copy_run(path, run_id, count - 1, renamed=["run_id", "run_name"], left_out=["id", "log_id"])


def read():
    import pandas
    from trackio.sqlite_storage import SQLiteStorage

    configs = SQLiteStorage.get_all_run_configs("benchmark")
    logs = SQLiteStorage.get_logs_batch("benchmark", [{"run_id": run_id} for run_id in configs])
    return len(pandas.DataFrame([{**configs[log["run_id"]], **log["logs"][-1]} for log in logs]))
