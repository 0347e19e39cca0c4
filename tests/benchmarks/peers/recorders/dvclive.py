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


def fill(args, count):
    """Copies of one that was recorded: commits of the same tree, each with a name of its own."""
    before = set(experiments())
    run(args, lambda write: write({"loss": 0.5}))
    (recorded,) = set(experiments()) - before
    head, _, message = git("cat-file", "commit", recorded).partition(b"\n\n")
    tree, parent = (line.split()[1] for line in head.splitlines()[:2])
    with subprocess.Popen(["git", "fast-import", "--quiet"], stdin=subprocess.PIPE) as importing:
        for number in range(len(before) + 1, len(before) + count):
            importing.stdin.write(
                b"commit %s-%d\n" % (recorded.encode(), number)
                + b"committer benchmark <benchmark@example.com> %d +0000\n" % (1_700_000_000 + number)
                + b"data %d\n%s\nfrom %s\nM 040000 %s \n" % (len(message), message, parent, tree)
            )
    if importing.returncode:
        raise RuntimeError("git fast-import failed")


def experiments():
    refs = git("for-each-ref", "--format=%(refname)", "refs/exps").decode().split()
    return [ref for ref in refs if ref.count("/") == 4]  # the others there are no experiments


def git(*arguments):
    return subprocess.run(["git", *arguments], check=True, capture_output=True).stdout


def read():
    import dvc.api
    import pandas

    frame = pandas.DataFrame(dvc.api.exp_show())
    return int(frame["Experiment"].notna().sum())
