"""The folder to push to a Hugging Face Space: `python -m deepdect.ui.space FOLDER` (or `make space`).

The README's front matter configures the Space. Hosting installs `requirements.txt`, so there the lock stands in its
place: the same versions that are tested here, without the hashes, which pip would then ask of Hugging Face's own
packages, too. Those install `gradio[oauth,mcp]` in the same step, which limits the versions of some others.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS: tuple[str, ...] = ("app.py", "deepdect", "explain", "models", "docs", "LICENSE")
PARTS += ("README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff")
THEIRS = r"(mcp|mcp-types|pydantic|pydantic-core)\b(?!-)"  # left to the host; the page itself imports no MCP
MARK = ".deepdect-space"  # only a folder with this file is ever emptied
LARGE = ("*.npz", "*.bin", "*.png")  # Hugging Face takes binary files through Git LFS alone


def build(folder: Path, root: Path = ROOT) -> None:
    """Write the folder; an earlier one is replaced, its Git history kept.

    Raises FileExistsError where something else is in its place, and FileNotFoundError naming a missing part.
    """
    if folder.exists() and not (folder / MARK).is_file() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} holds other files than an earlier Space: choose another folder, or empty it")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    for old in folder.iterdir():
        if old.name in (".git", MARK):
            continue
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    for part in PARTS:
        source, target = root / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copyfile(source, target)
    (folder / "requirements.txt").write_text(pins((root / "requirements.lock").read_text()))
    (folder / ".gitattributes").write_text("".join(f"{kind} filter=lfs diff=lfs merge=lfs -text\n" for kind in LARGE))


def pins(lock: str) -> str:
    """A lock without its hashes and comments: one requirement a line."""
    joined = lock.replace("\\\n", " ")
    lines = (re.sub(r"\s+--hash=\S+", "", line).strip() for line in joined.splitlines())
    kept = (line for line in lines if line and not line.startswith("#") and not re.match(THEIRS, line))
    return "".join(f"{line}\n" for line in kept)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m deepdect.ui.space FOLDER")
    build(Path(sys.argv[1]))
    print(f"{sys.argv[1]} is ready to be pushed: see README.md, Host it")
