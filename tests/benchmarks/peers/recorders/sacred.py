"""Sacred's file storage; it has no reader for it."""

LABEL = "Sacred, files"
# It imports pkg_resources, which later setuptools no longer have.
PACKAGES = ["sacred", "setuptools<81", "GitPython"]
CAPTURES = True
KEEPS = "arguments; output; how it ended; the commit and copies of the source files; host, Python; times"
WRITES = "`_run.log_scalar`: kept in memory, and written every 10 s and at the end"
UNREAD = "no reader of its own"


def run(args, work):
    import sacred
    from sacred.observers import FileStorageObserver

    experiment = sacred.Experiment("benchmark")
    experiment.add_config(args)
    experiment.observers.append(FileStorageObserver("runs"))

    @experiment.main
    def main(_run):
        work(lambda values: [_run.log_scalar(name, value) for name, value in values.items()])

    experiment.run()
