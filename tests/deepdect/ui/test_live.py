"""The camera's endpoint: what it answers, and that a frame leaves no trace."""

from __future__ import annotations

import base64
import io
import threading
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from gradio.utils import get_upload_folder
from PIL import Image

from deepdect.texts import CODES
from deepdect.ui import gate, live
from deepdect.ui.page import Page
from tests.hostile.samples import SAMPLES

from .test_cards import CALIBRATION


def frame(rgb: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=90)
    return live.PREFIX + base64.b64encode(file.getvalue()).decode()


def ask(page_url: str, data: object) -> httpx.Response:
    return httpx.post(f"{page_url}/gradio_api/run/live", json={"data": [data]}, timeout=60)


def test_a_frame_is_answered_like_a_photo_and_stored_nowhere(page_url, detector, astronaut):
    folder = Path(get_upload_folder())
    before = sorted(folder.rglob("*"))
    picture = frame(astronaut[:480])
    answer = ask(page_url, picture).json()["data"][0]
    data = base64.b64decode(picture.removeprefix(live.PREFIX))
    assert (
        answer["faces"] == [face.to_json() for face in detector.analyze(data, small_faces=False).faces]
        and len(answer["faces"]) == 1
    )
    assert answer["status"] == "ok"
    assert answer["band"] == [detector.calibration.low, detector.calibration.high]
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (None, "unsupported"),
        (["a", "list"], "unsupported"),
        ("data:image/svg+xml;base64,AAAA", "unsupported"),
        (live.PREFIX + "no base64", "unreadable"),
        (live.PREFIX + "\N{LATIN SMALL LETTER E WITH ACUTE}" * 4, "unreadable"),
        (live.PREFIX + "AAAA", "unsupported"),
        (live.PREFIX + base64.b64encode(SAMPLES["PNG"]).decode(), "unsupported"),
        (live.PREFIX + base64.b64encode(SAMPLES["JPEG"][:200]).decode(), "unreadable"),
        (live.PREFIX + "A" * (live.FRAME_BYTES * 4 // 3), "too_large"),
        (frame(np.zeros((1300, 1300, 3), np.uint8)), "too_large"),
    ],
)
def test_what_is_no_frame_is_refused_without_a_traceback(page_url, data, status):
    answer = ask(page_url, data)
    assert "Traceback" not in answer.text
    result = answer.json()["data"][0]
    assert (result["status"], result["faces"]) == (status, [])


def test_a_blank_frame_has_no_face(page_url):
    answer = ask(page_url, frame(np.full((480, 640, 3), 90, np.uint8))).json()["data"][0]
    assert (answer["status"], answer["faces"]) == ("no_face", [])


class Slow:
    """A detector that takes its time, until it is let go."""

    calibration = CALIBRATION

    def __init__(self):
        self.entered, self.go = threading.Semaphore(0), threading.Event()

    def analyze(self, source, small_faces):
        self.entered.release()
        assert self.go.wait(30)
        return SimpleNamespace(status="no_face", faces=[])


def test_more_frames_than_places_are_told_to_wait(astronaut, monkeypatch):
    slow, picture = Slow(), frame(astronaut)
    tab = Page(slow).live
    threads = [threading.Thread(target=tab.on_frame, args=(picture,)) for _ in range(live.FRAMES_AT_ONCE)]
    for thread in threads:
        thread.start()
        assert slow.entered.acquire(timeout=30)
    monkeypatch.setattr(live, "WAIT_SECONDS", 0.01)
    assert tab.on_frame(picture) == {"busy": True}
    slow.go.set()
    for thread in threads:
        thread.join()
    assert tab.on_frame(picture)["status"] == "no_face"


@pytest.mark.parametrize("kind", ["run", "api"])
def test_no_other_endpoint_is_reached_under_the_camera_s_name(page_url, kind):
    """Gradio takes the number in the body over the name in the path; the queue and its limits must not be passed by."""
    config = httpx.get(f"{page_url}/config").json()
    numbers = [
        one["id"] for one in config["dependencies"] if one["api_name"] in {"analyze", "analyze_batch", "analyze_video"}
    ]
    assert len(numbers) == 3
    for number in numbers:
        answer = httpx.post(f"{page_url}/gradio_api/{kind}/live", json={"data": [None], "fn_index": number}, timeout=60)
        assert answer.status_code == 404 and "queue" in answer.text


def test_the_gate_counts_frames_for_themselves():
    judge = gate.Gate(None, rate=2)
    scope = {"client": ("203.0.113.7", 1)}
    for _ in range(50):
        judge._check_rate(scope, "/gradio_api/run/live")
    for _ in range(2):
        judge._check_rate(scope, "/gradio_api/run/analyze")
    with pytest.raises(gate.Refusal):
        judge._check_rate(scope, "/gradio_api/run/analyze")


def test_the_browser_is_told_every_word_and_the_map_s_own_colours():
    told = live.constants()
    assert set(told["words"]) == set(CODES) and told["words"]["de"]["verdicts"]["real"] == "Echt"
    shades = np.array(told["shades"])
    assert shades.shape == (live.SHADES, 4) and shades[live.SHADES // 2, 3] == 0
    blue, orange = shades[0], shades[-1]
    assert blue[2] > blue[0] and orange[0] > orange[2] and blue[3] == orange[3] == 140
