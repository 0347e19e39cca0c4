"""XGBoost: the metrics of the last round in the summary, those of all rounds and the model beside it.

    python examples/trainers/xgboost_train.py --eta 0.2

XGBoost prints through Python: `stdout` has its lines without `capture="fd"`.
"""

import argparse
import json

import numpy as np
import xgboost
from meticulous import Experiment

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--eta", type=float, default=0.3)
    parser.add_argument("--max-depth", type=int, default=3)
    Experiment.add_argument_group(parser)
    with Experiment.from_parser(parser) as experiment:
        inputs = np.random.default_rng(0).normal(size=(200, 4))
        data = xgboost.DMatrix(inputs, inputs.sum(1) > 0)
        settings = {"objective": "binary:logistic", **vars(experiment.args)}
        history = {}
        model = xgboost.train(settings, data, 8, evals=[(data, "train")], evals_result=history)
        experiment.summary({name: values[-1] for name, values in history["train"].items()})
        model.save_model(experiment.path("model.json"))
        with experiment.open("rounds.json", "w") as file:
            json.dump(history, file)
