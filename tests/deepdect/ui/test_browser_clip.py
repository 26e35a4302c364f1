"""The video tab in a real Chromium."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pypdf import PdfReader

from tests.clips import write

pytestmark = pytest.mark.browser

FILE = "#clip input[type=file]"
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}


def start(page: Any, file: Path | None) -> None:
    """Choose a video, wait until it is there, and start."""
    page.get_by_role("tab", name="Video").click()
    if file:
        page.set_input_files(FILE, str(file))
        page.wait_for_selector("#clip .file-preview")
    page.click("#clip-start")


def test_a_video_s_people_moments_and_their_evidence(open_page, clip):
    page = open_page()
    start(page, clip)
    page.wait_for_selector("#clip-verdict .dd-probability")
    assert re.match(r"(Real|Deepfake|Inconclusive)\s+(<1|>99|\d+)\s%", page.inner_text("#clip-verdict .dd-card"))
    people = page.locator(".dd-people li").all_inner_texts()
    assert len(people) == 2 and "Frames: 12 (0.0–2.8 s)" in people[0]
    assert page.locator(".dd-plot .dd-dots").count() == 2
    page.locator("#clip-moments .thumbnail-item").first.click()
    page.wait_for_selector("#clip-result .dd-face")
    assert re.match(r"Person \d at \d\.\d s", page.inner_text("#clip-result .dd-face"))
    page.wait_for_function("/[✓✗]/.test(document.querySelector('#clip-evidence .dd-regions table')?.innerText)")
    page.wait_for_selector("#clip-slider img")
    with page.expect_download() as waiting:
        page.click("#clip-get-json")
    [known] = json.loads(Path(waiting.value.path()).read_text())
    assert len(known["people"]) == 2 and known["path"] == clip.name
    with page.expect_download() as waiting:
        page.click("#clip-get-pdf")
    report = [one.extract_text() for one in PdfReader(waiting.value.path()).pages]
    assert len(report) == 1 + page.locator("#clip-moments .thumbnail-item").count()
    assert clip.name in report[0] and all(re.search("[✓✗]", moment) for moment in report[1:])
    page.click("#language input")
    page.get_by_role("option", name="Deutsch").click()
    page.wait_for_function("/Echt.*Unklar/s.test(document.querySelector('#clip-verdict .dd-card')?.innerText)")
    heading = page.inner_text("#clip-result .dd-face")
    assert heading.startswith("Person ") and " bei " in heading


def test_without_a_video_the_page_asks_for_one(open_page):
    page = open_page()
    start(page, None)
    told = "document.querySelector('#clip-verdict').innerText.includes('Choose or record a video first')"
    page.wait_for_function(told)
    page.wait_for_timeout(1500)  # what comes after it must leave it there
    assert page.evaluate(told)


def test_a_video_on_a_phone_fits_its_width(open_page, clip):
    page = open_page(**PHONE)
    start(page, clip)
    page.wait_for_selector("#clip-verdict .dd-probability")
    page.wait_for_selector("#clip-moments img")
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) == 0


def test_a_video_can_be_stopped(open_page, astronaut, tmp_path):
    frame = cv2.resize(astronaut, (1280, 1280))
    page = open_page()
    start(page, write(tmp_path / "long.mp4", [np.roll(frame, n, axis=1) for n in range(240)], fps=4))
    page.wait_for_selector(".dd-people")
    page.click("#clip-stop")
    page.wait_for_function("document.querySelector('#clip-verdict .dd-card')?.innerText.startsWith('Stopped after')")
    page.wait_for_selector("#clip-moments img")
    page.wait_for_timeout(1500)
    assert page.inner_text("#clip-verdict .dd-card").startswith("Stopped after")  # nothing goes on behind it
    seconds = float(re.search(r"after ([\d.]+) s", page.inner_text("#clip-verdict .dd-card"))[1])
    assert seconds < 50


def test_what_is_no_video_says_why(open_page, tmp_path):
    page = open_page()
    start(page, None)
    told = "(words) => document.querySelector('#clip-verdict .dd-card')?.innerText.includes(words)"
    page.wait_for_function(told, arg="Choose or record a video")
    (tmp_path / "broken.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(40))
    start(page, tmp_path / "broken.mp4")
    page.wait_for_function("document.querySelector('#clip-verdict .dd-card')?.innerText.includes('broken.mp4')")
    assert page.inner_text("#clip-verdict .dd-card").startswith("This video cannot be analysed")
    assert page.locator("#clip-done").is_hidden()


def test_a_video_is_recorded_with_the_camera(open_page):
    page = open_page(permissions=["camera"])
    page.get_by_role("tab", name="Video").click()
    for _ in range(2):  # the second one takes the first one's place
        page.click("#clip-record")
        page.wait_for_function("document.querySelector('.dd-recorder video')?.videoWidth > 0")
        page.wait_for_timeout(1200)
        page.click(".dd-recorder button")
        page.wait_for_selector(".dd-recorder", state="detached")
        page.wait_for_selector("#clip .file-preview")
    assert page.inner_text("#clip .filename").startswith("recording")
    page.click("#clip-start")
    page.wait_for_selector("#clip-verdict .dd-probability")
    assert page.locator(".dd-people li").count() == 1


def test_without_a_camera_the_page_says_so(open_page):
    page = open_page(permissions=[])
    page.get_by_role("tab", name="Video").click()
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('no such device')); }")
    page.click("#clip-record")
    page.wait_for_selector(".dd-recorder p")
    assert page.inner_text(".dd-recorder") == "The camera cannot be used: no such device"
    assert page.locator("#clip-record").is_visible()
