"""The page's temporary folder: what a browser or a client sent, as it came, and what the page made of it.

Only files that were uploaded to this page may be read.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from deepdect.texts import Texts


@dataclass(frozen=True)
class Upload:
    """A file in the page's temporary folder, and what its sender called it."""

    file: Path
    name: str


def upload(sent: dict[str, Any] | None, text: Texts) -> Upload | None:
    """sent: Gradio's FileData or ImageData. None where nothing was sent. Raises gr.Error for a file from elsewhere."""
    if not sent or not sent.get("path"):
        return None
    path = Path(sent["path"]).resolve()
    # Gradio holds a path to this rule only where the sender marks it as a file, and the sender may choose not to.
    if not path.is_relative_to(Path(get_upload_folder()).resolve()):
        raise gr.Error(text.not_uploaded, title=text.statuses["unreadable"], print_exception=False)
    return Upload(path, sent.get("orig_name") or path.name)


def own_folder() -> Path:
    """A new folder for files that the page makes; they are deleted at the age at which uploads are."""
    parent = Path(get_upload_folder())
    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="made-", dir=parent))
