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


def test_a_scenes_faces_are_where_it_says() -> None:
    """Files of one colour, whose "face" is a white square: whatever the scale, the box is what is white."""
    picture = np.zeros((60, 50, 3), np.uint8)
    picture[20:40, 10:30] = 255
    known = [(picture, Face((10, 20, 20, 20), np.zeros((468, 2)), 1.0, 1.0))]
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


def test_the_command_says_whether_enough_faces_were_found(tmp_path, monkeypatch) -> None:
    """Her face and a picture without one: half of them found is too few, and the exit status says so."""
    folder = tmp_path / "Test" / "Real"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "a.png"), skimage.data.astronaut()[27:257, 108:338, ::-1])
    cv2.imwrite(str(folder / "b.png"), np.full((200, 200, 3), 90, np.uint8))
    # minutes of searching in large pictures without a known answer
    monkeypatch.setattr(evaluate_faces, "faceless", lambda *_: {"gradients, noise, textures": [np.zeros(1)] * 2})
    monkeypatch.setattr(evaluate_faces, "scenes", lambda *_: ({}, {}))
    monkeypatch.setattr(evaluate_faces, "times", lambda *_: {})
    original = evaluate_faces.faces.find
    monkeypatch.setattr(evaluate_faces.faces, "find", lambda rgb: original(rgb) if rgb.ndim == 3 else [])
    done = CliRunner().invoke(_app(), [str(tmp_path), "--scenes", "1", "--tilted", "1"])
    assert done.exit_code == 1, done.output
    assert "| outside dfdc, pooled | 2 | 2 | 1 | 50.00 % | 0 | 0 |" in done.output
    assert "| +15° | 1 | 100.0 % | 100.0 % |" in done.output
    assert "Recall, outside dfdc, pooled: 50.00 % of 2 files; required 98%: MISSED" in done.output


def test_scenes_are_counted_by_size_and_canvas(monkeypatch) -> None:
    """A finder that sees the white squares of `compose` finds each of them, and nothing else."""
    picture = np.zeros((60, 50, 3), np.uint8)
    picture[20:40, 10:30] = 255
    known = [(picture, Face((10, 20, 20, 20), np.zeros((468, 2)), 1.0, 1.0))]
    composed = []

    def compose_and_keep(*given):
        composed.append(compose(*given))
        return composed[-1]

    monkeypatch.setattr(evaluate_faces, "compose", compose_and_keep)
    monkeypatch.setattr(
        evaluate_faces.faces, "find", lambda rgb: [Face(tuple(box), None, 1, 1) for box in composed[-1].boxes[1:]]
    )
    by_size, by_canvas = evaluate_faces.scenes(known, 5, seed=0)
    total = sum(len(scene.boxes) for scene in composed)
    for rows in (by_size, by_canvas):
        assert sum(row.wanted for row in rows.values()) == total
        assert sum(row.found for row in rows.values()) == total - 5  # the first face of every scene was left out
        assert all(row.extra == 0 for row in rows.values())
    assert [row.pictures for row in by_canvas.values()] == [1] * 5


def test_a_folder_without_the_split_is_refused(tmp_path) -> None:
    (tmp_path / "Test" / "Real").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "Test" / "Real" / "a.png"), np.full((20, 20, 3), 90, np.uint8))
    done = CliRunner().invoke(_app(), [str(tmp_path), "--split", "Train"])
    assert done.exit_code == 2 and "no files of split Train" in " ".join(done.output.split())


def _app() -> typer.Typer:
    app = typer.Typer()
    app.command()(evaluate_faces.main)
    return app
