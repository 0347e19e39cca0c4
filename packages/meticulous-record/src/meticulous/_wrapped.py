"""An attribute that is another one for a time."""

from __future__ import annotations

from typing import Any, Callable

__all__ = ["Wrapped"]


class Wrapped:
    """`wrapper` in the place of `owner`'s attribute `name`, until `undo`.

    Raises:
        AttributeError: nothing can be set on `owner`.
    """

    def __init__(self, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
        self._owner, self._name, self._wrapper = owner, name, wrapper
        self._original = getattr(owner, name)
        self._was_its_own = name in getattr(owner, "__dict__", ())
        setattr(owner, name, wrapper)

    def undo(self) -> None:
        """Put the original back. Whoever wrapped `wrapper` in the meantime keeps it below theirs."""
        if getattr(self._owner, self._name, None) is not self._wrapper:
            return
        if not self._was_its_own:
            try:
                delattr(self._owner, self._name)  # its class's shows again
                return
            except AttributeError:
                pass  # a proxy, which has set it on something else
        setattr(self._owner, self._name, self._original)
