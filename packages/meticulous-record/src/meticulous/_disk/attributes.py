"""The names and values of an object: by its kind, by a method that is for that, or by its attributes."""

from __future__ import annotations

import argparse
import enum
import types
from collections.abc import Mapping
from typing import Any

__all__ = ["as_mapping", "attributes", "fields"]


def as_mapping(value: Any) -> Mapping[Any, Any] | None:
    """Return the names and values of an object that has them by its kind, or by a method that is for that.

    Methods are looked for on the type: an object whose `__getattr__` answers everything has none of them.
    """
    kind = type(value)
    if isinstance(found := _call(value, "as_dict", "_asdict", "model_dump"), Mapping):
        return found
    if isinstance(value, (argparse.Namespace, types.SimpleNamespace)):
        return vars(value)
    if (names := fields(kind)) is not None:
        return {name: getattr(value, name) for name in names if hasattr(value, name)}
    methods = ("to_dict", "dict") if hasattr(kind, "__fields__") else ("to_dict",)  # of pydantic 1
    found = _call(value, *methods)
    return found if isinstance(found, Mapping) else None


def _call(value: Any, *methods: str) -> Any:
    """Call the first of these methods that the value's type has."""
    for method in methods:
        if callable(getattr(type(value), method, None)):
            return getattr(value, method)()
    return None


def fields(kind: Any) -> list[str] | None:
    """Return what the fields of a dataclass, of attrs' or of msgspec's classes are called; None of others."""
    if hasattr(kind, "__dataclass_fields__"):
        import dataclasses

        return [field.name for field in dataclasses.fields(kind)]
    if hasattr(kind, "__attrs_attrs__"):
        return [field.name for field in kind.__attrs_attrs__]
    return list(kind.__struct_fields__) if hasattr(kind, "__struct_fields__") else None


def attributes(value: Any) -> dict[str, Any]:
    """Return the data of an object, a class or a module: no methods, and no names of the language's own."""
    if isinstance(value, types.ModuleType):
        return {name: item for name, item in vars(value).items() if _is_data(name, item)}
    found: dict[str, Any] = {}
    is_class = isinstance(value, type)
    kinds: tuple[Any, ...] = (value if is_class else type(value)).__mro__
    for kind in reversed(kinds):
        for name, item in vars(kind).items():
            # class Config: class optimizer: lr = 0.1
            is_inner = isinstance(item, type) and item.__qualname__ == f"{kind.__qualname__}.{name}"
            if is_inner and "__init__" not in vars(item) and not issubclass(item, enum.Enum):
                found[name] = attributes(item)
            elif _is_data(name, item):
                found[name] = item
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not is_class and hasattr(value, name):
                found[name] = getattr(value, name)
    own = {} if is_class else getattr(value, "__dict__", {})
    return {**found, **{name: item for name, item in own.items() if not name.startswith("__")}}


def _is_data(name: str, item: Any) -> bool:
    """Return whether what a class or a module has is a value: no function, no class, nothing imported."""
    imported = (type, types.ModuleType, types.BuiltinFunctionType)
    is_foreign = isinstance(item, imported) or type(item).__module__ in ("typing", "__future__")
    return not (name.startswith("_") or is_foreign or hasattr(type(item), "__get__"))
