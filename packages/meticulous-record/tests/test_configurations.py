"""Anything with names is a configuration, nested or not, and no file is larger than readers take.

They call the encoder: a recording of each value would take minutes.
"""

import collections.abc
import dataclasses
import enum
import json
import textwrap
import time
import types
from unittest import mock

import numpy as np
import pytest
from meticulous import Experiment, MismatchedArgsException
from meticulous._disk.encode import dump, encode, encode_object, lost

attrs = pytest.importorskip("attrs")


class Optimizer:
    def __init__(self, lr):
        self.lr = lr


class WithRepr(Optimizer):
    def __repr__(self):
        return f"WithRepr({self.lr})"


class Slots:
    __slots__ = ("_seed", "lr", "missing")

    def __init__(self, lr):
        self.lr = lr
        self._seed = 1


class MoreSlots(Slots):
    __slots__ = "width"  # noqa: PLC0205 - Python takes it


class Base:
    seed = 0
    lr = 0.5

    class env:
        num_envs = 4096

        class terrain:
            slope = 0.1

    class Mode(enum.Enum):
        FAST = 1


class Config(Base):
    lr = 0.1
    sizes = (1, 2)
    _private = 3

    def train(self):
        pass

    @property
    def twice(self):
        return self.lr * 2

    @classmethod
    def make(cls):
        return cls()


CLASS = {"seed": 0, "lr": 0.1, "env": {"num_envs": 4096, "terrain": {"slope": 0.1}}, "sizes": [1, 2]}


class ConfigDict:
    """As ml_collections has it: no mapping, but `to_dict()`."""

    def __init__(self, **values):
        self._fields = values

    def to_dict(self):
        return {name: getattr(value, "to_dict", lambda v=value: v)() for name, value in self._fields.items()}

    def __repr__(self):
        return "lr: 0.1\n"


class Pydantic1:
    __fields__ = {"lr": None}  # noqa: RUF012

    def __init__(self, lr):
        self.lr = lr

    def dict(self):
        return {"lr": self.lr}


class Struct:
    """As msgspec has it."""

    __struct_fields__ = ("lr",)
    __slots__ = ("lr",)

    def __init__(self, lr):
        self.lr = lr


@attrs.define
class Attrs:
    lr: float
    name: str = "adam"


def changed(config, **values):
    for name, value in values.items():
        setattr(config, name, value)
    return config


def module():
    made = types.ModuleType("settings")
    lines = ("import os", "from math import pi, sqrt", "from typing import Any", "lr = 0.1", "_x = 1")
    exec("\n".join((*lines, "def f(): pass", "class C: pass")), vars(made))
    return made


CONFIGURATIONS = {
    "plain object": (Optimizer(0.1), {"lr": 0.1}),
    "plain object with a repr": (WithRepr(0.1), {"lr": 0.1}),
    "slots": (Slots(0.1), {"lr": 0.1, "_seed": 1}),
    "inherited slots": (changed(MoreSlots(0.1), width=2), {"lr": 0.1, "_seed": 1, "width": 2}),
    "class": (Config, CLASS),
    "instance of a class": (Config(), CLASS),
    "changed instance": (changed(Config(), lr=3, extra="x"), {**CLASS, "lr": 3, "extra": "x"}),
    "to_dict": (ConfigDict(lr=0.1, model=ConfigDict(width=2)), {"lr": 0.1, "model": {"width": 2}}),
    "attrs": (Attrs(0.1), {"lr": 0.1, "name": "adam"}),
    "pydantic 1": (Pydantic1(0.1), {"lr": 0.1}),
    "msgspec": (Struct(0.1), {"lr": 0.1}),
    "module": (module(), {"pi": 3.141592653589793, "lr": 0.1}),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_is_an_object(name):
    value, expected = CONFIGURATIONS[name]
    assert encode_object(value, "args") == expected


NESTED = {
    **{name: CONFIGURATIONS[name] for name in CONFIGURATIONS if name not in ("class", "module")},
    "plain object with a repr": (WithRepr(0.1), "WithRepr(0.1)"),
    "class": (Config, f"{__name__}.Config"),
}


@pytest.mark.parametrize("name", NESTED)
def test_is_one_inside_another_unless_a_text_says_it_all(name):
    value, expected = NESTED[name]
    assert encode_object({"a": [value]}, "args") == {"a": [expected]}
    assert encode_object(Optimizer(value), "args") == {"lr": expected}


@pytest.mark.parametrize("library", ["ml_collections", "msgspec", "pydantic"])
def test_the_real_ones(library):
    module = pytest.importorskip(library)
    if library == "ml_collections":
        config = module.ConfigDict({"lr": 0.1, "model": {"layers": (1, 2)}})
        for value in (config, module.FrozenConfigDict(config)):
            assert encode_object(value, "args") == {"lr": 0.1, "model": {"layers": [1, 2]}}
    elif library == "msgspec":
        assert encode_object(module.defstruct("S", [("lr", float)])(0.1), "args") == {"lr": 0.1}
    else:
        assert encode_object(module.create_model("M", lr=(float, 0.1))(), "args") == {"lr": 0.1}


class Lazy(collections.abc.Sequence):
    """Says how long it is; each item takes its time."""

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return 0.123456789


class Endless(Lazy):
    """Has more items than it says."""

    def __init__(self):
        super().__init__(1)


class LazyMapping(collections.abc.Mapping):
    def __len__(self):
        return 10**9

    def __iter__(self):
        return iter(range(10**9))

    def __getitem__(self, key):
        return key


def shared(levels):
    value = [0] * 1000
    for _ in range(levels):
        value = [value] * 1000
    return value


LARGE = {
    "range": (lambda: range(2**31), "<range of 2147483648 items>"),
    "array": (lambda: np.zeros(800_000), "<ndarray shape=(800000,)>"),
    "array of rows": (lambda: np.zeros((3000, 1000, 2)), "<ndarray shape=(3000, 1000, 2)>"),
    "list": (lambda: [0.123456789] * 3_000_000, "<list of 3000000 items>"),
    "list just too large": (lambda: [0.1234567890123456] * 250_000, "<list of 250000 items>"),
    "set": (lambda: set(range(800_000)), "<set of 800000 items>"),
    "text": (lambda: "é" * 20_000_000, "<str of 20000000 characters>"),
    "bytes": (lambda: bytes(20_000_000), "<bytes of 20000000 items>"),
    "lazy": (lambda: Lazy(2**40), "<Lazy of 1099511627776 items>"),
    "endless": (Endless, "<Endless of 1 items>"),
    "lazy mapping": (LazyMapping, "<LazyMapping of 1000000000 items>"),
    "many keys": (lambda: dict.fromkeys(range(800_000)), "<dict of 800000 items>"),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_too_large_is_a_text_and_one_warning_at_once(name, caplog):
    make, expected = LARGE[name]
    value = make()
    start = time.process_time()
    encoded = encode_object({"accuracy": 0.9, "data": value, "inner": {"data": value}, "loss": 1}, f"{name}s")
    assert time.process_time() - start < 10
    assert encoded == {"accuracy": 0.9, "data": expected, "inner": {"data": expected}, "loss": 1}
    assert len(caplog.messages) == 1
    assert f"{name}s.data, {name}s.inner.data" in caplog.text
    assert len(list(lost(encoded, "args"))) == 2


@pytest.mark.parametrize(
    "value",
    [
        {f"a{number}": ["x" * 60] * 20_000 for number in range(30)},
        {"x" * 500 + str(number): number for number in range(40_000)},
        {str(number): ["\x00é😀\udc80" * 100] * 500 for number in range(300)},
        {"deep": [[[[[[[[1] * 100] * 10] * 10] * 10] * 10] * 10]]},
        {"shared": shared(3), "accuracy": 0.9},
        LazyMapping(),
    ],
    ids=["values", "keys", "escapes", "deep", "shared", "lazy"],
)
def test_no_file_is_larger_than_readers_take(value, caplog):
    start = time.process_time()
    data = dump(encode_object(value, "args"))
    assert time.process_time() - start < 20
    assert len(data) <= 16 * 2**20
    assert json.loads(data)
    assert len(caplog.messages) == 1


def test_what_is_large_and_fits_is_whole():
    value = {
        "layers": list(range(50_000)),
        "text": "x" * 1_000_000,
        "pairs": dict.fromkeys(map(str, range(20_000))),
    }
    assert encode_object(value, "args") == value


class Partly:
    """Has values that equal nothing: what they are is not in their text."""

    def __call__(self):
        pass


def module_level():
    def inner():
        pass

    return types.SimpleNamespace(inner=inner)


WITHOUT_IDENTITY = {
    "object": object(),
    "lambda": lambda: 1,
    "method": Partly().__call__,
    "lock in an object": Optimizer(object()),
    "too large": range(10**9),
    "inner function": module_level().inner,
    "generator with a short text": np.random.default_rng(0),
}
WITH_IDENTITY = {
    "function": changed,
    "class": Config,
    "built-in": len,
    "class method": dict.fromkeys,
    "partial": np.dtype("float32"),
    "plain object": Optimizer(0.1),
    "text that looks like one": "<object object>",
}


@pytest.mark.parametrize("name", WITHOUT_IDENTITY)
def test_a_text_that_does_not_say_all_equals_nothing(name, repository, monkeypatch, caplog):
    monkeypatch.chdir(repository.path)
    args = {"value": [WITHOUT_IDENTITY[name]]}
    Experiment(args, experiment_id="x").finish()
    with Experiment(args, resume=True) as experiment:
        assert experiment.experiment_id == "1"
    assert "args.value" in caplog.messages[-1]
    with pytest.raises(MismatchedArgsException, match=r"args\.value\.0"):
        Experiment(args, experiment_id="x")


@pytest.mark.parametrize("name", WITH_IDENTITY)
def test_other_values_equal_themselves(name, repository, monkeypatch):
    monkeypatch.chdir(repository.path)
    args = {"value": [WITH_IDENTITY[name]]}
    for _ in range(2):
        with Experiment(args, experiment_id="x"):
            pass


def test_other_values_of_a_plain_object_are_other_arguments(run, repository):
    code = """
    import sys
    from meticulous import Experiment
    class Optimizer:
        def __init__(self, lr): self.lr = lr
    with Experiment({"optimizer": Optimizer(float(sys.argv[1]))}, resume=True) as experiment:
        print(experiment.experiment_id)
    """
    done = [run(textwrap.dedent(code), lr).stdout for lr in ("0.1", "0.2", "0.1")]
    assert done == [b"1\n", b"2\n", b"1\n"]


def test_a_mock_is_no_endless_configuration():
    assert isinstance(encode(mock.MagicMock()), str)


@dataclasses.dataclass
class Data:
    lr: float


def test_a_dataclass_of_which_there_is_no_instance_is_refused():
    with pytest.raises(TypeError, match="must be a mapping"):
        encode_object(Data, "args")
