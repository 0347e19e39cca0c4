"""LightGBM: the metrics of the last round in the summary, the model beside it.

    python examples/trainers/lightgbm_train.py --learning-rate 0.2

LightGBM prints through Python: `stdout` has its lines without `capture="fd"`.
"""

import argparse

import lightgbm
import numpy as np
from meticulous import Experiment

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--num-leaves", type=int, default=7)
    Experiment.add_argument_group(parser)
    with Experiment.from_parser(parser) as experiment:
        inputs = np.random.default_rng(0).normal(size=(200, 4))
        data = lightgbm.Dataset(inputs, inputs.sum(1) > 0)
        settings = {"objective": "binary", **vars(experiment.args)}
        history = {}
        callbacks = [lightgbm.record_evaluation(history), lightgbm.log_evaluation()]
        model = lightgbm.train(settings, data, 8, valid_sets=[data], callbacks=callbacks)
        experiment.summary({name: values[-1] for name, values in history["training"].items()})
        model.save_model(experiment.path("model.txt"))
