"""Visitors' pictures, what the page made of them, and uploads that broke off, deleted in time.

Gradio deletes only the files that it knows of: not those of a component that an event has changed, which it copies for
the visitor, nor those that it never finished receiving.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from deepdect.ui.page import CACHE_SECONDS

LOG = logging.getLogger("deepdect")


def sweep(folder: Path, age: float, keep: Set[str] = frozenset()) -> int:
    """Delete every file in the folder, however deep, that was not written to for `age` seconds; return how many.

    keep: paths that stay. Folders that are empty by then go as well.
    """
    deleted = 0
    for path in sorted(folder.rglob("*"), reverse=True):  # what a folder holds before the folder
        try:
            if time.time() - path.lstat().st_mtime <= age or str(path) in keep:
                continue
            if not path.is_dir():
                path.unlink()
                deleted += 1
            elif not any(path.iterdir()):
                path.rmdir()
        except FileNotFoundError:  # Gradio moved it meanwhile
            continue
        except OSError as error:  # the others are to go all the same
            LOG.warning("%s cannot be deleted: %s", path, error)
    return deleted


def _lasting(app: Any) -> set[str]:
    """The files that the page shows for as long as it runs: its examples."""
    blocks = app.get_blocks().blocks.values() if app else ()
    return {str(path) for block in blocks for path in getattr(block, "keep_in_cache", ())}


@asynccontextmanager
async def sweeping(app: Any, every: float = CACHE_SECONDS[0], age: float = CACHE_SECONDS[1]) -> AsyncIterator[None]:
    """A lifespan: sweeps the upload folder while the app runs."""

    async def work() -> None:
        while True:
            await asyncio.sleep(every)
            await asyncio.to_thread(sweep, Path(get_upload_folder()), age, _lasting(app))

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
