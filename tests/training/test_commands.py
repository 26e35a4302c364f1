"""The measuring commands end to end, on a small folder of her face with the shipped weights."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from deepdect import weights
from deepdect.familiarity import Familiarity
from explain import compare_fills, noise_floor
from explain.fills import FILLS
from training import contact_sheet, data, familiarity, items, parity, robustness
from training.data import load_crops
from training.metrics import auc, sigmoid

EACH = 4  # files a class in every split


@pytest.fixture(scope="module")
def folder(tmp_path_factory, astronaut) -> Path:
    """Her face at several places and exposures; the mirrored ones are called fake."""
    root = tmp_path_factory.mktemp("data")
    shades = iter(np.linspace(0.6, 1.1, 2 * EACH * len(items.SPLITS)))
    for split in items.SPLITS:
        for label in items.LABELS:
            (root / split / label).mkdir(parents=True)
            for number in range(EACH):
                head = astronaut[20 + number : 244 + number, 108 + 2 * number : 332 + 2 * number]
                head = head[:, ::-1] if label == "Fake" else head
                made = np.clip(head * next(shades), 0, 255).astype(np.uint8)
                Image.fromarray(made).save(root / split / label / f"{label.lower()}{number}.png")
    return root


@pytest.fixture(scope="module")
def cache(folder, tmp_path_factory) -> Path:
    """Where the crops of all splits lie, cut by the command that does."""
    made = tmp_path_factory.mktemp("crops")
    data.main(folder, made, workers=1)
    return made


def cells(printed: str, first: str) -> list[str]:
    """The cells of the table's row that begins with `first`, that one left out."""
    [line] = [line for line in printed.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("| ").split("|")][1:]


def test_cutting_crops_says_how_many(folder, tmp_path, capsys):
    Image.new("RGB", (99, 99)).save(folder / "Test" / "Real" / "empty.png")
    try:
        data.main(folder, tmp_path, workers=1)
    finally:
        (folder / "Test" / "Real" / "empty.png").unlink()
    printed = capsys.readouterr().out
    assert f"Validation: {2 * EACH} crops, no face in 0 files; sources: folder" in printed
    assert f"Test: {2 * EACH} crops, no face in 1 files; sources: folder" in printed


def test_the_contact_sheet_shows_a_real_face_and_what_is_made_of_it(folder, cache, tmp_path, capsys):
    target = tmp_path / "sheet.png"
    contact_sheet.main(folder, target, split="Validation", rows=2, cache=cache, seed=1)
    assert str(target) in capsys.readouterr().out
    side = contact_sheet.SIDE
    sheet = np.asarray(Image.open(target))
    assert sheet.shape == (2 * side, (3 + 2 * len(contact_sheet.KINDS)) * side, 3)
    crops = load_crops(folder, "Validation", cache)
    reals = [
        cv2.resize(np.asarray(crop), (side, side), interpolation=cv2.INTER_AREA)
        for crop in crops.pixels[crops.labels < 0.5]
    ]
    for top in (0, side):
        tiles = sheet[top : top + side].reshape(side, -1, side, 3).swapaxes(0, 1).astype(int)
        assert any(np.array_equal(tiles[0], real) for real in reals)
        for number in range(len(contact_sheet.KINDS)):
            forgery, mask = tiles[1 + 2 * number], tiles[2 + 2 * number]
            untouched = mask.max(axis=2) == 0
            # a pixel of the small picture is an average of its neighbours: away from the mask's border only
            inner = cv2.erode(untouched.astype(np.uint8), np.ones((5, 5))) > 0
            if number:  # the first, self-blended, may have changed the picture instead of the face
                assert np.abs(forgery - tiles[0])[inner].max(initial=0) <= 1, number
            assert np.abs(forgery - tiles[0])[~untouched].max() > 0, number
        assert not tiles[-2:].any()  # no original of a fake is known here: no transplant


def test_robustness_prints_and_keeps_what_the_detector_says(folder, cache, tmp_path, detector, capsys):
    target = tmp_path / "robustness.json"
    robustness.main(folder, "Test", 1, ["clean", "JPEG 20"], cache, target)
    printed, kept = capsys.readouterr().out, json.loads(target.read_text())
    assert list(kept["changes"]) == ["clean", "JPEG 20"] and kept["model"] == detector.model
    crops = load_crops(folder, "Test", cache)
    logits = robustness.scores(detector, crops, "clean")
    expected = auc(logits, crops.labels)
    caught = (sigmoid(logits) >= detector.calibration.high)[crops.labels > 0.5].mean()
    assert cells(printed, "clean")[0] == f"{expected:.3f}" and cells(printed, "clean")[-1] == f"{caught:.1%}"
    assert kept["changes"]["clean"]["pooled"] == pytest.approx(expected, abs=1e-5)


def test_robustness_names_an_unknown_change(folder, cache):
    with pytest.raises(Exception, match=r"expected changes of clean, .*; received sepia"):
        robustness.main(folder, "Test", 1, ["sepia"], cache, None)


def test_parity_prints_every_precision_beside_the_reference(folder, cache, capsys):
    parity.main(folder, "Test", cache)
    printed = capsys.readouterr().out
    reference, int8 = cells(printed, parity.REFERENCE), cells(printed, "openvino-int8")
    assert reference[2:] == ["0.0000, 0.000", "100.0%", "1.000"]
    assert 0 < float(int8[2].split(",")[0]) < 0.1 and float(int8[4]) > 0.9


def test_the_noise_floor_is_written_for_the_shipped_weights(folder, cache, tmp_path, detector, capsys):
    target = tmp_path / weights.NOISE_FLOOR_FILE
    noise_floor.main(folder, 3, cache, "auto", 0, target)
    floor, reason = weights.noise_floor(tmp_path, detector.model["sha256"])
    assert floor is not None and reason == ""
    assert floor.measured_on == f"Validation, 3 real faces, {detector.runtime.name}"
    assert min(floor.drops) > 0 and f"| {max(floor.drops):.3f} |" in capsys.readouterr().out


def test_fills_are_compared_at_every_area(folder, cache, capsys):
    compare_fills.main(folder, 3, cache, "auto", 0)
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if "% |" in line]
    assert len(rows) == len(compare_fills.AREAS) * len(FILLS)
    assert {row[1].strip() for row in rows} == set(FILLS)
    assert all(float(row[2]) >= abs(float(row[3])) >= 0 for row in rows)  # |mean of drops| is at most mean |drop|


def test_familiarity_is_fitted_to_the_shipped_weights(folder, cache, tmp_path, monkeypatch, detector, capsys):
    monkeypatch.setattr(familiarity, "AXES", 2)
    target = tmp_path / "familiarity.npz"
    familiarity.main(folder, 10, cache, "openvino-int8", target)
    printed, table = capsys.readouterr().out, Familiarity.read(target)
    assert table.sha256 == detector.model["sha256"] and len(table.variances) == 2
    assert cells(printed, "familiar")[0].isdecimal()
    assert int(cells(printed, "familiar")[0]) + int(cells(printed, "unfamiliar")[0]) == 2 * EACH
    assert [len(cells(printed, name)) for name in familiarity.PICTURES] == [5] * len(familiarity.PICTURES)
