"""The table of parsers in the recorder's README: each row, run with its library, records what it should."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import pytest

README = Path(__file__).parents[1] / "packages" / "meticulous-record" / "README.md"
TABLE = README.read_text("utf-8").partition("## Your parser\n")[2].partition("\n## ")[0]
ROWS = {
    name: re.findall(r"`([^`]+)`", code)
    for name, code in re.findall(r"^\| (\S+) \| (`.*`) \|$", TABLE, re.MULTILINE)
}


class Script(NamedTuple):
    """A script of a library's user, with the row of the table where `# here` stands."""

    code: str
    use: str
    """What it does with its arguments: the text of an f-string."""
    arguments: list[str]
    args: dict[str, Any]
    default_args: dict[str, Any] | None
    prints: str = "0.5 [64, 32]"
    description: str = ""
    module: str = ""
    files: dict[str, str] = {}  # noqa: RUF012 - nobody changes it


CONFIG = """
        @dataclasses.dataclass
        class Model:
            layers: list[int] = dataclasses.field(default_factory=lambda: [64, 32])

        @dataclasses.dataclass
        class Config:
            lr: float = 0.1
            model: Model = dataclasses.field(default_factory=Model)
"""
PASSED = {"data": "d", "lr": 0.5, "layers": [64, 32]}
DEFAULTS = {"lr": 0.1, "layers": [64, 32]}
ARGUMENTS = ["--data", "d", "--lr", "0.5"]
DESCRIBED = [*ARGUMENTS, "--description", "half"]

SCRIPTS = {
    "argparse": Script(
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--data", required=True)
        parser.add_argument("--lr", type=float, default=0.1)
        parser.add_argument("--layers", type=int, nargs="+", default=[64, 32])
        # here
        """,
        "{experiment.args.lr} {experiment.args.layers}",
        DESCRIBED,
        PASSED,
        DEFAULTS,
        description="half",
        module="argparse",
    ),
    "parse_known_args": Script(
        """
        import argparse, random
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float, default=0.1)
        parser.add_argument("--seed", type=int)
        Experiment.add_argument_group(parser)
        # here
        """,
        "{args.lr} {args.seed} {rest}",
        ["--lr", "0.5", "--seed", "7", "--description", "half", "more"],
        {"lr": 0.5, "seed": 7},
        {"lr": 0.1, "seed": None},
        prints="0.5 7 ['more']",
        description="half",
        module="argparse",
    ),
    "ConfigArgParse": Script(
        """
        import configargparse
        parser = configargparse.ArgumentParser(default_config_files=["train.ini"])
        parser.add_argument("--data", required=True)
        parser.add_argument("--lr", type=float, default=0.1)
        parser.add_argument("--layers", type=int, nargs="+", default=[64, 32])
        # here
        """,
        "{experiment.args.lr} {experiment.args.layers}",
        ["--data", "d"],
        PASSED,
        DEFAULTS,
        description="half",
        module="configargparse",
        files={"train.ini": "lr = 0.5\ndescription = half\n"},
    ),
    "jsonargparse": Script(
        f"""
        import dataclasses, jsonargparse
        {CONFIG}
        parser = jsonargparse.ArgumentParser()
        parser.add_argument("--data", type=str, required=True)
        parser.add_argument("--config", type=Config, default=Config())
        # here
        """,
        "{experiment.args.config.lr} {experiment.args.config.model.layers}",
        ["--data", "d", "--config.lr", "0.5", "--description", "half"],
        {"data": "d", "config": {"lr": 0.5, "model": {"layers": [64, 32]}}},
        {"config": {"lr": 0.1, "model": {"layers": [64, 32]}}},
        description="half",
        module="jsonargparse",
    ),
    "simple-parsing": Script(
        f"""
        import dataclasses, simple_parsing
        {CONFIG}
        parser = simple_parsing.ArgumentParser()
        parser.add_argument("--data", required=True)
        parser.add_arguments(Config, dest="config")
        # here
        """,
        "{experiment.args.config.lr} {experiment.args.config.model.layers}",
        DESCRIBED,
        {"data": "d", "config": {"lr": 0.5, "model": {"layers": [64, 32]}}},
        {"config": {"lr": 0.1, "model": {"layers": [64, 32]}}},
        description="half",
        module="simple_parsing",
    ),
    "typed-argument-parser": Script(
        """
        import tap
        class Arguments(tap.Tap):
            data: str
            lr: float = 0.1
            layers: list[int] = [64, 32]
        # here
        """,
        "{experiment.args.lr} {experiment.args.layers}",
        DESCRIBED,
        PASSED,
        DEFAULTS,
        description="half",
        module="tap",
    ),
    "HfArgumentParser": Script(
        """
        import dataclasses
        from transformers import HfArgumentParser

        @dataclasses.dataclass
        class Model:
            layers: list[int] = dataclasses.field(default_factory=lambda: [64, 32])

        @dataclasses.dataclass
        class Training:
            data: str
            lr: float = 0.1

        parser = HfArgumentParser((Model, Training))
        # here
        """,
        "{training.lr} {model.layers}",
        DESCRIBED,
        PASSED,
        DEFAULTS,
        description="half",
        module="transformers",
    ),
    "tyro": Script(
        f"""
        import dataclasses, tyro
        {CONFIG}
        # here
        """,
        "{config.lr} {config.model.layers}",
        ["--lr", "0.5"],
        {"lr": 0.5, "model": {"layers": [64, 32]}},
        {"lr": 0.1, "model": {"layers": [64, 32]}},
        module="tyro",
    ),
    "click": Script(
        """
        import click

        @click.command()
        @click.option("--data", required=True)
        @click.option("--lr", type=float, default="0.1")
        @click.option("--layers", type=int, multiple=True, default=[64, 32])
        @click.option("--tags", multiple=True)
        @click.option("--seed", type=int)
        @click.pass_context
        def main(context, data, lr, layers, tags, seed):
            # here

        main()
        """,
        "{lr} {list(layers)}",
        ARGUMENTS,
        {**PASSED, "tags": [], "seed": None},
        {**DEFAULTS, "data": None, "tags": [], "seed": None},
        module="click",
    ),
    "typer": Script(
        """
        import typer
        from typing import Annotated, Optional

        def main(
            context: typer.Context,
            data: Annotated[str, typer.Option()],
            lr: float = 0.1,
            layers: Annotated[list[int], typer.Option()] = [64, 32],
            seed: Optional[int] = None,
        ):
            # here

        typer.run(main)
        """,
        "{lr} {list(layers)}",
        ARGUMENTS,
        {**PASSED, "seed": None},
        {**DEFAULTS, "data": None, "seed": None},
        module="typer",
    ),
    "absl": Script(
        """
        import sys
        from absl import app, flags

        FLAGS = flags.FLAGS
        flags.DEFINE_string("data", None, "where it is", required=True)
        flags.DEFINE_float("lr", 0.1, "step size")
        flags.DEFINE_list("layers", ["64", "32"], "widths")

        def main(argv):
            # here

        app.run(main)
        """,
        "{FLAGS.lr} {FLAGS.layers}",
        ARGUMENTS,
        {**PASSED, "layers": ["64", "32"]},
        {"data": None, "lr": 0.1, "layers": ["64", "32"]},
        prints="0.5 ['64', '32']",
        module="absl",
    ),
    "Hydra": Script(
        """
        import hydra

        @hydra.main(version_base=None, config_path=".", config_name="config")
        def main(config):
            # here

        main()
        """,
        "{config.lr} {config.model.layers}",
        ["data=d", "lr=0.5"],
        {"data": "d", "lr": 0.5, "model": {"layers": [64, 32], "lr": 0.5}},
        {"lr": 0.1, "model": {"layers": [64, 32], "lr": 0.1}},
        module="hydra",
        files={"config.yaml": "data: ???\nlr: 0.1\nmodel: {layers: [64, 32], lr: '${lr}'}\n"},
    ),
    "OmegaConf": Script(
        """
        from omegaconf import OmegaConf
        defaults = OmegaConf.load("config.yaml")
        # here
        """,
        "{config.lr} {config.model.layers}",
        ["data=d", "lr=0.5"],
        {"data": "d", "lr": 0.5, "model": {"layers": [64, 32]}},
        {"lr": 0.1, "model": {"layers": [64, 32]}},
        module="omegaconf",
        files={"config.yaml": "data: ???\nlr: 0.1\nmodel: {layers: [64, 32]}\n"},
    ),
    "ml_collections": Script(
        """
        import ml_collections
        from absl import app, flags
        from ml_collections import config_flags

        def get_config():
            return ml_collections.ConfigDict({"lr": 0.1, "model": {"layers": (64, 32)}})

        FLAGS = flags.FLAGS
        config_flags.DEFINE_config_dict("config", get_config())

        def main(argv):
            # here

        app.run(main)
        """,
        "{FLAGS.config.lr} {list(FLAGS.config.model.layers)}",
        ["--config.lr=0.5"],
        {"lr": 0.5, "model": {"layers": [64, 32]}},
        {"lr": 0.1, "model": {"layers": [64, 32]}},
        module="ml_collections",
    ),
    "fire": Script(
        """
        import fire

        def main(data, lr=0.1, layers=(64, 32)):
            # here

        fire.Fire(main)
        """,
        "{lr} {list(layers)}",
        ARGUMENTS,
        PASSED,
        None,
        module="fire",
    ),
    "globals": Script(  # as nanoGPT's train.py
        """
        lr = 0.1
        layers = [64, 32]
        names = [name for name in globals() if name in ("lr", "layers")]
        # here
        """,
        "{lr} {layers}",
        ["--lr=0.5"],
        {"lr": 0.5, "layers": [64, 32]},
        DEFAULTS,
        files={
            "configurator.py": "import sys\nfor argument in sys.argv[1:]:\n"
            "    name, value = argument[2:].split('=')\n    globals()[name] = float(value)\n"
        },
        module="sys",
    ),
    "LightningCLI": Script(
        """
        import lightning, torch
        from lightning.pytorch.cli import LightningCLI

        class Model(lightning.LightningModule):
            def __init__(self, lr: float = 0.1):
                super().__init__()

        # here
        """,
        "{cli.config.model.lr}",
        ["--model.lr=0.5"],
        {"model": {"lr": 0.5}},
        {"model": {"lr": 0.1}},
        prints="0.5",
        module="lightning",
    ),
}


def test_every_row_is_tested():
    assert list(ROWS) == list(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_row_records_arguments_and_defaults(name, tmp_path):
    assert_recorded(SCRIPTS[name], ROWS[name], tmp_path)


def test_hydra_that_changes_directory_records_in_the_project(tmp_path):
    where = "project_directory=hydra.utils.get_original_cwd()"
    assert f"`{where}`" in TABLE
    row = [line.replace(") as", f", {where}) as") for line in ROWS["Hydra"]]
    script = SCRIPTS["Hydra"]
    assert_recorded(script._replace(arguments=[*script.arguments, "hydra.job.chdir=True"]), row, tmp_path)


def assert_recorded(script, row, folder):
    """Run the script with the row in it, in a repository in `folder`; the experiment is as it should be."""
    if importlib.util.find_spec(script.module) is None:
        pytest.skip(f"{script.module} is not installed")
    code = "from meticulous import Experiment\n" + with_row(script, row)
    for file, content in {"train.py": code, **script.files}.items():
        (folder / file).write_text(content)
    user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "-q"], ["add", "."], [*user, "commit", "-q", "-m", "Train"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    environment = {key: value for key, value in os.environ.items() if key not in ("RANK", "WORLD_SIZE")}
    done = subprocess.run(
        [sys.executable, "train.py", *script.arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, script.prints + "\n"), done.stderr
    (experiment,) = (path for path in (folder / "experiments").iterdir() if path.name != ".gitignore")
    assert (experiment / "STATUS").read_text() == "SUCCESS\n"
    assert (experiment / "stdout").read_text() == script.prints + "\n"
    files = ("args.json", "default_args.json", "metadata.json")
    args, default_args, metadata = (
        json.loads((experiment / file).read_text("utf-8")) if (experiment / file).exists() else None
        for file in files
    )
    if script.module == "lightning":  # whose Trainer has some fifty arguments more
        args, default_args = ({"model": each["model"]} for each in (args, default_args))
    assert args == script.args
    assert default_args == script.default_args
    assert metadata.get("description", "") == script.description


def with_row(script, row):
    """The script with the row's lines, and with what it does then in the block that they open."""
    lines, indent = [], ""
    for line in (*row, f'print(f"{script.use}")'):
        lines.append(indent + line)
        if line.endswith(":"):
            indent += "    "
    code = textwrap.dedent(script.code)
    return re.sub(r"^( *)# here$", lambda here: textwrap.indent("\n".join(lines), here[1]), code, flags=re.M)
