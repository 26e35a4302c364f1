from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from deepdect.verdict import Calibration
from training.calibrate import calibrate
from training.data import CropSet
from training.evaluate import Scored, details, evaluate, lines_of, main, measure, table
from training.export import ship, stage
from training.items import Item

CALIBRATION = Calibration(1.0, 0.0, 0.25, 0.75, "1")


def test_measure_by_hand():
    # probabilities .88 .88 .5 .12 .88: two fakes caught, one undecided real, one cleared, one accused
    logits = np.array([2.0, 2.0, 0.0, -2.0, 2.0])
    line = measure("s", logits, np.array([1, 1, 0, 0, 0]), np.arange(5).astype(str), 7, CALIBRATION)
    assert (line.reals, line.fakes, line.no_face) == (3, 2, 7)
    assert line.accuracy == 0.6  # .5 counts as fake
    assert line.decided == 0.8
    assert line.decided_accuracy == 0.75
    assert line.false_alarms == pytest.approx(1 / 3)
    assert line.recall == 1.0
    assert line.auc == pytest.approx((2 + 2 + 0.5 * 2) / 6)


def test_a_source_of_one_label_has_no_auc():
    line = measure("s", np.array([-3.0, 3.0]), np.array([0, 0]), np.array(["a", "b"]), 0, CALIBRATION)
    assert line.auc is None and line.recall is None
    assert line.false_alarms == 0.5
    assert "| – |" in table({"s": line})


@pytest.fixture
def folder(tmp_path, astronaut):
    """Train and Test of one source, and a source that only Test has."""
    rows = ["path,split,label,source,kind,group"]
    pictures = {"bright": astronaut, "dark": astronaut // 2, "mirrored": np.ascontiguousarray(astronaut[:, ::-1])}
    for split, label, source, picture in (
        ("Train", "Real", "home", "bright"),
        ("Test", "Real", "home", "bright"),
        ("Test", "Fake", "home", "dark"),
        ("Test", "Real", "abroad", "mirrored"),
    ):
        path = tmp_path / "data" / split / label / f"{source}_{picture}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures[picture]).save(path)
        rows.append(f"{path.relative_to(tmp_path / 'data')},{split},{label},{source},portrait,{picture}")
    (tmp_path / "data" / "manifest.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "data"


def test_cross_data_set_sources_stay_out_of_the_pool(detector, folder, tmp_path):
    lines = evaluate(detector, folder, tmp_path / "cache", "Test")
    assert list(lines) == ["pooled", "home", "abroad (cross-data-set)"]
    assert (lines["pooled"].reals, lines["pooled"].fakes) == (1, 1)
    dark = detector.analyze(folder / "Test" / "Fake" / "home_dark.png").fake_probability
    bright = detector.analyze(folder / "Test" / "Real" / "home_bright.png").fake_probability
    assert lines["home"].auc == (1.0 if dark > bright else 0.0)


def test_command_writes_the_figures_it_prints(detector, folder, tmp_path, capsys):
    main(folder, cache=tmp_path / "cache", output=tmp_path / "metrics.json", plot=tmp_path / "reliability.png")
    figures = json.loads((tmp_path / "metrics.json").read_text())
    printed = capsys.readouterr().out
    assert figures["model"] == detector.model
    assert figures["lines"]["pooled"]["reals"] == 1
    assert "| pooled | 1 / 1 |" in printed
    assert all(title in printed and rows in printed for title, rows in figures["details"].items())
    crops = sum(int(row.split("|")[3]) for row in figures["details"]["Reliability"].splitlines()[2:])
    assert crops == 2  # the cross-data-set source stays out
    assert (tmp_path / "reliability.png").stat().st_size > 1000


def test_calibrate_from_separable_logits():
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 2000)
    raw = np.where(labels == 1, 3.0, -3.0) + random.normal(0, 3, 4000)
    fitted = calibrate(raw[None], labels, np.array(["s"] * 4000), "2", right=0.9, false_alarms=0.1)
    # two normals 6 apart with variance 9: the exact log odds are raw * 6 / 9
    assert fitted.temperature == pytest.approx(1.5, rel=0.1)
    assert fitted.offset == pytest.approx(0.0, abs=0.15)
    assert fitted.low <= 0.5 <= fitted.high
    assert fitted.version == "2"


def test_export_writes_the_checksum_of_what_it_copied(tmp_path):
    source = tmp_path / "best.npz"
    np.savez(source, a=np.arange(3))
    staged = tmp_path / "staged"
    staged.mkdir()
    sha256 = stage(source, staged)
    ship(staged, tmp_path / "models")
    shipped = tmp_path / "models" / "deepdect_resnet50.weights.npz"
    assert hashlib.sha256(shipped.read_bytes()).hexdigest() == sha256
    assert (tmp_path / "models" / "model.sha256").read_text() == f"{sha256}  {shipped.name}\n"


def test_frames_of_a_video_are_not_independent():
    random = np.random.default_rng(0)
    labels = np.tile([0, 1], 20)
    logits = random.normal(labels, 1.5)
    one = measure("s", logits, labels, np.arange(40).astype(str), 0, CALIBRATION)
    copies = measure(
        "s", np.repeat(logits, 10), np.repeat(labels, 10), np.repeat(np.arange(40), 10).astype(str), 0, CALIBRATION
    )
    assert copies.auc_high - copies.auc_low == pytest.approx(one.auc_high - one.auc_low, rel=0.15)


def _scored():
    rows = [("home", 0), ("home", 1), ("abroad", 0)]
    items = [Item(f"{n}.png", "Test", label, source, "k", str(n)) for n, (source, label) in enumerate(rows)]
    crops = CropSet(np.zeros((3, 256, 256, 3), np.uint8), items, np.full(3, 176), ["a", "b", "c"])
    return Scored(crops, np.array([3.0, -3.0, 0.0]), {"home": 2, "abroad": 1}, frozenset({"home"}))


def test_missed_faces_are_counted_by_source():
    lines = lines_of(_scored(), CALIBRATION)
    assert {name: line.no_face for name, line in lines.items()} == {
        "pooled": 2,
        "home": 2,
        "abroad (cross-data-set)": 1,
    }


def test_reals_accused_and_fakes_caught_stand_in_their_columns():
    header, _, pooled, *_ = (
        row.strip("| ").split(" | ") for row in table(lines_of(_scored(), CALIBRATION)).splitlines()
    )
    cells = dict(zip(header, pooled, strict=False))
    assert cells["reals accused"] == "100.0 %" and cells["fakes caught"] == "0.0 %" and cells["no face"] == "2"


def test_reliability_pairs_probabilities_with_their_own_labels():
    rows = details(_scored(), CALIBRATION)["Reliability"].splitlines()[2:]
    assert rows == ["| 0.047 | 1.000 | 1 |", "| 0.953 | 0.000 | 1 |"]


def test_a_source_without_a_face_keeps_its_line_and_unseen_sources_have_no_pool():
    scored = replace(_scored(), missed={"lost": 2, "home": 1}, trained_on=frozenset({"home", "lost"}))
    lines = lines_of(scored, CALIBRATION)
    assert lines["pooled"].no_face == 3 and lines["lost"].no_face == 2
    assert lines["lost"].accuracy is lines["lost"].ece is lines["lost"].decided is None
    assert "| lost | 0 / 0 | 2 | – |" in table(lines)
    unseen = replace(scored, trained_on=frozenset())
    assert "pooled" not in lines_of(unseen, CALIBRATION) and details(unseen, CALIBRATION) == {}
    assert "nan" not in table(lines_of(unseen, CALIBRATION))
