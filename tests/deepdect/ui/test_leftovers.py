from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deepdect.ui import leftovers, uploads


def test_only_old_files_go_and_those_that_the_page_shows_stay(tmp_path):
    old, new, face, example = (tmp_path / name for name in ("tmpold", "tmpnew", "hash/image.png", "other/real.png"))
    for file in (old, new, face, example):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x")
    for file in (old, face, example, face.parent):
        os.utime(file, (time.time() - 100,) * 2)
    assert leftovers.sweep(tmp_path, 50, {str(example)}) == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["hash", "other", "real.png", "tmpnew"]
    os.utime(face.parent, (time.time() - 100,) * 2)  # it was emptied just now
    assert leftovers.sweep(tmp_path, 50, {str(example)}) == 0 and not face.parent.exists()
    assert leftovers.sweep(tmp_path / "missing", 50) == 0


def test_the_page_s_own_folders_go_as_well(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    old, new = uploads.own_folder(), uploads.own_folder()
    for folder in (old, new):
        (folder / "0.png").write_bytes(b"x")
    os.utime(old / "0.png", (time.time() - 100,) * 2)
    assert leftovers.sweep(tmp_path, 50) == 1
    assert not (old / "0.png").exists() and (new / "0.png").exists()


def test_what_cannot_be_deleted_does_not_keep_the_others(tmp_path, monkeypatch, caplog):
    for name in ("tmpa", "tmpb"):
        (tmp_path / name).write_bytes(b"x")
    unlink = Path.unlink

    def refuse_one(file: Path) -> None:
        if file.name == "tmpa":
            raise PermissionError("not yours")
        unlink(file)

    monkeypatch.setattr(Path, "unlink", refuse_one)
    assert leftovers.sweep(tmp_path, -1) == 1
    assert (tmp_path / "tmpa").exists() and not (tmp_path / "tmpb").exists()
    assert "tmpa" in caplog.text and "not yours" in caplog.text


def test_it_sweeps_while_the_app_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    file = tmp_path / "tmphalf"

    async def run() -> None:
        async with leftovers.sweeping(None, every=0.01, age=-1):
            file.write_bytes(b"half a picture")
            for _ in range(500):
                await asyncio.sleep(0.01)
                if not file.exists():
                    return

    # in a thread of its own: the browser tests' Playwright leaves an event loop running in this one
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, run()).result()
    assert not file.exists()
