"""The page as it is served, the pictures it is shown, and a real Chromium to look at it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

UPLOAD = "#photo input[type=file]"
DESKTOP = {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture(scope="session")
def page_url(detector) -> Iterator[str]:
    """Address of the launched page, with the settings that `serve` uses."""
    from deepdect import ui

    page = ui.build(detector)
    settings = ui.LAUNCH | ui.EVERYONE.launch()
    _, url, _ = page.launch(server_name="127.0.0.1", prevent_thread_lock=True, share=False, **settings)
    yield url.rstrip("/")
    page.close()


@pytest.fixture(scope="session")
def pictures(astronaut, tmp_path_factory) -> Path:
    """A folder with face.png, two faces.png, blank.png, garbage.png, cut.jpg and huge.png (too many pixels)."""
    from training import example_pictures as make

    folder = tmp_path_factory.mktemp("pictures")
    Image.fromarray(astronaut).save(folder / "face.png")
    half = astronaut[:300, 60:400]
    make.label(np.ascontiguousarray(np.hstack([half, half[:, ::-1]]))).save(folder / "two faces.png")
    Image.new("RGB", (320, 240), (120, 130, 140)).save(folder / "blank.png")
    (folder / "garbage.png").write_bytes(bytes(range(256)) * 40)
    Image.fromarray(astronaut).save(folder / "whole.jpg")
    (folder / "cut.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:9000])
    Image.new("1", (20000, 6000)).save(folder / "huge.png")
    return folder


@pytest.fixture(scope="session")
def camera(astronaut, tmp_path_factory) -> Path:
    """What Chromium's false camera films: the portrait, 640 x 480, moving a little. Motion JPEG is JPEGs in a row."""
    file = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    with file.open("wb") as stream:
        for n in range(30):
            frame = np.full((480, 640, 3), 120, np.uint8)
            left = 64 + abs(15 - n)
            frame[:, left : left + 512] = astronaut[:480]
            Image.fromarray(frame).save(stream, "JPEG", quality=92)
    return file


@pytest.fixture(scope="session")
def chromium(camera):
    """Debian's Chromium, driven by Playwright (whose own browsers would be a download)."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("no chromium on the PATH (Debian: apt-get install chromium)")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    flags += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={camera}"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, page_url) -> Iterator[Callable[..., Any]]:
    """Opens the page; at the end, nothing may have gone wrong in it, and no request may have left this machine."""
    contexts, requests, errors = [], [], []

    def opened(**settings: Any) -> Any:
        context = chromium.new_context(**(DESKTOP | settings))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(page_url)
        page.wait_for_selector(UPLOAD, state="attached")
        page.wait_for_function("document.querySelector('#privacy').innerText.includes('this machine')")
        return page

    yield opened
    for context in contexts:
        context.close()
    foreign = [url for url in requests if not url.startswith((page_url, "data:", "blob:"))]
    assert len(requests) > 10 and foreign == []
    assert errors == []
