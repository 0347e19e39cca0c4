"""A script that does nothing but record, by the recorder that the variable RECORDER names."""

import argparse
import importlib
import os

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--optimizer", default="adam")
parser.add_argument("--seed", type=int, default=0)
args = vars(parser.parse_args())
recorder = importlib.import_module("recorders." + os.environ["RECORDER"])
recorder.run(args, lambda write: None)
