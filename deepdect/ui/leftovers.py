"""Uploads that broke off, and files that the page made: Gradio deletes only the files that it knows of."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from deepdect.ui.page import CACHE_SECONDS
from deepdect.ui.uploads import OURS

LOG = logging.getLogger("deepdect")


def sweep(folder: Path, age: float) -> int:
    """Delete the files that lie directly in the folder, and the page's own folders, that were not written to for `age`
    seconds; return how many.

    A complete upload is moved into a folder of its own, so what stays here is being written, or was left behind.
    """
    deleted = 0
    for file in folder.glob("*"):
        try:
            if time.time() - file.stat().st_mtime <= age:
                continue
            if file.is_file():
                file.unlink()
                deleted += 1
            elif file.name.startswith(OURS):
                shutil.rmtree(file)
                deleted += 1
        except FileNotFoundError:  # Gradio moved it meanwhile
            continue
        except OSError as error:  # the others are to go all the same
            LOG.warning("%s cannot be deleted: %s", file, error)
    return deleted


@asynccontextmanager
async def sweeping(app: Any, every: float = CACHE_SECONDS[0], age: float = CACHE_SECONDS[1]) -> AsyncIterator[None]:
    """A lifespan: sweeps the upload folder while the app runs."""

    async def work() -> None:
        while True:
            await asyncio.sleep(every)
            await asyncio.to_thread(sweep, Path(get_upload_folder()), age)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
