"""Any value becomes strict JSON, the same in every run, and none of them stops a run.

They call the encoder: a recording of each value would take minutes.
"""

import argparse
import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import json
import logging
import math
import operator
import os
import pathlib
import re
import subprocess
import sys
import types
import uuid
from typing import Any, ClassVar, NamedTuple, Optional
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from meticulous._disk.encode import canonical, dump, encode, encode_object


def reject(token):
    raise AssertionError(f"{token} is not JSON")


def load(data):
    """Read as a strict reader does: UTF-8 without a mark, no bare NaN, no key twice."""
    text = data.decode("utf-8")
    assert not text.startswith("\ufeff")
    assert text.endswith("\n")

    def unique(pairs):
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    return json.loads(text, parse_constant=reject, object_pairs_hook=unique)


def through_disk(value):
    return load(dump(encode(value)))


texts = st.text(st.characters(exclude_categories=["Cs"]))
finite = st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**2000), 2**2000) | finite | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
)


class TestJson:
    @given(st.dictionaries(texts, plain))
    def test_comes_back_equal_with_its_types_and_its_order(self, value):
        back = through_disk(value)
        assert repr(back) == repr(value)

    @given(plain)
    def test_is_encoded_as_itself(self, value):
        assert repr(encode(value)) == repr(value)
        assert encode(encode(value)) == encode(value)

    @given(st.text(st.characters(exclude_categories=())))
    def test_half_a_character_is_the_text_of_its_escape(self, text):
        written = re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)
        assert through_disk({text: text}) == {written: written}
        assert canonical(encode({text: text})) == canonical({written: written})

    def test_whole_characters_are_not_escaped(self):
        assert dump({"a": "\udc80 ä😀"}) == '{\n    "a": "\\\\udc80 ä😀"\n}\n'.encode()

    @given(plain)
    def test_canonical_text_survives_the_disk(self, value):
        assert canonical(through_disk({"value": value})) == canonical(encode({"value": value}))

    def test_canonical_text_differs_where_values_do_and_not_where_only_their_writing_does(self):
        texts = [canonical(value) for value in (1, 1.5, True, "1", None, "None", [1], {"1": 1}, 0.0, False)]
        assert len(set(texts)) == len(texts)
        for one, other in ((1, 1.0), (0.0, -0.0), ({"a": 1, "b": 2}, {"b": 2.0, "a": 1})):
            assert canonical(one) == canonical(other)

    def test_an_object_is_empty_or_indented_by_four(self):
        assert dump({}) == b"{}\n"
        assert dump({"a": [1]}) == b'{\n    "a": [\n        1\n    ]\n}\n'


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Mode(str, enum.Enum):
    FAST = "fast"


class Share(float, enum.Enum):
    HALF = 0.5
    UNKNOWN = math.nan


class Right(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


class Point(NamedTuple):
    x: int
    y: Any


@dataclasses.dataclass
class Optimizer:
    name: str = "adam"
    betas: tuple = (0.9, 0.999)
    made: dataclasses.InitVar[int] = 0
    known: ClassVar[list] = ["adam"]
    state: Any = dataclasses.field(init=False, repr=False)


@dataclasses.dataclass(frozen=True)
class Config:
    optimizer: Optimizer = dataclasses.field(default_factory=Optimizer)
    path: pathlib.Path = pathlib.Path("data")


class WithAsDict:
    def as_dict(self):
        return {"lr": 0.1, "colour": Colour.RED}


class WithModelDump:
    def model_dump(self):
        return {"lr": np.float32(0.5)}


class Count(int):
    pass


class Loss(float):
    pass


class Name(str):
    def __str__(self):
        return "another text"


class Array:
    """What looks like an array or tensor of a library that nobody has installed."""

    def tolist(self):
        return [1, [2.5, math.inf]]


class Scalar:
    def item(self):
        return 3


def function():
    pass


class Class:
    def method(self):
        pass


class Device:
    """What has two texts, of which the shorter is the one that people write."""

    __slots__ = ("index", "type")

    def __repr__(self):
        return "device(type='cuda', index=1)"

    def __str__(self):
        return "cuda:1"


RULES = {
    "nan": (math.nan, "NaN"),
    "infinity": (math.inf, "Infinity"),
    "minus infinity": (-math.inf, "-Infinity"),
    "integer subclass": (Count(3), 3),
    "float subclass": (Loss(0.5), 0.5),
    "nan of a subclass": (Loss("nan"), "NaN"),
    "text subclass": (Name("text"), "text"),
    "huge integer": (2**5000, hex(2**5000)),
    "huge negative integer": (-(2**5000), hex(-(2**5000))),
    "bytes": (b"\x00\xff", "b'\\x00\\xff'"),
    "bytearray": (bytearray(b"a"), "b'a'"),
    "complex": (1 + 2j, "(1+2j)"),
    "decimal": (decimal.Decimal("0.10"), "0.10"),
    "decimal nan": (decimal.Decimal("NaN"), "NaN"),
    "fraction": (fractions.Fraction(1, 3), "1/3"),
    "enum": (Colour.RED, "RED"),
    "integer enum": (Level.LOW, 1),
    "text enum": (Mode.FAST, "fast"),
    "float enum": (Share.HALF, 0.5),
    "nan enum": (Share.UNKNOWN, "NaN"),
    "flag": (Right.READ, "READ"),
    "integer flag": (enum.IntFlag("F", "A B")(3), 3),
    "tuple": ((1, (2,)), [1, [2]]),
    "deque": (collections.deque([1]), [1]),
    "range": (range(3), [0, 1, 2]),
    "array": (array.array("d", [0.5]), [0.5]),
    "named tuple": (Point(1, Point(2, math.nan)), {"x": 1, "y": {"x": 2, "y": "NaN"}}),
    "set": ({10, 9, 2.5, True}, [True, 2.5, 9, 10]),
    "mixed set": ({"b", 10, None, (1,), "a", 9}, [9, 10, "a", "b", [1], None]),
    "set of extremes": ({2**2000, math.inf, -math.inf}, [2**2000, "-Infinity", "Infinity"]),
    "frozen sets": (frozenset([frozenset([2, 1]), frozenset()]), [[1, 2], []]),
    "keys": ({"b": 1, "a": 2}.keys(), ["a", "b"]),
    "mapping": (types.MappingProxyType({"a": (1,)}), {"a": [1]}),
    "ordered": (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    "namespace": (argparse.Namespace(a=argparse.Namespace(b=1)), {"a": {"b": 1}}),
    "simple namespace": (types.SimpleNamespace(a=1), {"a": 1}),
    "dataclass": (Config(), {"optimizer": {"name": "adam", "betas": [0.9, 0.999]}, "path": "data"}),
    "as_dict": (WithAsDict(), {"lr": 0.1, "colour": "RED"}),
    "model_dump": (WithModelDump(), {"lr": 0.5}),
    "path": (pathlib.PurePosixPath("/data/ä"), "/data/ä"),
    "date": (datetime.date(2026, 1, 2), "2026-01-02"),
    "datetime": (datetime.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
    "zoned": (datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), "2026-01-02T00:00:00+00:00"),
    "time": (datetime.time(3, 4), "03:04:00"),
    "timedelta": (datetime.timedelta(days=1, seconds=2), "1 day, 0:00:02"),
    "function": (function, f"{__name__}.function"),
    "built-in function": (len, "len"),
    "method of a text": ("".join, "str.join"),
    "method": (Class().method, f"{__name__}.Class.method"),
    "lambda": (lambda: 0, f"{__name__}.<lambda>"),
    "class": (Class, f"{__name__}.Class"),
    "built-in class": (dict, "dict"),
    "dataclass itself": (Config, f"{__name__}.Config"),
    "enum class": (Colour, f"{__name__}.Colour"),
    "array-like": (Array(), [1, [2.5, "Infinity"]]),
    "scalar-like": (Scalar(), 3),
    "numpy float": (np.float32(0.5), 0.5),
    "numpy double": (np.float64(0.1), 0.1),
    "numpy nan": (np.float16("nan"), "NaN"),
    "numpy integer": (np.int64(3), 3),
    "numpy bool": (np.bool_(True), True),
    "numpy text": (np.str_("a"), "a"),
    "numpy complex": (np.complex64(1j), "1j"),
    "numpy array": (np.array([[1.5, np.nan]]), [[1.5, "NaN"]]),
    "numpy scalar array": (np.array(2), 2),
    "numpy object array": (np.array([{"a": Colour.RED}], dtype=object), [{"a": "RED"}]),
    "numpy structure": (np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]), [[1, 2.0]]),
    "numpy date": (np.datetime64("2026-01-02"), "2026-01-02"),
    "numpy type": (np.float32, "numpy.float32"),
    "numpy dtype": (np.dtype("float32"), "float32"),
    "uuid": (uuid.UUID(int=0), "00000000-0000-0000-0000-000000000000"),
    "torch.device": (Device(), "cuda:1"),
}

TEXTS = {
    "object": (object(), "<object object>"),
    "module": (math, repr(math)),
    "partial": (
        functools.partial(function, lr=1),
        f"functools.partial(<function {function.__name__}>, lr=1)",
    ),
    "generator": ((item for item in ()), "<generator object <genexpr>>"),
    "Ellipsis": (..., "Ellipsis"),
    "generic": (list[int], "list[int]"),
    "optional": (Optional[int], repr(Optional[int])),
}


class TestRules:
    @pytest.mark.parametrize("name", RULES)
    def test_a_value_with_a_rule(self, name, caplog):
        value, expected = RULES[name]
        encoded = encode({"value": value})
        assert repr(encoded) == repr({"value": expected})
        assert load(dump(encoded)) == encoded
        assert not caplog.records

    @pytest.mark.parametrize("name", TEXTS)
    def test_a_value_without_a_rule_is_its_repr_and_is_named_in_a_warning(self, name, caplog):
        value, expected = TEXTS[name]
        assert encode({"lr": [value]}, "args") == {"lr": [expected]}
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("meticulous", logging.WARNING)
        assert (
            record.getMessage() == f"args.lr.0 has no JSON form and is recorded as the text {expected:.200}"
        )

    def test_an_open_file_is_its_name(self, tmp_path):
        with open(tmp_path / "a", "w") as text, open(tmp_path / "a", "rb") as binary:
            assert encode([text, binary]) == [str(tmp_path / "a")] * 2

    def test_a_file_without_a_name_is_text(self):
        read, write = os.pipe()
        with open(read), open(write, "w") as file:
            assert "TextIOWrapper" in encode(file)

    def test_a_combination_of_flags_is_something(self):
        assert encode(Right.READ | Right.WRITE) in ("READ|WRITE", "WRITE|READ", 3)

    def test_a_path_that_is_not_utf8(self):
        assert through_disk({"path": pathlib.PurePosixPath("/\udcff")}) == {"path": r"/\udcff"}

    def test_a_field_of_a_dataclass_that_was_never_set_is_left_out(self):
        optimizer = Optimizer()
        assert "state" not in encode(optimizer)
        optimizer.state = 1
        assert encode(optimizer)["state"] == 1


class TestKeys:
    def test_become_text(self):
        keys = {
            1: "1",
            2.5: "2.5",
            None: "null",
            False: "false",
            (1, "a"): '[1, "a"]',
            Colour.RED: "RED",
            Mode.FAST: "fast",
            pathlib.PurePosixPath("a/b"): "a/b",
            np.int64(3): "3",
            math.nan: "NaN",
            b"b": "b'b'",
            function: f"{__name__}.function",
        }
        assert encode(dict.fromkeys(keys)) == dict.fromkeys(keys.values())

    def test_that_become_the_same_text_are_all_kept(self):
        value = {1: "a", "1": "b", "1'": "c", np.int8(2): "d", "2": "e"}
        assert encode(value) == {"1": "a", "1'": "b", "1''": "c", "2": "d", "2'": "e"}

    def test_of_objects_are_the_same_in_every_run(self):
        assert list(encode({object(): 1, object(): 2})) == ["<object object>", "<object object>'"]

    @given(st.dictionaries(st.none() | st.booleans() | st.integers() | finite | texts, st.integers()))
    def test_are_never_lost(self, value):
        assert list(through_disk(value).values()) == list(value.values())


class RaisingRepr:
    def __repr__(self):
        raise RuntimeError("repr")


class RaisingAttributes:
    def __getattr__(self, name):
        raise RuntimeError(name)


class RaisingEverything:
    def __getattribute__(self, name):
        raise RuntimeError(name)

    def __repr__(self):
        raise RuntimeError("repr")

    __hash__ = object.__hash__


class RaisingType(type):
    def __getattribute__(cls, name):
        raise RuntimeError(name)

    def __eq__(cls, other):
        raise RuntimeError("eq")

    __hash__ = type.__hash__


class OfRaisingType(metaclass=RaisingType):
    def __repr__(self):
        raise RuntimeError("repr")


class Endless:
    """Its `__getattr__` answers everything, and every answer is another such object."""

    def __getattr__(self, name):
        return Endless()

    def __call__(self, *args):
        return Endless()


class EndlessDict:
    def as_dict(self):
        return {"inner": EndlessDict()}


class RaisingAsDict:
    def as_dict(self):
        raise RuntimeError("as_dict")


class WrongAsDict:
    def as_dict(self, needed):
        return {}


class RaisingMapping(collections.abc.Mapping):
    def __getitem__(self, key):
        raise RuntimeError("item")

    def __iter__(self):
        return iter("ab")

    def __len__(self):
        return 2


class RaisingSequence(collections.abc.Sequence):
    def __getitem__(self, index):
        raise RuntimeError("item")

    def __len__(self):
        raise RuntimeError("len")


@dataclasses.dataclass
class RaisingField:
    a: int = 1

    def __getattribute__(self, name):
        if name == "a":
            raise RuntimeError("a")
        return super().__getattribute__(name)


class RaisingInt(int):
    def __int__(self):
        raise RuntimeError("int")

    def bit_length(self):
        raise RuntimeError("bit_length")


class RaisingPath:
    def __fspath__(self):
        raise RuntimeError("fspath")


class RaisingTolist:
    def tolist(self):
        raise RuntimeError("tolist")


def cyclic_list():
    value = [1]
    value.append(value)
    return value


def cyclic_dict():
    value = {}
    value["self"] = {"list": [value]}
    return value


def cyclic_namespace():
    value = argparse.Namespace()
    value.self = value
    return value


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


def deep_dict(levels):
    value = {}
    for _ in range(levels):
        value = {"": value}
    return value


HOSTILE = {
    "raising repr": RaisingRepr,
    "raising attributes": RaisingAttributes,
    "raising everything": RaisingEverything,
    "of raising type": OfRaisingType,
    "endless": Endless,
    "endless dict": EndlessDict,
    "raising as dict": RaisingAsDict,
    "wrong as dict": WrongAsDict,
    "raising mapping": RaisingMapping,
    "raising sequence": RaisingSequence,
    "raising field": RaisingField,
    "raising int": RaisingInt,
    "raising path": RaisingPath,
    "raising tolist": RaisingTolist,
    "cyclic list": cyclic_list,
    "cyclic dict": cyclic_dict,
    "cyclic namespace": cyclic_namespace,
    "a type that raises": lambda: OfRaisingType,
    "a key that raises": lambda: {RaisingEverything(): 1, RaisingRepr(): 2},
    "a set that raises": lambda: {RaisingEverything(), 1, "a"},
    "deep list": lambda: deep(100_000),
    "deep dict": lambda: deep_dict(100_000),
    "mock": mock.Mock,
    "magic mock": mock.MagicMock,
    "mock of a dict": lambda: mock.Mock(spec=dict),
    "mock of a dataclass": lambda: mock.Mock(spec=Optimizer),
    "structure of numpy": lambda: np.zeros(1, dtype=[("a", "O")])[0],
    "weird enum": lambda: enum.Enum("E", {"A": RaisingRepr()}).A,
    "huge integers": lambda: {2**100_000: -(2**100_000)},
}


class TestHostileValues:
    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    @pytest.mark.parametrize("name", HOSTILE)
    def test_become_strict_json(self, name):
        value = HOSTILE[name]()
        load(dump({"value": encode(value), "inside": encode([1, {"a": value}])}))
        if name.startswith("deep"):  # or Python itself runs out of stack when it frees them
            while value:
                value = value[0] if isinstance(value, list) else value[""]

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    @pytest.mark.parametrize("name", HOSTILE)
    def test_do_not_spoil_their_neighbours(self, name):
        encoded = encode({"before": 1, "value": HOSTILE[name](), "after": {"a": 2}})
        assert (encoded["before"], encoded["after"]) == (1, {"a": 2})

    def test_what_a_mapping_refuses_to_give_is_left_out(self, caplog):
        class Missing(collections.UserDict):
            def __getitem__(self, key):
                if self.data[key] == "???":
                    raise ValueError(key)
                return super().__getitem__(key)

        assert encode(Missing({"lr": 0.1, "data": "???"}), "args") == {"lr": 0.1}
        assert caplog.messages == ["args.data cannot be read (ValueError) and is left out"]

    def test_a_value_that_stands_twice_is_no_cycle(self):
        shared = [1]
        assert encode([shared, shared, {"a": shared}]) == [[1], [1], {"a": [1]}]

    def test_a_hundred_levels_are_kept(self):
        assert encode(deep(90)) == deep(90)

    def test_encode_even_where_little_stack_is_left(self):
        def at(depth):
            return encode(deep(99)) if depth == 0 else at(depth - 1)

        json.dumps(at(sys.getrecursionlimit() - 300))

    def test_a_mock_is_not_asked_for_what_it_would_answer(self):
        value = mock.MagicMock()
        encode(value)
        assert not value.as_dict.called
        assert not value.tolist.called

    def test_interruptions_are_not_swallowed(self):
        class Interrupting:
            def as_dict(self):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            encode(Interrupting())


objects = st.sampled_from([function, Class, object(), Colour.RED, Mode.FAST, Right.READ, Point(1, 2), ...])
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.binary(max_size=5)
    | st.complex_numbers()
    | st.decimals(allow_nan=False)
    | st.datetimes()
    | st.timedeltas()
    | st.uuids()
    | objects
)
hashable = st.recursive(
    scalars, lambda inner: st.frozensets(inner, max_size=4) | st.tuples(inner, inner), max_leaves=4
)
anything = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.builds(Point, inner, inner)
        | st.builds(lambda value: types.SimpleNamespace(value=value), inner)
    ),
)


@given(anything)
def test_anything_becomes_strict_json_that_stays_itself(value):
    encoded = encode(value)
    load(dump({"value": encoded}))
    assert canonical(encode(encoded)) == canonical(encoded)


@given(st.sets(scalars))
def test_sets_are_in_one_order_whatever_they_hold(values):
    forward = set(values)
    backward = set()
    for value in reversed(list(values)):
        backward.add(value)
    assert canonical(encode(forward)) == canonical(encode(backward))


PROGRAM = """
import functools, json, sys, threading
from meticulous._disk.encode import dump, encode
class Thing: pass
print(dump(encode({
    "set": {"a", "b", 1, None, ("c", 2), frozenset("defg"), Thing},
    "objects": [Thing(), lambda: 0, functools.partial(Thing().__init__, Thing()), threading.Lock()],
    "keys": {Thing(): 1, Thing(): 2},
    "function": Thing.__init__,
})).decode())
"""


def test_two_runs_of_a_program_encode_equal():
    def run(seed):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", PROGRAM]
        return subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout

    assert run("1") == run("2") != b""


class TestWhatMustBeAnObject:
    @pytest.mark.parametrize("value", [{}, argparse.Namespace(), Config(), WithAsDict(), Point(1, 2)])
    def test_is_one(self, value):
        assert isinstance(encode_object(value, "args"), dict)

    @pytest.mark.parametrize(
        "value", [[], 1, "text", None, object(), {1, 2}, Config, operator.add, Colour.RED]
    )
    def test_or_is_refused_with_the_remedy(self, value):
        with pytest.raises(TypeError, match=r"^args must be a mapping.*: give its values names"):
            encode_object(value, "args")
