"""trackio, on this disk."""

import os

LABEL = "trackio"
PACKAGES = ["trackio", "pandas"]
ENVIRONMENT = {"TRACKIO_DIR": "trackio", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
WRITES = "`log`: handed to a thread, which adds rows to SQLite"
LISTING = ["trackio", "list", "runs", "--project", "benchmark"]  # their names, and nothing else


def run(args, work):
    import trackio

    trackio.init(project="benchmark", config=args, embed=False, name=os.urandom(6).hex())
    try:
        work(trackio.log)
    finally:
        trackio.finish()


def read():
    import pandas
    from trackio.sqlite_storage import SQLiteStorage

    configs = SQLiteStorage.get_all_run_configs("benchmark")
    logs = SQLiteStorage.get_logs_batch("benchmark", [{"run_id": run_id} for run_id in configs])
    return len(pandas.DataFrame([{**configs[log["run_id"]], **log["logs"][-1]} for log in logs]))
