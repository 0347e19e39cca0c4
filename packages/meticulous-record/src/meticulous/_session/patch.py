"""An attribute that is another one for a time."""

from __future__ import annotations

from typing import Any, Callable

__all__ = ["Wrapped"]


class Wrapped:
    """`wrapper` in the place of the attribute `name` of `owner` itself, until `undo`.

    Not by `setattr`: objects that stand for another one may hand it on to that one, which would then call
    itself.

    Raises:
        AttributeError: nothing can be set on `owner`.
    """

    def __init__(self, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
        self._owner, self._name, self._wrapper = owner, name, wrapper
        self._kind: Any = type if isinstance(owner, type) else object
        self._original = getattr(owner, name)
        try:
            self._was_its_own = name in owner.__dict__
            self._kind.__setattr__(owner, name, wrapper)
        except TypeError as error:
            raise AttributeError(str(error)) from error

    @property
    def is_in_place(self) -> bool:
        """Whether nobody has set it to something else since."""
        return self._owner.__dict__.get(self._name) is self._wrapper

    def undo(self) -> None:
        """Put the original back. Whoever wrapped `wrapper` in the meantime keeps it below theirs."""
        if not self.is_in_place:
            return
        if self._was_its_own:
            self._kind.__setattr__(self._owner, self._name, self._original)
        else:
            self._kind.__delattr__(self._owner, self._name)  # its class's shows again
