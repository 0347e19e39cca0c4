"""A training that goes on where it was stopped, for the jobs of this folder."""

import argparse
import json
import os

from meticulous import Experiment

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--steps", type=int, default=20)
Experiment.add_argument_group(parser)
with Experiment.from_parser(parser) as experiment:
    checkpoint = experiment.path("checkpoint.json")
    step, weight = json.loads(checkpoint.read_text()) if checkpoint.exists() else (0, 4.0)
    while step < experiment.args.steps:
        weight -= experiment.args.lr * 2 * weight
        step += 1
        print(f"step {step}: loss {weight**2:.3g}")
        experiment.path("checkpoint.new").write_text(json.dumps([step, weight]))
        os.replace(experiment.path("checkpoint.new"), checkpoint)
        experiment.summary({"loss": weight**2, "step": step})
