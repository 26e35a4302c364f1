"""How many frames of a camera the page analyses in a second: `python -m benchmarks.live`.

Frames of 640 x 480 pixels go through the page as served, from two connections as in the browser, whose own drawing is
left out; a face of a fifth of the frame's width moves in them.
"""

from __future__ import annotations

import base64
import threading
import time
from typing import Annotated

import httpx
import numpy as np
import typer

from benchmarks import pictures
from deepdect import Detector, ui
from deepdect.ui.live import FRAMES_AT_ONCE, PREFIX


def frames(count: int = 30) -> list[str]:
    """The portrait moving sideways, as the data URLs that a browser sends."""
    portrait, made = pictures.portrait(512 * 512 / 1e6), []
    for n in range(count):
        frame = np.full((480, 640, 3), 120, np.uint8)
        left = 48 + 2 * abs(count // 2 - n)
        frame[:, left : left + 512] = portrait[:480]
        made.append(PREFIX + base64.b64encode(pictures.jpeg(frame)).decode())
    return made


def measure(url: str, sent: list[str], seconds: float) -> list[float]:
    """Seconds that each frame took which was sent within `seconds`. Raises RuntimeError for one without its face."""
    taken: list[float] = []
    failed: list[str] = []
    end = time.perf_counter() + seconds

    def feed(lane: int) -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            number = lane
            while time.perf_counter() < end and not failed:
                began = time.perf_counter()
                answer = client.post("/gradio_api/run/live", json={"data": [sent[number % len(sent)]]})
                if not answer.is_success or len(answer.json()["data"][0].get("faces", ())) != 1:
                    failed.append(f"frame {number}: {answer.status_code} {answer.text[:200]}")
                taken.append(time.perf_counter() - began)
                number += FRAMES_AT_ONCE

    lanes = [threading.Thread(target=feed, args=(lane,)) for lane in range(FRAMES_AT_ONCE)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    if failed:
        raise RuntimeError(failed[0])
    return taken


def main(seconds: Annotated[float, typer.Option(help="How long to feed frames.")] = 15.0) -> None:
    """Serve the page and feed it frames."""
    page = ui.build(Detector())
    _, url, _ = page.launch(
        server_name="127.0.0.1", prevent_thread_lock=True, share=False, **(ui.LAUNCH | ui.EVERYONE.launch())
    )
    sent = frames()
    measure(url, sent, 2.0)  # warm up
    began = time.perf_counter()
    taken = measure(url, sent, seconds)
    whole = time.perf_counter() - began  # the last frames are answered after `seconds`
    page.close()
    late = np.percentile(taken, 95)
    rate, median = len(taken) / whole, np.median(taken)
    print(f"{rate:.1f} frames a second; {1000 * median:.0f} ms each, 95 % within {1000 * late:.0f} ms")


if __name__ == "__main__":
    typer.run(main)
