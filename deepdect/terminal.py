"""What the commands print with: names as they are, no message broken within a path, no letter that stops a run."""

from __future__ import annotations

import os
import sys
import warnings
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from deepdect.images import printable
from deepdect.scan_rows import json_line

# emoji: ":smile:" in a file's name is part of the name
console = Console(highlight=False, soft_wrap=True, emoji=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def lenient() -> None:
    """From now on letters that the terminal's encoding lacks are printed as escapes, since they would end the run, and
    what Pillow warns of is not printed: a file's result says what is wrong with it."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def plain(words: str) -> str:
    """Words that mean no markup. (By itself, `escape` doubles a backslash at their end.)"""
    return escape(f"{words}.")[:-1]


def shown(path: str | os.PathLike[str]) -> str:
    """A file's name as it may be printed."""
    return plain(printable(os.fspath(path)))


def print_json(row: dict[str, Any]) -> None:
    """One JSON object on a line of standard output, in UTF-8 whatever the terminal's encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(json_line(row))
    sys.stdout.buffer.flush()


def unwritable(file: Path) -> str:
    """Why a file cannot be written there, as far as can be known before; "" where it can."""
    if not file.absolute().parent.is_dir():
        return "its folder does not exist"
    if file.is_dir():
        return "it is a folder"
    if not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
        return "no permission to write there"
    return ""
