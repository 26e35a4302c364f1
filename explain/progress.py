"""Progress of the measuring commands, on standard error: standard output is for their tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")
_console = Console(stderr=True)


def follow(items: Sequence[Item], description: str) -> Iterable[Item]:
    """The items one after another, with a bar that shows how far they are."""
    return track(items, description=description, console=_console)
