from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from training.data import load_crops, read_items


@pytest.fixture
def folder(tmp_path, astronaut):
    """The paper's layout: one face file, its mirror image, and a file without a face."""
    for split, label in (("Train", "Real"), ("Train", "Fake"), ("Test", "Real")):
        (tmp_path / "data" / split / label).mkdir(parents=True)
    Image.fromarray(astronaut).save(tmp_path / "data/Train/Real/a.png")
    Image.fromarray(np.ascontiguousarray(astronaut[:, ::-1])).save(tmp_path / "data/Train/Fake/b.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "data/Train/Fake/c.png")
    (tmp_path / "data/Train/Fake/notes.txt").write_text("not a picture")
    return tmp_path / "data"


def test_papers_layout_without_a_manifest(folder):
    items = read_items(folder)
    assert [(i.path, i.split, i.label, i.group) for i in items] == [
        ("Train/Fake/b.png", "Train", 1, "b"),
        ("Train/Fake/c.png", "Train", 1, "c"),
        ("Train/Real/a.png", "Train", 0, "a"),
    ]


def test_manifest_gives_source_and_group(folder):
    (folder / "manifest.csv").write_text(
        "path,split,label,source,kind,group\nTrain/Real/a.png,Train,Real,nasa,portrait,g1\n"
    )
    [item] = read_items(folder)
    assert (item.label, item.source, item.kind, item.group) == (0, "nasa", "portrait", "g1")


def test_an_empty_folder_says_what_was_expected(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected Train/Real"):
        read_items(tmp_path)


def test_cached_crops_are_the_serving_crops(folder, astronaut, tmp_path):
    from deepdect import faces

    made = load_crops(folder, "Train", tmp_path / "cache", workers=1)
    assert [item.path for item in made.items] == ["Train/Fake/b.png", "Train/Real/a.png"]
    assert made.missed == ["Train/Fake/c.png"]
    assert made.labels.tolist() == [1, 0]
    served = faces.crop(astronaut, faces.find(astronaut)[0])
    np.testing.assert_array_equal(made.pixels[1], served.pixels)
    assert made.native[1] == served.native
    again = load_crops(folder, "Train", tmp_path / "cache")
    np.testing.assert_array_equal(again.pixels, made.pixels)


def test_a_cache_of_other_files_is_refused(folder, tmp_path):
    load_crops(folder, "Train", tmp_path / "cache", workers=1)
    (folder / "Train/Real/a.png").rename(folder / "Train/Real/renamed.png")
    with pytest.raises(ValueError, match="belongs to other files"):
        load_crops(folder, "Train", tmp_path / "cache")
