"""DVCLive, each run an experiment of DVC, which is a commit of git."""

import subprocess

LABEL = "DVCLive"
PACKAGES = ["dvclive", "dvc", "pandas"]
ENVIRONMENT = {"DVC_NO_ANALYTICS": "1"}
KEEPS = "arguments; a commit of the whole work tree for each run, which is why 20,000 files take long"
WRITES = "`log_metric` and `next_step`: a line appended to a file, two other files written anew"
LISTING = ["dvc", "exp", "show"]


def prepare():
    subprocess.run(["dvc", "init", "-q"], check=True)
    subprocess.run(["dvc", "config", "core.check_update", "false"], check=True)


def run(args, work):
    from dvclive import Live

    with Live() as live:
        live.log_params(args)

        def write(values):
            for name, value in values.items():
                live.log_metric(name, value)
            live.next_step()

        work(write)


def read():
    import dvc.api
    import pandas

    frame = pandas.DataFrame(dvc.api.exp_show())
    return int(frame["Experiment"].notna().sum())
