"""Sentences about a picture that Python returns: English text that remembers what it says, so it can be translated."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepdect.figures import NARROW_NBSP

LANGUAGES = Path(__file__).with_name("languages")
ENGLISH: dict[str, str] = tomllib.loads((LANGUAGES / "en.toml").read_text(encoding="utf-8"))["messages"]


class Message(str):
    """An English sentence with the key and the values that it was made of.

    key: of `[messages]` in languages/en.toml. values: what the sentence's braces stand for; one may be a Message, or a
    tuple of words, which is written as a list.
    Raises KeyError for an unknown key or a missing value.
    """

    key: str
    values: dict[str, Any]

    def __new__(cls, key: str, **values: Any) -> Message:
        written = {name: ", ".join(value) if isinstance(value, tuple) else value for name, value in values.items()}
        self = super().__new__(cls, ENGLISH[key].format(**written))
        self.key, self.values = key, values
        return self

    def worded(self, templates: Mapping[str, str], between: str) -> str:
        """The sentence by another language's `[messages]`. between: what stands between two words of a list there."""
        worded = {name: _worded(value, templates, between) for name, value in self.values.items()}
        return templates[self.key].format(**worded)

    def __reduce__(self) -> tuple[Any, ...]:  # so that it survives pickling between processes
        return _rebuild, (self.key, self.values)


class _Grouped(int):
    """A number whose thousands stand apart by a narrow space: a comma is the decimal sign of half of the languages."""

    def __format__(self, spec: str) -> str:
        return super().__format__(spec).replace(",", NARROW_NBSP)


def _worded(value: Any, templates: Mapping[str, str], between: str) -> Any:
    if isinstance(value, Message):
        return value.worded(templates, between)
    if isinstance(value, tuple):
        return between.join(value)
    return _Grouped(value) if type(value) is int else value


def _rebuild(key: str, values: dict[str, Any]) -> Message:
    return Message(key, **values)
