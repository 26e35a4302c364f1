"""That the benchmarks measure what they say; never how fast that is."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("skimage", reason="scikit-image is not installed")

from benchmarks import latency, measure, pictures, plot
from benchmarks.__main__ import main
from deepdect import faces


def test_timing_counts_only_the_measured_calls():
    calls = []
    timing = measure.timed(lambda: calls.append(1), runs=5, warm=2)
    assert len(calls) == 7 and timing.runs == 5
    assert 0 <= timing.median <= timing.p95


def test_interleaved_calls_take_turns():
    order = []
    both = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    assert set(measure.interleaved(both, runs=2, warm=1)) == {"a", "b"}
    assert order == ["a", "a", "b", "b"] * 3  # once before it is timed


def test_pictures_have_the_size_and_faces_they_promise():
    assert pictures.portrait(1.0).shape == (1000, 1000, 3)
    assert len(faces.find(pictures.portrait(1.0))) == 1
    assert pictures.group(5).shape == (1600, 1600, 3)
    assert len(faces.find(pictures.group(5))) == 5


def test_networks_run_the_same_crop(detector):
    calls = latency.networks(detector, with_tensorflow=False)
    assert "openvino-f32" in calls and "tensorflow" not in calls
    features = [call() for call in calls.values()]
    for other in features[1:]:
        assert np.corrcoef(features[0].ravel(), other.ravel())[0, 1] > 0.95


@pytest.mark.slow
def test_command_prints_and_writes_the_same_figures(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(latency.by_size, "__defaults__", ((0.1, 1.0),))
    monkeypatch.setattr(latency.by_faces, "__defaults__", ((1, 2),))
    main(runs=1, tensorflow=False, output=tmp_path / "results.json")
    figures = json.loads((tmp_path / "results.json").read_text())
    printed = capsys.readouterr().out
    assert f"{figures['cold_start']['seconds']:.2f} s" in printed
    assert set(figures["by_faces_ms"]) == {"1 faces", "2 faces"}
    assert figures["by_faces_ms"]["2 faces"]["found"] == 2
    assert figures["additivity"] < 1e-3
    assert figures["cold_start"]["memory"] > 50


def test_bars_are_sorted_and_drawn(tmp_path):
    results = {
        "command": "python -m benchmarks --runs 9 --no-tensorflow",
        "machine": {"usable_cpus": 2},
        "side_by_side_ms": {
            "openvino-int8": {"median": 30.0, "runs": 9},
            "analyze 1 MP": {"median": 50.0, "runs": 9},
        },
        "arithmetic_limit_f32_ms": 40.0,
    }
    assert [(name, time) for name, time, _ in plot.bars(results)] == [
        ("network alone, openvino-int8", 30.0),
        ("as much arithmetic in NumPy, float32", 40.0),
        ("photo of 1 MP: faces, verdict and map", 50.0),
    ]
    assert plot.axis_label(results) == "milliseconds, median of 9 (2 CPUs)"
    (tmp_path / "results.json").write_text(json.dumps(results))
    plot.main(tmp_path / "results.json", tmp_path / "speed.png")
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")


def test_the_last_frames_time_counts_as_well(capsys, monkeypatch):
    live = pytest.importorskip("benchmarks.live")
    page = SimpleNamespace(launch=lambda **_: (None, "http://page", None), close=lambda: None)
    clock = iter([10.0, 12.0])  # two seconds from the first frame sent to the last one answered
    monkeypatch.setattr(live, "Detector", lambda: None)
    monkeypatch.setattr(live.ui, "build", lambda detector: page)
    monkeypatch.setattr(live, "measure", lambda url, sent, seconds: [0.5] * 8)
    monkeypatch.setattr(live, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    live.main(seconds=1.0)
    assert capsys.readouterr().out == "4.0 frames a second; 500 ms each, 95 % within 500 ms\n"


def test_live_frames_are_fed_through_the_page_and_counted(detector, capsys):
    live = pytest.importorskip("benchmarks.live")
    live.main(seconds=1.0)
    assert "frames a second" in capsys.readouterr().out
