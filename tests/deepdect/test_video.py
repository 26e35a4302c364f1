"""Videos made here: who is in them over time, and what the command says of them."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from pypdf import PdfReader

from deepdect import faces, frames, video
from deepdect.faces import Face
from deepdect.images import ImageError
from deepdect.texts import CODES, language
from deepdect.tracks import Tracker
from deepdect.verdict import Calibration, sigmoid
from explain import timeline
from tests.clips import greys, write

CALIBRATION = Calibration(1.0, 0.0, 0.25, 0.75, "1")


def test_a_video_of_which_only_a_part_was_seen_says_so(detector, clip, monkeypatch):
    monkeypatch.setattr(frames, "MAX_GRABBED", 12)
    found = video.analyze(detector, clip, fps=4)
    assert found.status == "ok" and "only the first 1 seconds" in found.message


def test_people_of_a_long_video_are_followed_over_its_longer_gaps():
    one = SimpleNamespace(box=(10, 10, 30, 40))
    for apart, expected in ((0.25, [[0], [1], [2]]), (3.0, [[0], [0], [0]])):
        tracker = Tracker(apart)
        assert [tracker.follow(t, [one]) for t in (0.0, 3.0, 6.0)] == expected


def moments(*logits: float) -> tuple[video.Moment, ...]:
    return tuple(video.Moment(n / 4, logit, (1.2, 2, 30, 40)) for n, logit in enumerate(logits))


def test_a_persons_probability_is_that_of_the_mean_logit():
    person = video.Person(1, moments(4, -1, 0), CALIBRATION)
    assert person.fake_probability == pytest.approx(sigmoid(1.0))
    assert person.verdict == "inconclusive"
    assert video.Person(1, moments(4, 4, -2), CALIBRATION).verdict == "deepfake"
    assert video.Person(1, moments(9, 9), CALIBRATION).verdict == "inconclusive"  # seen too briefly


def test_a_video_is_as_fake_as_its_most_suspicious_person_seen_long_enough():
    people = tuple(video.Person(n, m, CALIBRATION) for n, m in enumerate((moments(-3, -3, -3), moments(9)), start=1))
    found = video.VideoAnalysis("a.mp4", "ok", "", people, {}, "r", 1.0)
    assert found.suspect is people[0]
    contract = found.to_json()
    assert contract["verdict"] == "real" and [person["id"] for person in contract["people"]] == [1, 2]
    assert contract["people"][1]["frames"] == [
        {"t": 0.0, "fake_probability": round(sigmoid(9), 6), "box": {"x": 1, "y": 2, "width": 30, "height": 40}}
    ]
    nobody = video.VideoAnalysis("a.mp4", "no_face", "m", (), {}, "r", 1.0).to_json()
    assert nobody["verdict"] is None and nobody["fake_probability"] is None and nobody["people"] == []


def test_people_are_followed_and_judged_as_in_photos(detector, clip):
    found = video.analyze(detector, clip, fps=4)
    assert found.status == "ok" and len(found.people) == 2
    first, second = found.people
    assert [round(moment.t, 2) for moment in first.moments] == [n / 4 for n in range(12)]
    assert [round(moment.t, 2) for moment in second.moments] == [n / 4 for n in range(6, 12)]
    assert first.moments[-1].box[0] - first.moments[0].box[0] == pytest.approx(110, abs=8)
    reached = [look.t for step in video.steps(detector, clip, fps=4) for look in step.looks]
    assert reached[-1] == pytest.approx(2.75, abs=0.01) and reached == sorted(reached)
    frame = next(frame for frame in frames.read(clip, fps=4) if frame.t >= 0.5)
    photo = detector.analyze(frame.rgb).faces[0]
    assert first.moments[2].logit == pytest.approx(photo.logit, abs=0.05)  # batches round a little otherwise


def test_a_video_without_faces_says_so(detector, tmp_path):
    found = video.analyze(detector, write(tmp_path / "a.mp4", greys(10)))
    assert found.status == "no_face" and "a.mp4" in found.message and found.people == ()


@pytest.mark.parametrize("code", CODES)
def test_that_nobody_is_in_the_beginning_is_said_of_the_beginning(tmp_path, monkeypatch, code):
    monkeypatch.setattr(frames, "MAX_GRABBED", 12)
    blind = SimpleNamespace(
        calibration=CALIBRATION,
        model={},
        runtime=SimpleNamespace(name="r"),
        analyze_many=lambda pictures: [SimpleNamespace(faces=[]) for _ in pictures],
    )
    file = write(tmp_path / "a.avi", greys(20), codec="MJPG")
    found = video.analyze(blind, file, name="a.avi")
    assert found.status == "no_face" and found.people == ()
    assert "No face was found" in found.message and "only the first 1 seconds" in found.message
    said, words = language(code).say(found.message), language(code).messages
    nobody = words["no_face_video"].format(name="a.avi", width=96, height=64, smallest=faces.SMALLEST_FACE)
    assert said.startswith(nobody) and said.endswith(words["video_partly"].format(name="a.avi", seconds=1))


def test_the_timeline_has_a_line_a_person(tmp_path):
    people = [video.Person(n, moments(n, 0, -n), CALIBRATION) for n in range(1, 9)]
    people.append(video.Person(9, moments(9), CALIBRATION))
    axes = timeline.figure(people, 0.25, 0.75).axes[0]
    assert len(axes.lines) == timeline.SHOWN
    assert [line.get_label() for line in axes.lines][-2:] == ["person 5 (50 %)", "person 9 (>99 %)"]
    timeline.draw(people[:1], 0.25, 0.75, tmp_path / "t.png")
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_prints_a_line_a_video_and_goes_on_past_bad_ones(clip, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    command = [sys.executable, "-m", "deepdect", "video"]
    done = subprocess.run([*command, "--json", str(bad), str(clip)], capture_output=True, text=True, check=False)
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert (first["status"], second["status"]) == ("unsupported", "ok")
    assert set(second) == set(first) and len(second["people"]) == 2
    files = ["--timeline", str(tmp_path / "t.png"), "--report", str(tmp_path / "r.pdf")]
    done = subprocess.run([*command, str(clip), "--fps", "2", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and (tmp_path / "t.png").is_file()
    first, *moments = [page.extract_text() for page in PdfReader(tmp_path / "r.pdf").pages]
    assert "Person 2" in first and hashlib.sha256(clip.read_bytes()).hexdigest() in first
    assert moments and all(clip.name in page and re.search("[✓✗]", page) for page in moments)
    assert done.stdout.count("person ") == 2 and "fake probability" in done.stdout


def test_a_report_needs_somebody_and_one_video(clip, tmp_path):
    nobody = write(tmp_path / "nobody.mp4", [np.zeros((64, 64, 3), np.uint8)] * 4, fps=4)
    command = [sys.executable, "-m", "deepdect", "video", str(nobody), "--report", str(tmp_path / "r.pdf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "not written, since there is no verdict" in " ".join(done.stderr.split())
    assert not (tmp_path / "r.pdf").exists()
    done = subprocess.run([*command, str(clip)], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "takes one video" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    "arguments", [("--fps", "0"), ("--timeline", "a.jpg"), ("--timeline", "nowhere/a.png"), ("--report", "a.png")]
)
def test_bad_usage_is_status_two(clip, arguments):
    command = [sys.executable, "-m", "deepdect", "video", str(clip), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and arguments[0] in done.stderr and "Traceback" not in done.stderr


def test_the_most_suspicious_of_the_steady():
    def moments(v):
        return tuple(video.Moment(n / 4, v, (1, 2, 3, 4)) for n in range(3))

    people = tuple(video.Person(n, moments(v), CALIBRATION) for n, v in enumerate((-3.0, 4.0, 0.0), 1))
    found = video.VideoAnalysis("a", "ok", "", people, {}, "r", 1.0)
    assert found.suspect is people[1] and found.verdict == "deepfake"


def test_looks_far_apart_are_one_person_and_damage_leaves_nobody(monkeypatch):
    def frame(t):
        return frames.Frame(t, np.zeros((64, 64, 3), np.uint8), 12.0, 3.0)

    picture = SimpleNamespace(
        faces=[SimpleNamespace(face=Face((0, 0, 100, 100), np.zeros((468, 2)), 0.9, 0.9), logit=1.0)]
    )
    det = SimpleNamespace(
        calibration=CALIBRATION,
        model={},
        runtime=SimpleNamespace(name="r"),
        analyze_many=lambda s: [picture for _ in s],
    )
    monkeypatch.setattr(frames, "read", lambda *a: iter([frame(0.0), frame(3.0), frame(6.0)]))
    steps = list(video.steps(det, "a.mp4"))
    assert len(steps[-1].analysis.people) == 1  # looks 3 seconds apart, one person
    assert steps[0].share == 0.5

    def torn(*a):
        yield from [frame(0.25 * n) for n in range(8)]
        raise ImageError("unreadable", "torn")

    monkeypatch.setattr(frames, "read", torn)
    last = list(video.steps(det, "a.mp4"))[-1].analysis
    assert last.status == "unreadable" and last.people == () and last.verdict is None


def test_times_have_three_decimals():
    person = video.Person(1, (video.Moment(0.2504, 0.0, (1, 2, 3, 4)),), CALIBRATION)
    assert video.VideoAnalysis("a", "ok", "", (person,), {}, "r", 1.0).to_json()["people"][0]["frames"][0]["t"] == 0.25
