"""Ours, with the output of everything in the process: C libraries and child processes too."""

LABEL = 'the same, `capture="fd"`'
CAPTURES = True


def run(args, work):
    from meticulous import Experiment

    with Experiment(args, args, capture="fd") as experiment:
        work(experiment.summary)
