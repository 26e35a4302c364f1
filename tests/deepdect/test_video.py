"""Videos made here: frames by time, people, and what cannot be read."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from pypdf import PdfReader

from deepdect import frames, video
from deepdect.faces import Face
from deepdect.images import ImageError
from deepdect.tracks import Tracker
from deepdect.verdict import Calibration, sigmoid
from explain import timeline
from tests.clips import write
from tests.hostile.samples import SAMPLES

CALIBRATION = Calibration(1.0, 0.0, 0.25, 0.75, "1")


def greys(count: int) -> list[np.ndarray]:
    return [np.full((64, 96, 3), 10 * n, np.uint8) for n in range(count)]


def refusal(path: Path, **settings: float) -> ImageError:
    with pytest.raises(ImageError) as raised:
        list(frames.read(path, **settings))
    return raised.value


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "mp4v"), ("avi", "MJPG"), ("mkv", "mp4v")])
def test_frames_are_sampled_by_time(tmp_path, suffix, codec):
    found = list(frames.read(write(tmp_path / f"a.{suffix}", greys(20), codec=codec), fps=2.5))
    assert [round(frame.t, 2) for frame in found] == [0.0, 0.4, 0.8, 1.2, 1.6]
    assert [round(float(frame.rgb.mean()), -1) for frame in found] == [0, 40, 80, 120, 160]


def test_more_frames_than_there_are_cannot_be_had(tmp_path):
    assert len(list(frames.read(write(tmp_path / "a.mp4", greys(7)), fps=30))) == 7


def test_a_long_video_is_sampled_more_sparsely(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "MAX_FRAMES", 5)
    found = list(frames.read(write(tmp_path / "a.mp4", greys(20)), fps=10))
    assert [round(frame.t, 2) for frame in found] == [0.0, 0.4, 0.8, 1.2, 1.6]


def test_a_video_of_large_frames_is_sampled_more_sparsely(tmp_path, monkeypatch):
    file = write(tmp_path / "a.avi", greys(20), codec="MJPG")
    monkeypatch.setattr(frames, "MAX_DECODED", 5 * 64 * 96)
    assert [round(frame.t, 2) for frame in frames.read(file, fps=10)] == [0.0, 0.4, 0.8, 1.2, 1.6]


def test_a_video_without_an_end_does_not_escape_the_limit(monkeypatch):
    """A header need not say how long the video is: what was decoded counts."""
    known = {cv2.CAP_PROP_FRAME_WIDTH: 96, cv2.CAP_PROP_FRAME_HEIGHT: 64, cv2.CAP_PROP_FPS: 10}
    endless = SimpleNamespace(
        get=lambda key: known.get(key, 0), grab=lambda: True, retrieve=lambda: (True, np.zeros((64, 96, 3), np.uint8))
    )
    monkeypatch.setattr(frames, "MAX_DECODED", 10 * 64 * 96)
    found = list(frames._sampled(endless, 10, "endless.avi"))
    assert len(found) == 10 and found[-1].cut


@pytest.mark.parametrize("slow", ["grab", "retrieve"])
def test_the_time_that_frames_take_is_limited(monkeypatch, slow):
    """Whether it is the decoding or the conversion that takes it."""
    known = {cv2.CAP_PROP_FRAME_WIDTH: 96, cv2.CAP_PROP_FRAME_HEIGHT: 64, cv2.CAP_PROP_FPS: 10}

    def answer(call: str, value: object) -> object:
        time.sleep(0.02 * (call == slow))
        return value

    endless = SimpleNamespace(
        get=lambda key: known.get(key, 0),
        grab=lambda: answer("grab", True),
        retrieve=lambda: answer("retrieve", (True, np.zeros((64, 96, 3), np.uint8))),
    )
    monkeypatch.setattr(frames, "MAX_SECONDS", 0.1)
    assert 1 <= len(list(frames._sampled(endless, 10, "slow.avi"))) <= 6


def test_what_is_left_unseen_is_told(tmp_path, monkeypatch):
    file = write(tmp_path / "a.avi", greys(20), codec="MJPG")
    assert [frame.cut for frame in frames.read(file, fps=2.5)] == [False] * 5
    monkeypatch.setattr(frames, "MAX_GRABBED", 10)
    assert [frame.cut for frame in frames.read(file, fps=2.5)] == [False, False, True]
    monkeypatch.setattr(frames, "MAX_SECONDS", -1.0)
    assert refusal(file).status == "unreadable"


def test_a_video_of_which_only_a_part_was_seen_says_so(detector, clip, monkeypatch):
    monkeypatch.setattr(frames, "MAX_GRABBED", 12)
    found = video.analyze(detector, clip, fps=4)
    assert found.status == "ok" and "only the first 1 seconds" in found.message


def test_people_of_a_long_video_are_followed_over_its_longer_gaps():
    one = SimpleNamespace(box=(10, 10, 30, 40))
    for apart, expected in ((0.25, [[0], [1], [2]]), (3.0, [[0], [0], [0]])):
        tracker = Tracker(apart)
        assert [tracker.follow(t, [one]) for t in (0.0, 3.0, 6.0)] == expected


def test_colours_are_in_rgb_order(tmp_path):
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 200
    [frame] = frames.read(write(tmp_path / "a.avi", [red], codec="MJPG"))
    assert frame.rgb[..., 0].mean() > 150 > 60 > frame.rgb[..., 2].mean()


@pytest.mark.parametrize("fps", [0, -1, 31, float("nan")])
def test_a_rate_that_makes_no_sense_is_refused(tmp_path, fps):
    with pytest.raises(ValueError, match="fps"):
        list(frames.read(tmp_path / "a.mp4", fps=fps))


def test_what_is_no_video_never_reaches_the_decoder(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: pytest.fail("reached"))
    play_list = "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n"
    for name, content in {"a.mp4": play_list.encode(), "b.mp4": b"ffconcat version 1.0\nfile '/etc/passwd'\n"}.items():
        (tmp_path / name).write_bytes(content)
        assert refusal(tmp_path / name).status == "unsupported"
    (tmp_path / "empty.mp4").write_bytes(b"")
    assert refusal(tmp_path / "empty.mp4").status == "unreadable"
    assert refusal(tmp_path / "missing.mp4").status == "unreadable"
    assert refusal(tmp_path).status == "unreadable"
    for address in ("http://127.0.0.1:1/a.mp4", "concat:a.mp4|b.mp4"):
        assert refusal(Path(address)).status == "unreadable"


def test_a_picture_is_no_video(tmp_path):
    (tmp_path / "a.jpg").write_bytes(SAMPLES["JPEG"])
    error = refusal(tmp_path / "a.jpg")
    assert error.status == "unsupported" and "a.jpg" in error.message


@pytest.mark.parametrize("name", [b"\xff.avi", b"x%03d.png", b"concat:a.avi", b"-i.avi", b"a b\n.avi"])
def test_a_name_is_only_a_name(tmp_path, name):
    """FFmpeg takes some for patterns or addresses, and OpenCV dies of those that are not UTF-8."""
    source = write(tmp_path / "a.avi", greys(10), codec="MJPG")
    cv2.imwrite(str(tmp_path / "x000.png"), np.zeros((64, 96, 3), np.uint8))
    file = os.fsencode(tmp_path) + b"/" + name
    shutil.copyfile(source, file)
    before = len(os.listdir("/dev/fd"))
    assert len(list(frames.read(os.fsdecode(file), fps=30))) == 10
    assert len(os.listdir("/dev/fd")) == before


def test_a_large_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "MAX_BYTES", 100)
    assert refusal(write(tmp_path / "a.mp4", greys(3))).status == "too_large"


def test_large_frames_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "MAX_PIXELS", 1000)
    error = refusal(write(tmp_path / "a.mp4", greys(3)))
    assert error.status == "too_large" and "96 x 64" in error.message


def test_damaged_videos_give_their_whole_frames_or_a_reason(tmp_path):
    whole = write(tmp_path / "a.avi", greys(20), codec="MJPG").read_bytes()
    for share in range(1, 10):
        part = tmp_path / "part.avi"
        part.write_bytes(whole[: len(whole) * share // 10])
        try:
            assert len(list(frames.read(part, fps=10))) <= 20
        except ImageError as error:
            assert error.status == "unreadable" and "part.avi" in error.message
    indexless = tmp_path / "indexless.mp4"
    indexless.write_bytes(write(tmp_path / "a.mp4", greys(20)).read_bytes()[:600])
    assert refusal(indexless).status == "unreadable"


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


def test_the_timeline_has_a_line_a_person(tmp_path):
    people = [video.Person(n, moments(n, 0, -n), CALIBRATION) for n in range(1, 9)]
    people.append(video.Person(9, moments(9), CALIBRATION))
    axes = timeline.figure(people, 0.25, 0.75, apart=2.0).axes[0]
    assert len(axes.lines) == timeline.SHOWN
    assert [line.get_label() for line in axes.lines][-2:] == ["person 5 (50 %)", "person 9 (>99 %)"]
    timeline.draw(people[:1], 0.25, 0.75, 2.0, tmp_path / "t.png")
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
