"""The parser libraries that people use, and scripts of the kinds that people run.

The scripts' arguments are retold from what well-known training programs accept: names, types and defaults.
They call the parts before the start: a recording of each command line would take minutes.
"""

import argparse
import ast
import dataclasses
import enum
import json
import pathlib
from typing import Any, Callable, NamedTuple, Optional

import configargparse
import jsonargparse
import pytest
import simple_parsing
import tap
from meticulous import Experiment
from meticulous._disk.encode import encode
from meticulous._start.command_line import parse
from meticulous._start.options import Options


class Kind(str, enum.Enum):
    CNN = "cnn"
    MLP = "mlp"


@dataclasses.dataclass
class Optimizer:
    name: str = "adam"
    momentum: float = 0.9


class TestConfigargparse:
    def parser(self):
        made = configargparse.ArgumentParser(prog="train.py")
        made.add_argument("-c", "--config", is_config_file=True)
        made.add_argument("--data", required=True)
        made.add_argument("--lr", type=float, default="0.1", env_var="TRAIN_LR")
        made.add_argument("--resume", default="no")
        return made

    def test_records_options_of_the_script_beside_ours(self):
        parsed = parse(self.parser(), ["--data", "d", "--resume", "a.pt", "--meticulous-resume"], True, {})
        assert type(parsed.args) is type(self.parser().parse_args(["--data", "d"]))
        assert parsed.encoded == {"config": None, "data": "d", "lr": 0.1, "resume": "a.pt"}
        assert parsed.defaults == {"config": None, "lr": 0.1, "resume": "no"}
        assert parsed.options == Options(resume=True)

    def test_values_and_options_of_ours_from_files_and_environment(self, tmp_path, monkeypatch):
        (tmp_path / "train.ini").write_text("data = d\ndescription = from a file\nnorecord = true\n")
        monkeypatch.setenv("TRAIN_LR", "0.5")
        parsed = parse(self.parser(), ["-c", str(tmp_path / "train.ini")], True, {})
        assert (parsed.args.data, parsed.args.lr) == ("d", 0.5)
        assert parsed.defaults == {"config": None, "lr": 0.1, "resume": "no"}
        assert parsed.options == Options(description="from a file", norecord=True)


class TestJsonargparse:
    def parser(self):
        made = jsonargparse.ArgumentParser(prog="train.py")
        made.add_argument("--cfg", action="config")
        made.add_argument("--data", type=str, required=True)
        made.add_argument("--lr", type=float, default=0.1)
        made.add_argument("--optimizer", type=Optimizer, default=Optimizer(momentum=0.5))
        made.add_argument("--model.kind", type=Kind, default=Kind.CNN)
        made.add_argument("--model.width", type=Optional[int], default=None)
        made.add_argument("--resume", type=bool, default=False)
        return made

    def test_records_nested_options_as_it_nests_them(self):
        arguments = ["--data=d", "--optimizer.name=sgd", "--model.width=8", "--resume=true"]
        parsed = parse(self.parser(), [*arguments, "--meticulous-resume", "--description=x"], True, {})
        assert type(parsed.args) is type(self.parser().parse_args(arguments))
        values = {"cfg": None, "lr": 0.1}
        assert parsed.encoded == {
            **values,
            "data": "d",
            "optimizer": {"name": "sgd", "momentum": 0.5},
            "model": {"kind": "cnn", "width": 8},
            "resume": True,
        }
        assert parsed.defaults == {
            **values,
            "optimizer": {"name": "adam", "momentum": 0.5},
            "model": {"kind": "cnn", "width": None},
            "resume": False,
        }
        assert parsed.options == Options(resume=True, description="x")

    def test_keeps_arguments_of_a_subcommand_below_its_name(self):
        def build():
            made = jsonargparse.ArgumentParser(prog="train.py")
            made.add_argument("--seed", type=int, default=1)
            subcommands = made.add_subcommands(required=False)
            for name, lr in (("fit", 0.1), ("tune", 0.2)):
                subparser = jsonargparse.ArgumentParser()
                subparser.add_argument("--lr", type=float, default=lr)
                subcommands.add_subcommand(name, subparser)
            return made

        parsed = parse(build(), ["--description", "x", "tune", "--lr", "3"], True, {"seed": 5})
        assert parsed.encoded == {"seed": 5, "subcommand": "tune", "tune": {"lr": 3.0}}
        assert parsed.defaults == {"seed": 5, "subcommand": None, "tune": {"lr": 0.2}}

    def test_arguments_made_from_a_signature(self):
        def train(lr: float = 0.1, optimizer: Optional[Optimizer] = None, layers: tuple = (1, 2)):
            pass

        def build():
            made = jsonargparse.ArgumentParser(prog="train.py")
            made.add_function_arguments(train, "train")
            return made

        parsed = parse(build(), ["--train.lr=2"], True, {})
        assert parsed.encoded == {"train": {"lr": 2.0, "optimizer": None, "layers": [1, 2]}}
        assert parsed.defaults == {"train": {"lr": 0.1, "optimizer": None, "layers": [1, 2]}}


@dataclasses.dataclass
class Training:
    epochs: int = 3
    resume: str = ""
    optimizer: Optimizer = dataclasses.field(default_factory=Optimizer)


# Python 3.14 warns of what simple-parsing does.
@pytest.mark.filterwarnings("ignore:The use of the undocumented 'prefix_chars'")
class TestSimpleParsing:
    def parser(self, **how):
        made = simple_parsing.ArgumentParser(prog="train.py", **how)
        made.add_argument("--seed", type=int, default="1")
        made.add_arguments(Training, dest="training")
        return made

    def test_records_dataclasses_even_if_they_have_fields_like_our_options(self):
        arguments = ["--epochs", "5", "--resume", "a.pt", "--name", "sgd"]
        parsed = parse(self.parser(), [*arguments, "--meticulous-resume"], True, {})
        assert parsed.args.training == self.parser().parse_args(arguments).training
        sgd = {"name": "sgd", "momentum": 0.9}
        assert parsed.encoded == {"seed": 1, "training": {"epochs": 5, "resume": "a.pt", "optimizer": sgd}}
        adam = {"name": "adam", "momentum": 0.9}
        assert parsed.defaults == {"seed": 1, "training": {"epochs": 3, "resume": "", "optimizer": adam}}
        assert parsed.options == Options(resume=True)

    def test_keeps_our_name_where_fields_are_named_by_their_path(self):
        how = {"argument_generation_mode": simple_parsing.ArgumentGenerationMode.NESTED}
        parsed = parse(self.parser(**how), ["--training.resume", "a.pt", "--resume"], True, {})
        assert (parsed.args.training.resume, parsed.options.resume) == ("a.pt", True)


class Arguments(tap.Tap):
    data: str
    lr: float = 0.1
    layers: list[int] = [1, 2]  # noqa: RUF012 - how its users write it
    tags: set[str] = {"b", "a"}  # noqa: RUF012
    resume: Optional[str] = None
    fast: bool = False

    def configure(self):
        self.add_argument("-l", "--lr")


class TestTypedArgumentParser:
    def test_gives_back_itself_with_its_attributes(self):
        parsed = parse(Arguments(), ["--data", "d", "-l", "3", "--fast", "--meticulous-resume"], True, {})
        assert type(parsed.args) is Arguments
        assert (parsed.args.lr, parsed.args.tags) == (3.0, {"a", "b"})
        rest = {"layers": [1, 2], "tags": ["a", "b"], "resume": None}
        assert parsed.encoded == {**rest, "data": "d", "lr": 3.0, "fast": True}
        assert parsed.defaults == {**rest, "lr": 0.1, "fast": False}
        assert parsed.options == Options(resume=True)


class KeyValues(argparse.Action):
    """`a=1 b=[2]` as a dict of Python values, with the text where it is none."""

    def __call__(self, parser, namespace, values, option_string=None):
        pairs = {}
        for value in values:
            key, _, text = value.partition("=")
            try:
                pairs[key] = ast.literal_eval(text)
            except (ValueError, SyntaxError):
                pairs[key] = text
        setattr(namespace, self.dest, pairs)


def imagenet():
    """PyTorch's ImageNet example: an optional positional, a --resume of a file, ints that default to None."""
    made = argparse.ArgumentParser(prog="main.py")
    made.add_argument("data", metavar="DIR", nargs="?", default="imagenet")
    made.add_argument("-a", "--arch", default="resnet18", choices=["resnet18", "resnet50"])
    made.add_argument("-j", "--workers", default=4, type=int)
    made.add_argument("--start-epoch", default=0, type=int)
    made.add_argument("-b", "--batch-size", default=256, type=int)
    made.add_argument("--lr", "--learning-rate", default=0.1, type=float, dest="lr")
    made.add_argument("--wd", "--weight-decay", default=1e-4, type=float, dest="weight_decay")
    made.add_argument("--resume", default="", type=str, metavar="PATH")
    made.add_argument("-e", "--evaluate", dest="evaluate", action="store_true")
    made.add_argument("--dist-url", default="tcp://localhost:1234", type=str)
    made.add_argument("--gpu", default=None, type=int)
    return made


def mnist():
    """PyTorch's MNIST example."""
    made = argparse.ArgumentParser(prog="main.py")
    made.add_argument("--batch-size", type=int, default=64, metavar="N")
    made.add_argument("--gamma", type=float, default=0.7)
    made.add_argument("--no-accel", action="store_true")
    made.add_argument("--dry-run", action="store_true")
    made.add_argument("--save-model", action="store_true")
    return made


def timm():
    """Timm's training: a YAML file's values are defaults of the second parser; switches in pairs."""
    made = argparse.ArgumentParser(prog="train.py")
    group = made.add_argument_group("Dataset parameters")
    group.add_argument("data", nargs="?", metavar="DIR", const=None)
    group.add_argument("--data-dir", metavar="DIR")
    group = made.add_argument_group("Model parameters")
    group.add_argument("--model", default="resnet50", type=str)
    group.add_argument("--resume", default="", type=str, metavar="PATH")
    group.add_argument("--no-resume-opt", action="store_true", default=False)
    group.add_argument("--input-size", default=None, nargs=3, type=int)
    group.add_argument("--model-kwargs", nargs="*", default={}, action=KeyValues)
    group.add_argument("--opt-betas", default=None, type=float, nargs="+")
    group.add_argument("--ratio", type=float, nargs="+", default=[3.0 / 4.0, 4.0 / 3.0])
    group.add_argument("--experiment", default="", type=str)
    group.add_argument("--log-wandb", action="store_true", default=False)
    scripting = group.add_mutually_exclusive_group()
    scripting.add_argument("--torchscript", dest="torchscript", action="store_true")
    scripting.add_argument("--torchcompile", nargs="?", type=str, default=None, const="inductor")
    group.add_argument("--pin", dest="pin", action="store_true")
    group.add_argument("--no-pin", dest="pin", action="store_false")
    made.set_defaults(pin=True)
    made.set_defaults(**{"lr": 0.05, "model": "vit"})
    return made


def yolo():
    """YOLOv5's: --resume with or without a file, lists, text that stands for numbers, paths."""
    root = pathlib.PurePosixPath("/yolo")
    made = argparse.ArgumentParser(prog="train.py")
    made.add_argument("--weights", type=str, default=root / "yolov5s.pt")
    made.add_argument("--data", type=str, default=root / "data/coco128.yaml")
    made.add_argument("--imgsz", "--img", "--img-size", type=int, default=640)
    made.add_argument("--resume", nargs="?", const=True, default=False)
    made.add_argument("--evolve", type=int, nargs="?", const=300)
    made.add_argument("--cache", type=str, nargs="?", const="ram")
    made.add_argument("--optimizer", type=str, choices=["SGD", "Adam"], default="SGD")
    made.add_argument("--project", default=root / "runs/train")
    made.add_argument("--exist-ok", action="store_true")
    made.add_argument("--freeze", nargs="+", type=int, default=[0])
    made.add_argument("--local_rank", type=int, default=-1)
    return made


def megatron():
    """Megatron's manner: groups of groups, switches that turn a default off, dests of their own."""
    made = argparse.ArgumentParser(prog="pretrain.py", allow_abbrev=False)
    for name in ("network size", "regularization", "training", "distributed", "data", "logging"):
        group = made.add_argument_group(title=name)
        group.add_argument(f"--{name.split()[0]}-level", type=int, default=None)
    group.add_argument("--no-load-optim", action="store_true", default=None)
    group.add_argument("--no-masked-softmax-fusion", action="store_false", dest="masked_softmax_fusion")
    group.add_argument("--data-path", nargs="*", default=None)
    group.add_argument("--lr-decay-style", type=str, default="linear", choices=["constant", "linear"])
    group.add_argument("--tensorboard-dir", type=str, default=None)
    group.add_argument("--rampup-batch-size", nargs="*", default=None)
    return made


class Script(NamedTuple):
    build: Callable[[], argparse.ArgumentParser]
    arguments: list[str]
    changed: dict[str, Any]
    resume: str = "--resume"


OURS = "--meticulous-resume"
SCRIPTS = [
    Script(
        imagenet,
        ["-j", "8", "--resume", "a.pt", "--gpu", "0", "-e", "/data"],
        {"workers": 8, "resume": "a.pt", "gpu": 0, "evaluate": True, "data": "/data"},
        OURS,
    ),
    Script(mnist, ["--gamma", "1", "--dry-run"], {"gamma": 1.0, "dry_run": True}),
    Script(
        timm,
        [
            "d",
            "--input-size",
            "3",
            "8",
            "8",
            "--model-kwargs",
            "a=1",
            "b=[2]",
            "c=x",
            "--no-pin",
            "--resume",
            "a.pt",
        ],
        {
            "data": "d",
            "input_size": [3, 8, 8],
            "model_kwargs": {"a": 1, "b": [2], "c": "x"},
            "pin": False,
            "resume": "a.pt",
        },
        OURS,
    ),
    Script(
        yolo,
        ["--resume", "--freeze", "1", "2", "--img", "320", "--weights", "w.pt", "--evolve"],
        {"resume": True, "freeze": [1, 2], "imgsz": 320, "weights": "w.pt", "evolve": 300},
        OURS,
    ),
    Script(
        megatron,
        ["--no-masked-softmax-fusion", "--no-load-optim", "--data-path", "1", "a", "--network-level", "3"],
        {"masked_softmax_fusion": False, "no_load_optim": True, "data_path": ["1", "a"], "network_level": 3},
    ),
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.build.__name__)
class TestScripts:
    def test_arguments_and_defaults(self, script):
        defaults = {key: encode(value) for key, value in vars(script.build().parse_args([])).items()}
        parsed = parse(script.build(), [*script.arguments, script.resume], True, {})
        assert vars(parsed.args) == vars(script.build().parse_args(script.arguments))
        assert parsed.defaults == defaults
        assert parsed.encoded == {**defaults, **script.changed}
        assert parsed.options == Options(resume=True)

    def test_on_disk(self, script, repository, monkeypatch):
        monkeypatch.chdir(repository.path)
        with Experiment.from_parser(script.build(), script.arguments, description="x") as experiment:
            assert vars(experiment.args) == vars(script.build().parse_args(script.arguments))
        args, defaults = (
            json.loads(experiment.directory.joinpath(name).read_text("utf-8"))
            for name in ("args.json", "default_args.json")
        )
        assert {key: args[key] for key in args if args[key] != defaults[key]} == script.changed
        assert list(args) == list(defaults)

    def test_two_stages_leave_what_the_first_took(self, script):
        first = argparse.ArgumentParser(add_help=False)
        first.add_argument("--file")
        _, remaining = first.parse_known_args(["--file", "a.yaml", *script.arguments])
        assert parse(script.build(), remaining, True, {}).encoded.items() >= script.changed.items()
