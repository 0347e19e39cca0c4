"""Any Python value as JSON: by what it can do, importing none of the libraries it may come from."""

from __future__ import annotations

import datetime
import enum
import itertools
import json
import math
import numbers
import os
import re
import types
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, Union

from meticulous._disk.attributes import as_mapping, attributes, fields
from meticulous._log import logger, warn
from meticulous.errors import ArgumentsError, listed

__all__ = ["JSON", "Lost", "canonical", "dump", "encode", "encode_object", "lost"]

JSON = Union[None, bool, int, float, str, list[Any], dict[str, Any]]

# Deeper values become text: readers in other languages stop at a few hundred levels.
_DEPTH = 100
# What has more items, or characters, becomes text, too: one value is not all of a file.
_ITEMS = 2**17
_CHARACTERS = 2**22
# So does what reaches beyond this: readers take files of 16 MiB (READ-14). A seventh less, for half
# characters take 7 bytes where 6 are counted.
_FILE_SIZE = 13 * 2**20
# For the text in the place of a value.
_DESCRIPTION = 200
# Python refuses to print integers of more digits than a limit that can be set, at the least to 640.
_INTEGER_BITS = 2048
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class Lost(str):
    """A text that does not say all of its value: it equals nothing where two runs are compared."""


def encode(value: object, where: str = "value") -> JSON:
    """Return `value` as what `json` can write, without ever raising.

    Mappings, namespaces, dataclasses, attrs, named tuples, objects with `to_dict()` and its like, and plain
    objects become objects; sequences, sets (sorted) and arrays lists; enums their name, or their value where
    they are strings or numbers; paths, dates and numbers of other kinds text; functions and classes their
    qualified name; non-finite floats the strings "NaN", "Infinity" and "-Infinity" (spec 1.0, JSON). All else
    is recorded as its text without memory addresses, so that two runs of the same program agree, and `where`
    is named in a log line. So is what is too large, and what a mapping has a key for and refuses to give.
    """
    return _Encoder(named=False).encode(value, where)


def encode_object(value: object, where: str) -> dict[str, JSON]:
    """Return the same for what must be a JSON object; a class, a module, any object with attributes will do.

    Raises:
        ArgumentsError: `value` has no names: it is a list, a number, a text.
    """
    encoded = _Encoder(named=True).encode(value, where)
    if not isinstance(encoded, dict):
        raise ArgumentsError(
            f"{where} must be a mapping, a namespace, a dataclass or another object with attributes, not "
            f"{type(value).__name__}: give its values names, as in {{'values': …}}",
            found=type(value).__name__,
        )
    return encoded


def lost(value: JSON, where: str) -> Iterator[str]:
    """Return what the values in `value` are called that equal nothing."""
    if isinstance(value, Lost):
        yield f"{where} ({value})"
    elif isinstance(value, (dict, list)):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from lost(item, f"{where}.{name}")


def dump(value: JSON) -> bytes:
    """Return an encoded value as the bytes of a file (spec 1.0, JSON)."""
    text = json.dumps(value, indent=4, ensure_ascii=False, allow_nan=False) + "\n"
    return _without_surrogates(text).encode()


def canonical(value: JSON) -> str:
    """Return a text that is the same for two encoded values exactly when they are.

    The order of keys does not count, nor how a number is written: a default of 0 is the 0.0 that is passed.
    """
    return _without_surrogates(json.dumps(_whole(value), sort_keys=True, ensure_ascii=False))


def _whole(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _without_surrogates(text: str) -> str:
    """Return JSON in which a surrogate, which has no form in UTF-8, is the text of its escape.

    Strict parsers (Rust's serde_json, Perl's JSON::PP) refuse a whole file for the escape itself.
    """
    return re.sub("[\ud800-\udfff]", lambda found: f"\\\\u{ord(found[0]):04x}", text)


class _TooLarge(Exception):
    """What is being encoded does not fit into its place."""


class _Encoder:
    """One value being encoded; counts what its text will take, so that lazy and endless ones end."""

    def __init__(self, *, named: bool) -> None:
        self._named = named
        self._left = _FILE_SIZE
        self._large: list[str] = []

    def encode(self, value: Any, where: str) -> JSON:
        """Encode the whole value, and say once what was too large."""
        encoded = self._any(value, where, ())
        if self._large:
            names = listed(self._large)
            warn(f"{names}: too large to be recorded, so only that is recorded", kind="large", about=names)
        return encoded

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise _TooLarge

    def _described(self, value: Any, where: str) -> str:
        """Return a text for what is too large."""
        self._large.append(where)
        kind = type(value).__name__
        try:
            if isinstance(getattr(value, "shape", None), tuple):
                return Lost(f"<{kind} shape={tuple(value.shape)}>")
            return Lost(f"<{kind} of {len(value)} {'characters' if isinstance(value, str) else 'items'}>")
        except Exception:  # noqa: BLE001 - foreign code
            return Lost(f"<{kind}>")

    def _any(self, value: Any, where: str, ancestors: tuple[int, ...]) -> JSON:
        left = self._left
        try:
            if id(value) in ancestors or len(ancestors) >= _DEPTH:
                encoded: JSON = _text(value, where)
            else:
                encoded = self._convert(value, where, (*ancestors, id(value)))
            if ancestors:
                self._take(_length(encoded) + 4 * len(ancestors))
            return encoded
        except _TooLarge:
            if len(ancestors) != 1:
                raise
            self._left = left - _DESCRIPTION
            return self._described(value, where)
        except Exception:  # noqa: BLE001 - foreign code ran (properties, as_dict, …); no argument ends a run
            return _text(value, where)

    def _convert(self, value: Any, where: str, ancestors: tuple[int, ...]) -> JSON:
        if value is None or type(value) is bool:
            return value
        named = self._named and len(ancestors) == 1
        if isinstance(value, enum.Enum):
            # A combination of flags has no name before Python 3.11.
            is_named = not isinstance(value, (str, int, float)) and value.name is not None
            return str(value.name) if is_named else self._any(value.value, where, ancestors)
        if isinstance(value, (str, bytes, bytearray)) and len(value) > _CHARACTERS:
            return self._described(value, where)
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int):
            return int(value) if value.bit_length() <= _INTEGER_BITS else hex(value)
        if isinstance(value, float):
            number = float(value)  # of a subclass, too
            return number if math.isfinite(number) else json.dumps(number)
        if isinstance(value, (bytes, bytearray)):
            return repr(bytes(value))
        # A function or a class, and no list[int], which has the name of its class.
        if isinstance(getattr(value, "__qualname__", None), str) and not hasattr(value, "__args__"):
            if named and isinstance(value, type) and fields(value) is None:
                return self._mapping(attributes(value), where, ancestors)
            return _qualified_name(value)
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple) and math.prod(shape) > _ITEMS:  # a table's methods would make all of it
            return self._described(value, where)
        names = value if isinstance(value, Mapping) else as_mapping(value)
        if names is not None:
            return self._mapping(names, where, ancestors)
        if isinstance(value, (Set, Sequence)):
            items = list(itertools.islice(value, _ITEMS + 1))
            if len(items) > _ITEMS:
                return self._described(value, where)
            encoded = [self._any(item, f"{where}.{index}", ancestors) for index, item in enumerate(items)]
            return sorted(encoded, key=_order) if isinstance(value, Set) else encoded
        if isinstance(value, os.PathLike):
            return os.fsdecode(value)
        if isinstance(value, (datetime.date, datetime.time)):
            return value.isoformat()
        for method in ("tolist", "item"):  # arrays, tensors and their scalars
            if callable(getattr(type(value), method, None)):
                plain = getattr(value, method)()
                if type(plain) is not type(value):
                    return self._any(plain, where, ancestors)
        if callable(getattr(type(value), "fileno", None)) and isinstance(getattr(value, "name", None), str):
            return str(value.name)  # an open file, as argparse.FileType makes them
        if isinstance(value, numbers.Number):  # complex, Decimal, Fraction
            return str(value)
        kind: Any = type(value)
        if kind.__str__ is not object.__str__ and not named:  # durations, devices, UUIDs
            text = str(value)
            return _text(value, where) if _ADDRESS.search(text + repr(value)) else text
        if (named or kind.__repr__ is object.__repr__) and (found := attributes(value)):
            return self._mapping(found, where, ancestors)
        return _text(value, where)

    def _mapping(self, value: Mapping[Any, Any], where: str, ancestors: tuple[int, ...]) -> JSON:
        is_whole = len(ancestors) == 1
        if len(value) > _ITEMS and not is_whole:
            return self._described(value, where)
        result: dict[str, JSON] = {}
        for key, item in _items(value, where):
            name = _key(key)
            while name in result:  # {1: …, "1": …}: both are kept
                name += "'"
            size = _length(name) + 4
            if is_whole and self._left < size + _DESCRIPTION:
                self._large.append(f"{where}.{name} and what follows")
                break
            self._take(size)
            result[name] = self._any(item, f"{where}.{name}", ancestors)
        return result


def _items(value: Mapping[Any, Any], where: str) -> Iterator[tuple[Any, Any]]:
    # Lists are made in one go, before another thread can change what they are made of.
    if isinstance(value, dict):
        yield from list(value.items())
        return
    for key in list(itertools.islice(value, _FILE_SIZE // 4)):  # no name takes less
        try:
            item = value[key]
        except Exception as error:  # noqa: BLE001 - foreign code; one value is no reason to lose the others
            why = type(error).__name__
            # OmegaConf's "???": nobody has given it a value, nothing is lost.
            if why != "MissingMandatoryValue":
                logger.warning("%s.%s cannot be read (%s) and is left out", where, _key(key), why)
        else:
            yield key, item


def _key(key: object) -> str:
    if isinstance(key, str) and not isinstance(key, enum.Enum):
        return str.__str__(key)
    encoded = encode(key, "key")
    return encoded if isinstance(encoded, str) else json.dumps(encoded, ensure_ascii=False)


def _order(item: JSON) -> tuple[int | float, str]:
    """Return the order of a set: numbers by their value, then all else by its text."""
    return (item, "") if isinstance(item, (int, float)) else (math.inf, canonical(item))


def _qualified_name(value: Any) -> str:
    module = value.__module__
    name = str(value.__qualname__) if module in (None, "builtins") else f"{module}.{value.__qualname__}"
    # A lambda's name is not its own, and a function in another, or of an object, is more than its name.
    owner = getattr(value, "__self__", None)
    is_known = "<" not in name and (owner is None or isinstance(owner, (type, types.ModuleType)))
    return name if is_known else Lost(name)


def _text(value: object, where: str) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a repr that raises is somebody's bug, not a reason to stop a run
        text = object.__repr__(value)
    known = _ADDRESS.sub("", text)
    logger.warning("%s has no JSON form and is recorded as the text %.200s", where, known)
    return text if text == known else Lost(known)


def _length(encoded: JSON) -> int:
    """Return how many bytes an encoded value takes at the most, without what it contains."""
    if isinstance(encoded, str):
        return len(json.encoder.encode_basestring_ascii(encoded)) + 2
    return encoded.bit_length() // 3 + 4 if type(encoded) is int else 26
