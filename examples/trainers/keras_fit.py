"""Keras: its log and model in the experiment's folder, its metrics in the summary after each epoch.

    python examples/trainers/keras_fit.py --lr 0.05

`KERAS_BACKEND` chooses what computes; the record is the same.
"""

import argparse

import keras
import numpy as np
from keras.callbacks import CSVLogger, LambdaCallback, ModelCheckpoint
from meticulous import Experiment

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.01)
    Experiment.add_argument_group(parser)
    with Experiment.from_parser(parser) as experiment:
        inputs = np.random.default_rng(0).normal(size=(64, 4))
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(experiment.args.lr), "mse")
        callbacks = [
            CSVLogger(experiment.path("epochs.csv")),
            ModelCheckpoint(experiment.path("model.keras")),
            LambdaCallback(on_epoch_end=lambda epoch, logs: experiment.summary(logs)),
        ]
        model.fit(inputs, inputs.sum(1), batch_size=8, epochs=3, callbacks=callbacks)
