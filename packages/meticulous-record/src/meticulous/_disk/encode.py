"""Any Python value as JSON: by what it can do, importing none of the libraries it may come from."""

from __future__ import annotations

import argparse
import datetime
import enum
import json
import math
import numbers
import os
import re
import types
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, Union

from meticulous._log import logger

__all__ = ["canonical", "dump", "encode", "encode_object"]

JSON = Union[None, bool, int, float, str, list[Any], dict[str, Any]]

# Deeper values become text: readers in other languages stop at a few hundred levels.
_DEPTH = 100
# Python refuses to print integers of more digits than a limit that can be set, at the least to 640.
_INTEGER_BITS = 2048
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def encode(value: object, where: str = "value") -> JSON:
    """`value` as what `json` can write, without ever raising.

    Mappings, namespaces, dataclasses, named tuples and objects with `as_dict()` become objects; sequences,
    sets (sorted) and arrays lists; enums their name, or their value where they are strings or numbers;
    paths, dates and numbers of other kinds text; functions and classes their qualified name; non-finite
    floats the strings "NaN", "Infinity" and "-Infinity" (spec 1.0, JSON). All else is recorded as its `repr`
    without memory addresses, so that two runs of the same program agree, and `where` is named in a log line.
    So is what a mapping has a key for and refuses to give, which is left out.
    """
    return _encode(value, where, ())


def encode_object(value: object, where: str) -> dict[str, JSON]:
    """The same for what must be a JSON object.

    Raises:
        TypeError: `value` has no names: it is a list, a number, a text.
    """
    encoded = encode(value, where)
    if not isinstance(encoded, dict):
        raise TypeError(
            f"{where} must be a mapping, a namespace or a dataclass, not {type(value).__name__}: "
            f"give its values names, as in {{'values': …}}"
        )
    return encoded


def dump(value: JSON) -> bytes:
    """An encoded value as the bytes of a file (spec 1.0, JSON)."""
    text = json.dumps(value, indent=4, ensure_ascii=False, allow_nan=False) + "\n"
    return _without_surrogates(text).encode()


def canonical(value: JSON) -> str:
    """A text that is the same for two encoded values exactly when they are the same, key order aside."""
    return _without_surrogates(json.dumps(value, sort_keys=True, ensure_ascii=False))


def _without_surrogates(text: str) -> str:
    """Return JSON in which a surrogate, which has no form in UTF-8, is the text of its escape.

    Strict parsers (Rust's serde_json, Perl's JSON::PP) refuse a whole file for the escape itself.
    """
    return re.sub("[\ud800-\udfff]", lambda found: f"\\\\u{ord(found[0]):04x}", text)


def _encode(value: Any, where: str, ancestors: tuple[int, ...]) -> JSON:
    if value is None or type(value) is bool or type(value) is str:
        return value
    if id(value) in ancestors or len(ancestors) >= _DEPTH:
        return _text(value, where)
    try:
        return _convert(value, where, (*ancestors, id(value)))
    except Exception:  # noqa: BLE001 - foreign code ran (properties, as_dict, …); an argument never ends a run
        return _text(value, where)


def _convert(value: Any, where: str, ancestors: tuple[int, ...]) -> JSON:
    def inner(item: object, name: object) -> JSON:
        return _encode(item, f"{where}.{name}", ancestors)

    if isinstance(value, enum.Enum):
        # A combination of flags has no name before Python 3.11.
        named = not isinstance(value, (str, int, float)) and value.name is not None
        return str(value.name) if named else _encode(value.value, where, ancestors)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value) if value.bit_length() <= _INTEGER_BITS else hex(value)
    if isinstance(value, float):
        return _number(float(value))
    if isinstance(value, (bytes, bytearray)):
        return repr(bytes(value))
    if isinstance(getattr(value, "__qualname__", None), str):  # a function or a class
        return _qualified_name(value)
    # Methods are looked for on the type: an object whose `__getattr__` answers everything has none of them.
    for method in ("as_dict", "_asdict", "model_dump"):
        if callable(getattr(type(value), method, None)):
            as_dict = getattr(value, method)()
            if isinstance(as_dict, Mapping):
                return _encode(as_dict, where, ancestors)
    if hasattr(type(value), "__dataclass_fields__"):
        import dataclasses

        names = [field.name for field in dataclasses.fields(value)]
        return {name: inner(getattr(value, name), name) for name in names if hasattr(value, name)}
    if isinstance(value, (argparse.Namespace, types.SimpleNamespace)):
        value = vars(value)
    if isinstance(value, Mapping):
        return _mapping(value, where, ancestors)
    if isinstance(value, Set):
        return sorted((_encode(item, where, ancestors) for item in list(value)), key=_order)
    if isinstance(value, Sequence):
        return [inner(item, index) for index, item in enumerate(value)]
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(value)
    for method in ("tolist", "item"):  # arrays, tensors and their scalars
        if callable(getattr(type(value), method, None)):
            plain = getattr(value, method)()
            if type(plain) is not type(value):
                return _encode(plain, where, ancestors)
    if isinstance(value, numbers.Number):  # complex, Decimal, Fraction
        return str(value)
    if callable(getattr(type(value), "fileno", None)) and isinstance(getattr(value, "name", None), str):
        return str(value.name)  # an open file, as argparse.FileType makes them
    return _text(value, where)


def _mapping(value: Mapping[Any, Any], where: str, ancestors: tuple[int, ...]) -> dict[str, JSON]:
    result: dict[str, JSON] = {}
    for key, item in _items(value, where):
        name = _key(key)
        while name in result:  # {1: …, "1": …}: both are kept
            name += "'"
        result[name] = _encode(item, f"{where}.{name}", ancestors)
    return result


def _items(value: Mapping[Any, Any], where: str) -> Iterator[tuple[Any, Any]]:
    # Lists are made in one go, before another thread can change what they are made of.
    if isinstance(value, dict):
        yield from list(value.items())
        return
    for key in list(value):
        try:
            item = value[key]
        except Exception as error:  # noqa: BLE001 - foreign code; one value is no reason to lose the others
            why = type(error).__name__
            if (
                why != "MissingMandatoryValue"
            ):  # OmegaConf's "???": nobody has given it a value, nothing is lost
                logger.warning("%s.%s cannot be read (%s) and is left out", where, _key(key), why)
        else:
            yield key, item


def _key(key: object) -> str:
    if isinstance(key, str) and not isinstance(key, enum.Enum):
        return str.__str__(key)
    encoded = _encode(key, "key", ())
    return encoded if isinstance(encoded, str) else json.dumps(encoded, ensure_ascii=False)


def _order(item: JSON) -> tuple[int | float, str]:
    """The order of a set: numbers by their value, then all else by its text."""
    return (item, "") if isinstance(item, (int, float)) else (math.inf, canonical(item))


def _number(value: float) -> JSON:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _qualified_name(value: Any) -> str:
    module = value.__module__
    return str(value.__qualname__) if module in (None, "builtins") else f"{module}.{value.__qualname__}"


def _text(value: object, where: str) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a repr that raises is somebody's bug, not a reason to stop a run
        text = object.__repr__(value)
    text = _ADDRESS.sub("", text)
    logger.warning("%s has no JSON form and is recorded as the text %.200s", where, text)
    return text
