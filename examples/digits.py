"""Train a small network on scikit-learn's handwritten digits, and have the run recorded.

    python digits.py --lr 0.01 --description "a smaller step"
    meticulous

The three lines that record it are marked.
"""

import argparse
import csv

from meticulous import Experiment  # 1
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lr", type=float, default=0.001, help="step size (default: %(default)s)")
    parser.add_argument(
        "--hidden", type=int, default=32, help="units of the hidden layer (default: %(default)s)"
    )
    parser.add_argument("--optimizer", choices=["adam", "sgd"], default="adam")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    Experiment.add_argument_group(parser)  # 2
    with Experiment.from_parser(parser) as experiment:  # 3
        train(experiment.args, experiment)


def train(args: argparse.Namespace, experiment: Experiment) -> None:
    images, digits = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(images / 16, digits, random_state=args.seed)
    model = MLPClassifier(
        hidden_layer_sizes=(args.hidden,),
        solver=args.optimizer,
        learning_rate_init=args.lr,
        random_state=args.seed,
    )
    with experiment.open("epochs.csv", "w", newline="") as file:  # a file of the script's own
        table = csv.writer(file)
        table.writerow(["epoch", "loss", "accuracy"])
        for epoch in range(1, args.epochs + 1):
            model.partial_fit(train_x, train_y, classes=range(10))
            accuracy = model.score(test_x, test_y)
            print(f"epoch {epoch}: loss {model.loss_:.4f}, accuracy {accuracy:.4f}")
            table.writerow([epoch, model.loss_, accuracy])
            experiment.summary({"epoch": epoch, "loss": model.loss_, "accuracy": accuracy})


if __name__ == "__main__":
    main()
