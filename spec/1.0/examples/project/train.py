"""Softmax regression on scikit-learn's handwritten digits."""

import argparse
import sys

import numpy as np
from meticulous import Experiment
from sklearn.datasets import load_digits

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--batch_size", type=int, default=32)
parser.add_argument("--optimizer.name", choices=["sgd", "momentum"], default="sgd")
parser.add_argument("--target", type=float, help="the accuracy below which the exit code is 3")
parser.add_argument("--seed", type=int, default=0)
Experiment.add_argument_group(parser)

with Experiment.from_parser(parser) as experiment:
    args = experiment.args
    rng = np.random.default_rng(args.seed)
    x, digits = load_digits(return_X_y=True)
    x, y = np.hstack([x / 16, np.ones((len(x), 1))]), np.eye(10)[digits]
    train, test = np.split(rng.permutation(len(x)), [1400])
    weights = np.zeros((x.shape[1], 10))
    step = np.zeros_like(weights)
    keep = 0.9 if getattr(args, "optimizer.name") == "momentum" else 0.0

    for epoch in range(1, args.epochs + 1):
        losses = []
        for batch in np.array_split(rng.permutation(train), len(train) // args.batch_size):
            odds = np.exp(x[batch] @ weights)
            p = odds / odds.sum(axis=1, keepdims=True)
            losses.append(-np.log((p * y[batch]).sum(axis=1)).mean())
            step = keep * step - args.lr * x[batch].T @ (p - y[batch]) / len(batch)
            weights += step
        loss = float(np.mean(losses))
        accuracy = float(np.mean((x[test] @ weights).argmax(axis=1) == digits[test]))
        print(f"epoch {epoch}: loss {loss:.4f}, accuracy {accuracy:.4f}", flush=True)
        experiment.summary({"epoch": epoch, "loss": loss, "accuracy": accuracy})
        if not np.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} in epoch {epoch}: try a smaller --lr")

    if args.target is not None and accuracy < args.target:
        print(f"accuracy {accuracy:.4f} is below {args.target} ☹", file=sys.stderr)
        sys.exit(3)
