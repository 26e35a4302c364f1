"""Which files a folder or a list names."""

from __future__ import annotations

import os

import pytest

from deepdect.scan_inputs import Inputs
from deepdect.scan_rows import ScanError


def test_a_folder_is_searched_to_the_bottom_for_pictures(tmp_path):
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "folder.jpg").mkdir()
    for name in ("a.JPG", "notes.txt", "deep/b.png", "deep/deeper/c.webp", "folder.jpg/d.heic", "jpg"):
        (tmp_path / name).touch()
    (tmp_path / "dangling.png").symlink_to("nowhere.png")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    (tmp_path / "circle").symlink_to("circle")
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    (elsewhere / "e.tiff").touch()
    (tmp_path / "link").symlink_to(elsewhere)
    inputs = Inputs(str(tmp_path))
    found = sorted(os.path.relpath(path, tmp_path) for path in inputs.paths())
    # the folder that is called like a picture is there with its content
    deep = ["deep/b.png", "deep/deeper/c.webp", "folder.jpg", "folder.jpg/d.heic", "link/e.tiff"]
    assert found == ["a.JPG", "dangling.png", *deep]
    assert inputs.count() == len(found)


def test_a_name_that_is_not_utf8_comes_through(tmp_path):
    try:
        open(os.fsencode(tmp_path) + b"/b\xff.jpg", "wb").close()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert [os.fsencode(path) for path in Inputs(str(tmp_path)).paths()] == [os.fsencode(tmp_path) + b"/b\xff.jpg"]


def test_a_folder_that_cannot_be_listed_stands_for_itself(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "a.jpg").touch()
    listing = os.scandir

    def refusing(folder):
        if os.path.basename(folder) == "closed":
            raise PermissionError(13, "Permission denied", folder)
        return listing(folder)

    monkeypatch.setattr(os, "scandir", refusing)  # root may list anything: no permission bits would stop it
    found = Inputs(str(tmp_path)).paths()
    assert sorted(found) == [str(tmp_path / "closed"), str(tmp_path / "open" / "a.jpg")]


def test_a_list_is_bytes_by_lines(tmp_path):
    listed = tmp_path / "list.txt"
    listed.write_bytes(b"\xef\xbb\xbfa.jpg\n\n b c.jpg\r\nb\xff.jpg\na.jpg\nlast.jpg")
    inputs = Inputs(str(listed))
    assert list(inputs.paths()) == ["a.jpg", " b c.jpg", "b\udcff.jpg", "a.jpg", "last.jpg"]
    assert inputs.count() == 5


def test_what_can_be_read_only_once_is_not_counted(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert Inputs(str(tmp_path / "pipe")).count() is None
    assert Inputs("-").count() is None


def test_neither_folder_nor_list_is_refused(tmp_path):
    with pytest.raises(ScanError, match="missing: no such folder or list"):
        Inputs(str(tmp_path / "missing"))
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    with pytest.raises(ScanError, match="not a text file.*analyze"):
        Inputs(str(picture)).paths()
