"""The tab for the camera: frame by frame, from memory, nothing stored.

The browser sends one small JPEG after another and draws what comes back (live.js). Gradio's own streaming writes every
frame it shows to the disk; this way none ever gets there.
"""

from __future__ import annotations

import base64
import threading
from typing import Any

import gradio as gr
import numpy as np

from deepdect import Detector, formats, images, pictures
from deepdect.texts import CODES, language
from deepdect.ui.wording import Wording
from explain import overlay

FRAMES_AT_ONCE = 2  # one is decoded while the network works on the other; more only wait
FRAME_BYTES = 512 * 1024  # a 640 x 480 JPEG has a tenth of it
FRAME_PIXELS = 1280 * 960
WAIT_SECONDS = 0.5  # for a place, so that a second visitor's frames come in between the first one's
PREFIX = "data:image/jpeg;base64,"
LIMITS = images.Limits(max_bytes=FRAME_BYTES, max_pixels=FRAME_PIXELS)
SHADES = 65  # of the map's colours, from its blue end to its orange one
CANVAS = (
    '<canvas width="640" height="480" role="img" hidden></canvas><p class="dd-live-verdict" aria-hidden="true"></p>'
    '<p class="dd-note dd-live-rate"></p><div class="dd-unseen" role="status"></div>'
)


class LiveTab:
    """A picture of the camera with boxes, verdicts and maps drawn on it; made inside a tab."""

    def __init__(self, detector: Detector, say: Wording) -> None:
        self.detector = detector
        self._places = threading.BoundedSemaphore(FRAMES_AT_ONCE)
        say.note("live_waiting", elem_id="live-waiting")
        gr.HTML(CANVAS, padding=False, elem_id="live")
        with gr.Row():
            say(gr.Button, {"value": "live_start"}, variant="primary", elem_id="live-start")
            say(gr.Button, {"value": "batch_stop"}, elem_id="live-stop")
        say.note("live_note", elem_classes="dd-small")
        say.note("limits", elem_classes="dd-small")

    def listen(self) -> None:
        """The one endpoint that live.js asks; not for the queue, in which every frame would wait for a photo's turn."""
        with gr.Row(visible=False):
            gr.Button().click(
                self.on_frame,
                gr.Textbox(),
                gr.JSON(),
                api_name="live",
                api_visibility="undocumented",
                queue=False,
                show_progress="hidden",
            )

    def on_frame(self, frame: str | None) -> dict[str, Any]:
        """A frame's faces, as `deepdect analyze --json` has them, and the band within which no verdict is given.

        frame: a JPEG of at most FRAME_PIXELS as a data URL; anything else is refused with a status, as a photo would
        be. Where others keep the detector busy, `{"busy": True}` and nothing else.
        """
        if not isinstance(frame, str) or not frame.startswith(PREFIX):
            return _refused("unsupported")
        if len(frame) > FRAME_BYTES * 4 // 3:
            return _refused("too_large")
        try:
            data = base64.b64decode(frame.removeprefix(PREFIX), validate=True)
        except ValueError:  # no base64
            return _refused("unreadable")
        if formats.kind_of(data) != "JPEG":
            return _refused("unsupported")
        if not self._places.acquire(timeout=WAIT_SECONDS):
            return {"busy": True}
        try:
            found = self.detector.analyze(images.load(data, name="frame.jpg", limits=LIMITS), small_faces=False)
        except images.ImageError as error:
            return _refused(error.status)
        finally:
            self._places.release()
        calibration = self.detector.calibration
        return {
            "status": found.status,
            "faces": [face.to_json() for face in found.faces],
            "band": [calibration.low, calibration.high],
        }


def constants() -> dict[str, Any]:
    """What live.js must know: the words that it draws, and the map's colours."""
    limit = overlay.SCALE_LOGITS
    colours, alpha = overlay.colorize(np.linspace(-limit, limit, SHADES, dtype=np.float32)[None])
    shades = np.column_stack([colours[0], np.rint(255 * alpha[0])]).astype(int)
    return {
        "words": {
            code: {
                "verdicts": dict(language(code).verdicts),
                "figures": language(code).live_figures,
                "decimal": language(code).decimal,
                "nobody": language(code).statuses["no_face"],
                "busy": language(code).live_busy,
            }
            for code in CODES
        },
        "tones": {verdict: list(colour) for verdict, colour in pictures.COLOURS.items()},
        "limit": limit,
        "shades": shades.tolist(),
    }


def _refused(status: str) -> dict[str, Any]:
    return {"status": status, "faces": []}
