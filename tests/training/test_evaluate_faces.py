"""Counting found faces: matches and recall by hand, scenes whose faces are where they say, and the command itself."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
import typer
from typer.testing import CliRunner

from deepdect.faces import Face
from training import evaluate_faces
from training.evaluate_faces import Tally, compose, degrees_apart, match, tally, turn
from training.inputs import telling


def test_counts_add_up() -> None:
    found = tally([(2, 1, 0), (3, 3, 2), (0, 0, 1)])
    assert found == Tally(pictures=3, wanted=5, found=4, extra=3, with_extra=2)
    assert str(found) == "3 | 5 | 4 | 80.00 % | 3 | 2"
    assert str(tally([(0, 0, 0)])) == "1 | 0 | 0 | – | 0 | 0"
    assert tally([]) == Tally(0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("one", "other", "expected"), [(10, 350, 20), (350, 10, 20), (0, 180, 180), (-90, 270, 0), (30, 75, 45)]
)
def test_degrees_apart(one: float, other: float, expected: float) -> None:
    assert degrees_apart(one, other) == pytest.approx(expected)


def test_every_known_face_is_matched_by_one_box_at_most() -> None:
    wanted = np.array([[0, 0, 10, 10], [100, 0, 10, 10], [200, 0, 10, 10]], float)
    # half over the first (overlap 1/3: too little), exactly over the second, twice over the third
    found = np.array([[5, 0, 10, 10], [100, 0, 10, 10], [200, 0, 10, 10], [201, 0, 10, 10]], float)
    assert match(found, wanted).tolist() == [False, True, True]
    assert match(found[:0], wanted).tolist() == [False] * 3
    # one box between two faces counts for the nearer alone
    close = np.array([[0, 0, 10, 10], [4, 0, 10, 10]], float)
    assert match(np.array([[1, 0, 10, 10]], float), close).tolist() == [True, False]


def test_a_picture_turns_clockwise_as_seen() -> None:
    picture = np.zeros((41, 41, 3), np.uint8)
    picture[20, 30] = 255  # right of the middle
    assert np.argwhere(turn(picture, 90)[..., 0] > 127).tolist() == [[30, 20]]  # now below it


@pytest.fixture
def known() -> list[tuple[np.ndarray, Face]]:
    """A file whose "face" is a white square."""
    picture = np.zeros((60, 50, 3), np.uint8)
    picture[20:40, 10:30] = 255
    return [(picture, Face((10, 20, 20, 20), np.zeros((468, 2)), 1.0, 1.0))]


def test_a_scenes_faces_are_where_it_says(known) -> None:
    """Whatever the scale, the box is what is white."""
    for seed in range(5):
        scene = compose(known, (1280, 960), np.random.default_rng(seed))
        assert scene.rgb.shape == (960, 1280, 3) and 1 <= len(scene.boxes) == len(scene.sizes)
        for box, size in zip(scene.boxes, scene.sizes, strict=True):
            x, y, width, height = box
            assert width == height == pytest.approx(size)
            inner = size / 8  # enlarging blurs the square's border
            inside = scene.rgb[round(y + inner) : round(y + size - inner), round(x + inner) : round(x + size - inner)]
            assert inside.size and inside.min() > 200
            assert scene.rgb[round(y + size / 2), round(x - size / 5)].max() < 50


@pytest.mark.parametrize(("empty", "share", "word"), [(1, "50.00 % of 2", "MISSED"), (0, "100.00 % of 1", "reached")])
def test_the_command_says_whether_enough_faces_were_found(tmp_path, monkeypatch, empty, share, word) -> None:
    """Her face, with or without a picture that has none: half of them found is too few, and the exit status says so."""
    folder = tmp_path / "Test" / "Real"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "a.png"), skimage.data.astronaut()[27:257, 108:338, ::-1])
    for number in range(empty):
        cv2.imwrite(str(folder / f"b{number}.png"), np.full((200, 200, 3), 90, np.uint8))
    # minutes of searching in large pictures; the parts have tests of their own
    blank = np.zeros((64, 64, 3), np.uint8)
    monkeypatch.setattr(evaluate_faces, "faceless", lambda *_: {"gradients, noise, textures": [blank] * 2})
    monkeypatch.setattr(evaluate_faces, "scenes", lambda *_: ({}, {}))
    monkeypatch.setattr(evaluate_faces, "times", lambda *_: {})
    done = CliRunner().invoke(_app(), [str(tmp_path), "--scenes", "1", "--tilted", "1"])
    assert done.exit_code == (word == "MISSED"), done.output
    assert f"| outside dfdc, pooled | {1 + empty} | {1 + empty} | 1 |" in done.output
    assert "| +15° | 1 | 100.0 % | 100.0 % |" in done.output
    assert "| gradients, noise, textures | 2 | 0 | 0 | – | 0 | 0 |" in done.output
    assert f"Recall, outside dfdc, pooled: {share} files; required 98%: {word}" in done.output


def test_scenes_are_counted_by_size_and_canvas(known, monkeypatch) -> None:
    """A finder that sees all but the first, which is the largest, of a scene's squares, and once more than there is."""
    composed = []

    def compose_and_keep(*given):
        composed.append(compose(*given))
        return composed[-1]

    def find(_):
        boxes = composed[-1].boxes[1:].tolist() + ([[1, 1, 5, 5]] if len(composed) == 2 else [])
        return [Face(tuple(box), np.zeros((468, 2)), 1.0, 1.0) for box in boxes]

    monkeypatch.setattr(evaluate_faces, "compose", compose_and_keep)
    monkeypatch.setattr(evaluate_faces.faces, "find", find)
    canvases = evaluate_faces.CANVASES
    by_size, by_canvas = evaluate_faces.scenes(known, len(canvases), seed=0)
    for number, (scene, (width, height)) in enumerate(zip(composed, canvases, strict=True)):
        count, extra = len(scene.sizes), int(number == 1)
        assert scene.rgb.shape == (height, width, 3)
        assert by_canvas[f"{width}x{height}"] == Tally(1, count, count - 1, extra, extra)
    for size in evaluate_faces.SIZES:
        wanted = sum(scene.sizes.count(size) for scene in composed)
        found = sum(scene.sizes[1:].count(size) for scene in composed)
        assert by_size[f"{size} px"] == Tally(wanted, wanted, found, 0, 0)


def test_pictures_without_a_face(known, monkeypatch) -> None:
    monkeypatch.setattr(evaluate_faces, "FACELESS", "coins brick")
    shades = np.zeros((224, 224, 3), np.uint8)
    shades[...] = (np.indices((4, 4)).transpose(1, 2, 0) @ [4, 1]).repeat(56, 0).repeat(56, 1)[..., None]
    found = evaluate_faces.faceless([(shades, known[0][1])], np.random.default_rng(0))
    assert {name: len(pictures) for name, pictures in found.items()} == {
        "photos": 2,
        "parts of photos": 20,
        "gradients, noise, textures": 20,
        "shuffled faces": 1,
    }
    pieces = found["shuffled faces"][0][28::56, 28::56, 0]
    assert sorted(pieces.ravel()) == list(range(16)) and pieces.ravel().tolist() != list(range(16))
    sizes = [picture.shape[1::-1] for picture in found["gradients, noise, textures"]]
    assert sizes == [evaluate_faces.CANVASES[i % len(evaluate_faces.CANVASES)] for i in range(20)]
    assert all(p.dtype == np.uint8 and p.shape[2] == 3 for pictures in found.values() for p in pictures)


def test_times_are_of_named_pictures(known, monkeypatch) -> None:
    monkeypatch.setattr(evaluate_faces, "CANVASES", ((640, 480),))
    rows = evaluate_faces.times(np.zeros((30, 40, 3), np.uint8), np.zeros((50, 60, 3), np.uint8), known)
    assert list(rows) == ["portrait, 40x30", "no face, 60x50", "scene 1, 640x480"]
    assert all(float(row) >= 0 for row in rows.values())


def test_a_folder_without_the_split_is_refused(tmp_path) -> None:
    (tmp_path / "Test" / "Real").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "Test" / "Real" / "a.png"), np.full((20, 20, 3), 90, np.uint8))
    done = CliRunner().invoke(_app(), [str(tmp_path), "--split", "Train"])
    assert done.exit_code == 2 and "no files of split Train" in " ".join(done.output.replace("│", " ").split())


def _app() -> typer.Typer:
    app = typer.Typer()
    app.command()(telling(evaluate_faces.main))
    return app
