"""Aim, with a repository of its own on this disk."""

import subprocess

LABEL = "Aim"
PACKAGES = ["aim", "pandas"]
CAPTURES = True
KEEPS = "arguments; output; times"
WRITES = "`track`: handed to RocksDB"
LISTING = ["aim", "runs", "ls"]  # their hashes, and nothing else


def prepare():
    subprocess.run(["aim", "init"], check=True)


def run(args, work):
    import aim

    experiment = aim.Run(repo=".", experiment="benchmark")
    experiment["args"] = args
    try:
        work(experiment.track)
    finally:
        experiment.close()


def fill(args, count):
    """One by one, and then the index without which it reads none; else its server brings that up to date."""
    for _ in range(count):
        run(args, lambda write: write({"loss": 0.5}))
    subprocess.run(["aim", "storage", "reindex", "--yes"], check=True)


def read():
    import aim
    import pandas

    rows = []
    for collection in aim.Repo(".").query_metrics(report_mode=0).iter_runs():
        frame = collection.run.dataframe()
        for metric in collection:
            frame[metric.name] = metric.values.last()[1]
        rows.append(frame)
    return len(pandas.concat(rows))
