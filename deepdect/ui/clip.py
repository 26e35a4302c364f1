"""The tab for a video, its people and its most suspicious moments, and the page's endpoint `/analyze_video`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import gradio as gr

from deepdect import Detector, video
from deepdect.images import printable
from deepdect.messages import Message
from deepdect.pdf import clip as clip_report
from deepdect.report import digest, to_json
from deepdect.scenes import Scene, Scenes
from deepdect.texts import ENGLISH, Texts
from deepdect.ui import cards, clip_cards, downloads
from deepdect.ui.download_buttons import DownloadButtons
from deepdect.ui.endpoint import endpoint
from deepdect.ui.explanation import QUIET, Explanation, spoken
from deepdect.ui.shown import Shown
from deepdect.ui.uploads import own_folder, upload
from deepdect.ui.wording import Wording

VIDEOS_AT_ONCE = 1  # photos, which somebody waits for, have places of their own
FPS = 4.0
Sent = dict[str, Any] | None
Outcome = Literal["done", "stopped", "failed"]  # by itself, by the visitor, or by an error of ours


@dataclass
class Clip:
    """What a visitor's video has come to, kept up to date in place: a stop and another language find it as it is.

    code: the language. sha256: the file's. analysis: None before the first frames. reached: seconds looked at. share:
    of the video, None where nobody knows. outcome: how it ended, None while it goes on; a failed one has no result.
    kept: the most suspicious moments, once it has ended. file: whose it is. left: another one takes its place.
    """

    code: str
    sha256: str | None = None
    analysis: video.VideoAnalysis | None = None
    reached: float = 0.0
    share: float | None = 0.0
    found: Scenes = field(default_factory=Scenes)
    kept: list[Scene] = field(default_factory=list)
    outcome: Outcome | None = None
    file: Path | None = None
    left: bool = False
    _lock: Lock = field(default_factory=Lock, repr=False)  # a stop may come while a step is taken

    def take(self, step: video.Step) -> None:
        """The next step, unless it has ended. Its frames are looked through and let go."""
        with self._lock:
            if self.outcome:
                return
            self.analysis = step.analysis
            for look in step.looks:
                self.found.add(look)
                self.reached, self.share = look.t, step.share
        if not step.looks:
            self.end("done")

    def end(self, outcome: Outcome) -> None:
        """Nothing more is to come. What it ended by first holds."""
        with self._lock:
            if self.outcome:
                return
            if self.analysis and self.analysis.people and outcome != "failed":
                self.kept = self.found.keep(own_folder())
            self.found = Scenes()
            self.outcome = outcome

    def leave(self) -> None:
        """Ends without a result: the video is no longer chosen, or is begun again."""
        self.left = True
        self.end("failed")


class ClipTab:
    """A video beside its result, people and moments, and the explanation of the chosen moment; made inside a tab."""

    def __init__(self, detector: Detector, say: Wording, seconds: int) -> None:
        self.detector = detector
        self.explanation = Explanation(detector, say, "clip", seconds)
        self.state = gr.State(time_to_live=seconds)
        with gr.Row(elem_id="clip-question"):
            with gr.Column(min_width=300):
                # no gr.Video: what it offers for cutting a video is fetched from another site
                self.file = say(gr.File, {"label": "video"}, file_types=["video"], height=170, elem_id="clip")
                say.note("video_hint", elem_classes="dd-small")
                with gr.Row():
                    self.start = say(gr.Button, {"value": "video_start"}, variant="primary", elem_id="clip-start")
                    self.stop = say(gr.Button, {"value": "batch_stop"}, elem_id="clip-stop")
                self.record = say(gr.Button, {"value": "record"}, elem_id="clip-record")
            with gr.Column(min_width=300):
                self.result = say.note("video_waiting", changing=True, elem_id="clip-verdict")
                self.downloads = DownloadButtons(say, "clip", ("pdf", "json"))
                say.note("limits", elem_classes="dd-small")
        with gr.Column(visible=False, elem_id="clip-done") as self.done:
            self.people = gr.HTML(padding=False)
            with gr.Column(visible=False, elem_id="clip-strip") as self.strip:
                say.note("moments_head", elem_classes="dd-face")
                self.moments = say(
                    gr.Gallery,
                    {"label": "moments"},
                    show_label=False,
                    columns=6,
                    height="auto",
                    allow_preview=False,
                    interactive=False,
                    buttons=[],
                    elem_id="clip-moments",
                )
        self.explanation.lay_out_verdict(None)
        self.explanation.lay_out_evidence()

    @property
    def parts(self) -> list[Any]:
        """What a video changes while it goes on, as outputs."""
        return [self.result, self.state, self.downloads.row, self.done, self.people, self.strip, self.moments]

    def listen(self, code: gr.Dropdown) -> None:
        """code: the language picker."""
        heavy: dict[str, Any] = {
            "concurrency_id": "video",
            "concurrency_limit": VIDEOS_AT_ONCE,
            "preprocess": False,
        }
        before = self.explanation.shown
        shown = list(dict.fromkeys([*self.parts, *self.explanation.parts]))
        # at once, since another visitor's video may come first
        waiting = self.start.click(
            self._on_wait,
            [self.file, code, before, self.state],
            shown,
            preprocess=False,
            concurrency_limit=None,
            **QUIET,
        )
        # by default Gradio drops a start while an earlier one is ending
        every: dict[str, Any] = {"trigger_mode": "multiple", **QUIET}
        waiting.success(self._on_start, [self.file, self.state], shown, **every, **heavy)
        self.file.change(self._on_change, [self.file, self.state, code, before], shown, preprocess=False, **QUIET)
        # not by Gradio's `cancels`, which at times leaves "Error" over the result: the clip itself says that it ended
        self.stop.click(self._on_stop, self.state, self.parts, **QUIET)
        opened = self.moments.select(self._on_select, [self.state, code, before], self.explanation.parts, **every)
        self.explanation.check_after(opened)
        self.explanation.listen(code)
        self.downloads.listen(self._on_download, [self.state, code])
        endpoint(
            self._on_request,
            gr.File,
            "Video",
            "analyze_video",
            "Analyse a video, four frames of every second. Returns what `deepdect video --json` prints, with `path` "
            "null. Upload it with `handle_file(path)`; addresses are refused.",
            **heavy,
        )

    def reworded(self, clip: Clip | None, text: Texts) -> dict[Any, Any]:
        """What is shown, in another language."""
        if clip is None or clip.left:
            return {}
        clip.code = text.code
        return self._shown(clip)

    def _on_request(self, file: Sent) -> dict[str, Any]:
        sent = upload(file, ENGLISH)
        if sent is None:
            raise gr.Error(ENGLISH.video_none, title=ENGLISH.video_title, print_exception=False)
        # `path` is null for the reason that the photo tab gives
        return video.analyze(self.detector, sent.file, FPS, sent.name).to_json() | {"path": None}

    def _on_wait(self, sent: Sent, code: str, before: Shown | None, earlier: Clip | None = None) -> dict[Any, Any]:
        text = spoken(code)
        if earlier:
            earlier.leave()
        file = upload(sent, text)
        if file is None:
            return self._cleared(cards.message(text.video_title, text.video_none), before) | {self.state: None}
        clip = Clip(text.code, file=file.file)
        return self.explanation.cleared("", before) | self._shown(clip) | {self.state: clip}

    def _on_change(self, sent: Sent, clip: Clip | None, code: str, before: Shown | None) -> dict[Any, Any]:
        """Clears the page, so that no video is left beside another one's verdict."""
        text = spoken(code)
        file = upload(sent, text)
        if clip is None or clip.left or (file and file.file == clip.file):
            return gr.skip()
        clip.leave()
        return self._cleared(cards.waiting(text.video_title, text.video_waiting), before)

    def _cleared(self, card: str, before: Shown | None) -> dict[Any, Any]:
        hidden = {self.done: gr.Column(visible=False), self.downloads.row: gr.Row(visible=False)}
        return self.explanation.cleared("", before) | hidden | {self.result: card}

    def _on_start(self, sent: Sent, clip: Clip | None) -> Iterator[dict[Any, Any]]:
        file = None if clip is None or clip.outcome else upload(sent, spoken(clip.code))
        if clip is None or file is None:  # nothing was sent, or it was stopped while it waited
            yield gr.skip()  # without an answer, Gradio would empty what is shown
            return
        clip.sha256 = digest(file.file)
        try:
            for step in video.steps(self.detector, file.file, FPS, file.name):
                if clip.left:
                    yield gr.skip()
                    return
                if clip.outcome:  # stopped meanwhile; said again, since a step that was on its way may have come later
                    yield self._shown(clip)
                    return
                clip.take(step)
                shown = self._shown(clip) | {self.state: clip}
                yield gr.skip() if clip.left else shown  # its state would take the place of the one that followed
        except Exception:
            clip.end("failed")
            yield gr.skip() if clip.left else self._shown(clip)
            raise

    def _on_stop(self, clip: Clip | None) -> dict[Any, Any]:
        if clip is None or clip.outcome:
            return gr.skip()
        clip.end("stopped")
        return self._shown(clip) | {self.state: clip}

    def _on_select(self, clip: Clip | None, code: str, before: Shown | None, event: gr.SelectData) -> dict[Any, Any]:
        text = spoken(code)
        gone = self.explanation.cleared(cards.message(text.gone_title, text.video_gone), before)
        if clip is None or not 0 <= event.index < len(clip.kept):
            return gone
        scene = clip.kept[event.index]
        photo = scene.photo()
        if photo is None:
            return gone
        return self.explanation.show(
            scene.picture, photo, scene.file, text, moment=(scene.person, scene.t), keep=scene.checked
        )

    def _on_download(self, kind: str, clip: Clip | None, code: str) -> str:
        """The report has every moment's evidence, so those that nobody looked at are checked now."""
        text = spoken(code)
        gone = gr.Error(text.video_gone, title=text.gone_title, print_exception=False)
        found = clip.analysis if clip and clip.outcome in ("done", "stopped") else None
        if clip is None or found is None or not found.people:
            raise gone
        if kind == "json":
            result = found.to_json()
            if clip.outcome == "stopped":  # there is no verdict on all of it
                told = Message("video_halted", name=printable(found.path), seconds=f"{clip.reached:.1f}")
                result |= {"message": told, "verdict": None, "fake_probability": None}
            return str(downloads.save("deepdect.json", downloads.as_bytes(to_json([result]))))
        moments = []
        for scene in clip.kept:
            photo = scene.verify(self.detector)
            if photo is None:
                raise gone
            moments.append((scene, photo))
        stopped = clip.reached if clip.outcome == "stopped" else None
        report = clip_report.to_pdf(found, clip.sha256, moments, text, stopped=stopped)
        return str(downloads.save("deepdect.pdf", report))

    def _shown(self, clip: Clip) -> dict[Any, Any]:
        """The verdict once there is one; before, how far it is."""
        text, calibration = spoken(clip.code), self.detector.calibration
        people = clip.analysis.people if clip.analysis and clip.outcome != "failed" else ()
        if clip.outcome == "failed":
            card = cards.message(text.failed_title, text.video_failed)
        elif clip.outcome == "stopped":
            card = cards.message(text.stopped_after(clip.reached), text.video_partial if people else text.no_score)
        elif clip.outcome and clip.analysis:
            card = clip_cards.result(clip.analysis, calibration, text)
        else:
            done = None if clip.share is None else round(100 * clip.share)
            card = cards.progress(text.video_working.format(seconds=text.tenths(clip.reached)), done, 100)
        return {
            self.result: card,
            self.done: gr.Column(visible=bool(people)),
            self.downloads.row: gr.Row(visible=bool(clip.outcome and people)),
            self.people: clip_cards.people(clip.analysis, calibration, text) if clip.analysis and people else "",
            self.moments: gr.Gallery(
                [(scene.thumbnail, text.caption(scene.person, scene.t)) for scene in clip.kept],
                label=text.moments,
            ),
            self.strip: gr.Column(visible=bool(clip.kept)),
        }
