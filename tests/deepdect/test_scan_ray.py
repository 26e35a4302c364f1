"""The same scans on Ray, where it is installed (requirements-ray.txt)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdect.scan import scan

pytest.importorskip("ray", reason="Ray is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Ray leaves sockets and threads to the interpreter's end
]
FAKE = str(Path(__file__).with_name("scan_fake.py"))


def rows_of(output: Path) -> dict[str, dict]:
    rows = [json.loads(line) for line in output.read_bytes().splitlines()]
    assert len({row["path"] for row in rows}) == len(rows)
    for row in rows:
        row.pop("elapsed_ms")
    return {row["path"]: row for row in rows}


def test_ray_equals_one_by_one_analysis(astronaut, detector, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(astronaut).save(folder / "a.jpg")
    Image.fromarray(np.full((200, 300, 3), 128, np.uint8)).save(folder / "grey.png")
    (folder / "empty.gif").touch()
    assert scan(str(folder), tmp_path / "out.jsonl", engine="ray", workers=1).rows == 3
    expected = {}
    for path in map(str, folder.iterdir()):
        expected[path] = detector.analyze(path).to_json()
        expected[path].pop("elapsed_ms")
    assert rows_of(tmp_path / "out.jsonl") == expected


def test_killed_workers_and_actors_cost_no_row_and_resume_repeats_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deepdect.scan_ray.WINDOW", 40)
    names = [*map(str, range(60)), "once", "actor", "kill", "raise", "bad\udcff"]
    listed, output = tmp_path / "list.txt", tmp_path / "out.jsonl"
    listed.write_bytes(b"".join(name.encode("utf-8", "surrogateescape") + b"\n" for name in names[:30]))
    scan(str(listed), output, engine="ray", workers=2, worker=[FAKE])
    listed.write_bytes(b"".join(name.encode("utf-8", "surrogateescape") + b"\n" for name in names))
    outcome = scan(str(listed), output, engine="ray", workers=2, worker=[FAKE], resume=True)
    rows = rows_of(output)
    assert outcome.rows == len(names) and set(rows) == set(names)
    assert (tmp_path / "actor.seen").exists() and rows["actor"]["message"] == "seen actor"
    assert {name for name, row in rows.items() if row["status"] == "unreadable"} == {"kill", "raise"}
