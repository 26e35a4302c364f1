from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from deepdect import faces
from training.data import cached_crops, load_crops, load_places, load_twins
from training.inputs import InputError
from training.items import read_items


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


def test_groups_of_one_name_are_kept_apart_by_source(folder):
    (folder / "manifest.csv").write_text(
        "path,split,label,source,kind,group\n"
        "a.png,Train,Real,nasa,portrait,1\nb.png,Train,Fake,esa,portrait,1\nc.png,Train,Fake,esa,portrait,2\n"
    )
    assert [item.group for item in read_items(folder)] == ["nasa/1", "esa/1", "2"]


def test_an_empty_folder_says_what_was_expected(tmp_path):
    with pytest.raises(InputError, match="expected files in Train/Real"):
        read_items(tmp_path)


def test_cached_crops_are_the_serving_crops(folder, astronaut, tmp_path):
    made = cached_crops(folder, "Train", tmp_path / "cache", workers=1)
    assert [item.path for item in made.items] == ["Train/Fake/b.png", "Train/Real/a.png"]
    assert made.missed == ["Train/Fake/c.png"]
    assert made.labels.tolist() == [1, 0]
    served = faces.crop(astronaut, faces.find(astronaut)[0])
    np.testing.assert_array_equal(made.pixels[1], served.pixels)
    assert made.native[1] == served.native
    again = load_crops(folder, "Train", tmp_path / "cache")
    np.testing.assert_array_equal(again.pixels, made.pixels)


def test_a_file_that_is_no_picture_is_named_and_the_rest_goes_on(folder, tmp_path, capfd):
    (folder / "Train/Fake/c.png").write_text("not a picture")
    made = cached_crops(folder, "Train", tmp_path / "cache", workers=1)
    assert made.missed == ["Train/Fake/c.png"] and len(made.items) == 2
    assert "c.png: looks like a text file" in capfd.readouterr().err


def test_a_cache_of_other_files_is_refused(folder, tmp_path):
    cached_crops(folder, "Train", tmp_path / "cache", workers=1)
    (folder / "Train/Real/a.png").rename(folder / "Train/Real/renamed.png")
    with pytest.raises(ValueError, match="belongs to other files"):
        load_crops(folder, "Train", tmp_path / "cache")


def test_pixels_that_are_not_the_tables_are_refused(folder, tmp_path):
    cached_crops(folder, "Train", tmp_path / "cache", workers=1)
    np.save(tmp_path / "cache" / "Train.npy", np.zeros((1, 256, 256, 3), np.uint8))
    with pytest.raises(ValueError, match="Train.npy holds 1 crops, its table .*Train.csv names 2: delete"):
        load_crops(folder, "Train", tmp_path / "cache")


def test_a_picture_that_was_replaced_under_its_name_is_noticed(folder, astronaut, tmp_path):
    cached_crops(folder, "Train", tmp_path / "cache", workers=1)
    Image.fromarray(astronaut[::-1].copy()).save(folder / "Train/Real/a.png")
    with pytest.raises(InputError, match="a.png is another picture than when its crop was cut: delete"):
        load_crops(folder, "Train", tmp_path / "cache")


def test_an_older_table_without_sizes_and_missing_pictures_are_no_matter(folder, tmp_path):
    made = cached_crops(folder, "Train", tmp_path / "cache", workers=1)
    (folder / "Train/Fake/b.png").write_bytes(b"")  # by its size another one
    table = tmp_path / "cache" / "Train.csv"
    table.write_text("".join(f"{line.rsplit(',', 1)[0]}\n" for line in table.read_text().splitlines()))
    assert load_crops(folder, "Train", tmp_path / "cache").items == made.items


def test_a_split_without_what_is_needed_says_what_was_found(folder, tmp_path):
    with pytest.raises(InputError, match="data, Test: expected faces that are Real or Fake; found 0 Real, 0 Fake"):
        load_crops(folder, "Test", tmp_path / "cache")
    (folder / "Train/Fake/b.png").unlink()
    words = "Train: expected faces that are Real and Fake; found 1 Real, 0 Fake, and no face in 1 more files"
    with pytest.raises(InputError, match=words):
        load_crops(folder, "Train", tmp_path / "cache", both=True)
    assert len(load_crops(folder, "Train", tmp_path / "cache").items) == 1


def test_threads_of_the_caller_are_left_alone(folder, tmp_path, monkeypatch):
    monkeypatch.delenv("DEEPDECT_THREADS", raising=False)
    cached_crops(folder, "Test", tmp_path / "cache", workers=1)
    assert "DEEPDECT_THREADS" not in os.environ


def test_pixels_are_cut_again_where_only_the_places_are_known(folder, tmp_path, monkeypatch):
    made = cached_crops(folder, "Train", tmp_path / "cache", workers=1)
    pixels = np.array(made.pixels)
    (tmp_path / "cache" / "Train.npy").unlink()
    monkeypatch.setattr("training.data._make_cache", None)  # no face is looked for
    again = cached_crops(folder, "Train", tmp_path / "cache", workers=1)
    np.testing.assert_array_equal(again.pixels, pixels)
    assert again.missed == made.missed


def test_a_fakes_twin_is_its_original_at_its_own_place(folder, astronaut, tmp_path):
    (folder / "manifest.csv").write_text(
        "path,split,label,source,kind,group\n"
        "Train/Real/a.png,Train,Real,swaps,portrait,one\n"
        "Train/Fake/marked.png,Train,Fake,swaps,portrait,one\n"
        "Train/Fake/b.png,Train,Fake,swaps,portrait,other\n"
        "Train/Fake/smaller.png,Train,Fake,swaps,portrait,one\n"
    )
    marked = astronaut.copy()
    marked[:20, :20] = 0
    Image.fromarray(marked).save(folder / "Train/Fake/marked.png")
    Image.fromarray(astronaut[:400, :400]).save(folder / "Train/Fake/smaller.png")
    crops = cached_crops(folder, "Train", tmp_path / "cache", workers=1)
    for _ in range(2):  # made, then read
        twins = load_twins(folder, crops, tmp_path / "cache", "Train", workers=1)
        # one of another size, and one without an original, have none
        assert [crops.items[i].path for i in twins] == ["Train/Fake/marked.png"]
        [twin] = twins.values()
        place = load_places(folder, "Train", tmp_path / "cache")["Train/Fake/marked.png"]
        assert place is not None
        np.testing.assert_array_equal(twin, faces.recut(astronaut, place))
