"""The page: its parts, and what happens when a photo is chosen or a face is picked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from deepdect import Analysis, Detector, ImageError, images
from deepdect.ui import cards, pictures, share
from deepdect.ui.texts import Texts

EXAMPLES = Path(__file__).with_name("examples")
CACHE_SECONDS = (300, 1500)  # how often the temporary folder is looked through, and how old its files may become
ANALYSES_AT_ONCE = 2  # one is decoded while the network, which uses every core, works on the other
WAITING_LINE = 64  # requests; more are turned away instead of waiting for minutes


@dataclass(frozen=True)
class Shown:
    """What a visitor looks at: an analysis without its pixels, and the file to take them from again."""

    analysis: Analysis
    file: str


class Page:
    """Builds the Blocks around a detector, and holds the listeners."""

    def __init__(self, detector: Detector, text: Texts) -> None:
        self.detector = detector
        self.text = text
        self.blocks = gr.Blocks(title=text.title, analytics_enabled=False, delete_cache=CACHE_SECONDS)
        with self.blocks:
            self._lay_out()
            self._listen()
        self.blocks.queue(max_size=WAITING_LINE)

    def _lay_out(self) -> None:
        text = self.text
        gr.HTML(f"<h1>{escape(text.title)}</h1><p>{escape(text.tagline)}</p>", elem_id="top", padding=False)
        with gr.Row(elem_id="question"):
            with gr.Column(min_width=300):
                # The listeners take the file as it came (preprocess=False): Gradio would open it with every decoder
                # that Pillow has, and turn an unreadable one into an error of its own.
                self.photo = gr.Image(
                    type="filepath",
                    image_mode=None,
                    sources=["upload", "webcam", "clipboard"],
                    label=text.photo,
                    show_label=False,
                    placeholder=text.placeholder,
                    height=380,
                    buttons=["fullscreen"],
                    elem_id="photo",
                )
                self.analyse = gr.Button(text.analyse, variant="primary", elem_id="analyse")
                gr.Examples(
                    [str(EXAMPLES / "real.png"), str(EXAMPLES / "altered.png")],
                    self.photo,
                    label=text.examples,
                    cache_examples=False,
                    api_visibility="private",
                    elem_id="examples",
                )
                self._small(text.examples_note, elem_id="examples-note")
            with gr.Column(min_width=300):
                self.result = gr.HTML(cards.waiting(text), elem_id="result", padding=False)
                with gr.Column(visible=False, elem_id="several") as self.several:
                    self.numbered = gr.Image(
                        format="png",
                        interactive=False,
                        label=text.all_faces,
                        show_label=False,
                        buttons=["fullscreen"],
                        elem_id="faces",
                    )
                    self.picker = gr.Radio(type="index", label=text.pick, elem_id="picker")
                self._small(text.limits)
        with gr.Column(visible=False, elem_id="evidence") as self.evidence:
            self.face = gr.HTML(padding=False)
            with gr.Row():
                with gr.Column(min_width=300):
                    self.slider = gr.ImageSlider(
                        format="png",
                        interactive=False,
                        label=text.slider,
                        show_label=False,
                        max_height=560,
                        buttons=["download", "fullscreen"],
                        elem_id="slider",
                    )
                    gr.HTML(cards.legend(text), padding=False)
                with gr.Column(min_width=300):
                    self.regions = gr.HTML(padding=False)
        self.privacy = gr.HTML(elem_id="privacy", elem_classes="dd-small", padding=False)
        self.shown = gr.State(time_to_live=sum(CACHE_SECONDS))

    @staticmethod
    def _small(words: str, elem_id: str | None = None) -> gr.HTML:
        return gr.HTML(f"<p>{escape(words)}</p>", elem_id=elem_id, elem_classes="dd-small", padding=False)

    def _listen(self) -> None:
        heavy: dict[str, Any] = {
            "concurrency_id": "detector",
            "concurrency_limit": ANALYSES_AT_ONCE,
            "preprocess": False,
        }
        everything = [
            self.result,
            self.shown,
            self.several,
            self.numbered,
            self.picker,
            self.evidence,
            self.face,
            self.slider,
            self.regions,
        ]
        for trigger in (self.photo.change, self.analyse.click):
            trigger(
                self._on_photo,
                self.photo,
                everything,
                show_progress="minimal",
                show_progress_on=self.result,
                api_visibility="private",
                **heavy,
            )
        one_face = [self.result, self.numbered, self.picker, self.face, self.slider, self.regions]
        self.picker.input(
            self._on_pick,
            [self.shown, self.picker],
            one_face,
            show_progress="hidden",
            api_visibility="private",
        )
        self.numbered.select(
            self._on_click,
            [self.shown],
            one_face,
            show_progress="hidden",
            api_visibility="private",
        )
        self.blocks.load(self._on_load, None, self.privacy, api_visibility="private", show_progress="hidden")
        with gr.Row(visible=False):
            document = gr.JSON()
            gr.Button().click(
                self._on_request,
                self.photo,
                document,
                api_name="analyze",
                api_description="Analyse one photo. Returns what `deepdect analyze --json` prints, with `path` null.",
                **heavy,
            )

    def _analyse(self, photo: dict[str, Any] | None) -> Analysis | None:
        """photo: Gradio's ImageData, as the browser or a client sent it. None where no photo was sent."""
        if not photo or not photo["path"]:
            return None
        path = Path(photo["path"]).resolve()
        # Gradio holds a path to this rule only where the sender marks it as a file, and the sender may choose not to.
        if not path.is_relative_to(Path(get_upload_folder()).resolve()):
            raise gr.Error(self.text.not_uploaded, title=self.text.refusals["unreadable"], print_exception=False)
        return self.detector.analyze(path, name=photo["orig_name"] or path.name)

    def _on_request(self, photo: dict[str, Any] | None) -> dict[str, Any]:
        analysis = self._analyse(photo)
        if analysis is None:
            raise gr.Error(self.text.no_photo, title=self.text.no_photo_title, print_exception=False)
        # gradio_client takes any object whose `path` is a text for a file to download; the sender knows the name anyway
        return analysis.to_json() | {"path": None}

    def _on_photo(self, photo: dict[str, Any] | None) -> Iterator[dict[Any, Any]]:
        """Clears the page first, so that no photo is left beside another one's verdict where the analysis fails."""
        yield {
            self.result: cards.working(self.text) if photo else cards.waiting(self.text),
            self.shown: None,
            self.several: gr.Column(visible=False),
            self.evidence: gr.Column(visible=False),
        }
        try:
            analysis = self._analyse(photo)
        except Exception:
            yield {self.result: cards.message(self.text.failed_title, self.text.failed)}
            raise
        if photo is None or analysis is None:
            return
        result = {self.result: cards.picture(analysis, self.detector.calibration, self.text)}
        if analysis.photo is None or not analysis.faces:
            yield result
            return
        chosen = cards.most_suspicious(analysis.faces)
        choices = [(cards.choice(number, face, self.text), number) for number, face in enumerate(analysis.faces)]
        yield (
            result
            | self._one_face(analysis, analysis.photo, chosen)
            | {
                self.shown: Shown(replace(analysis, photo=None), photo["path"]),
                self.several: gr.Column(visible=len(choices) > 1),
                self.picker: gr.Radio(choices=choices, value=chosen),
                self.evidence: gr.Column(visible=True),
            }
        )

    def _on_pick(self, shown: Shown | None, chosen: int | None) -> dict[Any, Any]:
        if shown is None or chosen is None:
            return {self.result: cards.message(self.text.gone_title, self.text.gone)}
        try:
            photo = images.load(shown.file)
        except ImageError:  # deleted meanwhile: it was readable before
            return {self.result: cards.message(self.text.gone_title, self.text.gone)}
        return self._one_face(shown.analysis, photo, chosen)

    def _on_click(self, shown: Shown | None, event: gr.SelectData) -> dict[Any, Any]:
        if shown is None:
            return self._on_pick(None, None)
        size = max(shown.analysis.width or 0, shown.analysis.height or 0)
        scale = max(1.0, size / pictures.NUMBERED_PIXELS)
        chosen = pictures.face_at(shown.analysis.faces, event.index[0] * scale, event.index[1] * scale)
        if chosen is None:
            return {}
        return self._on_pick(shown, chosen) | {self.picker: gr.Radio(value=chosen)}

    def _one_face(self, analysis: Analysis, photo: Any, chosen: int) -> dict[Any, Any]:
        """The updates that show one of the faces. photo: uint8 RGB [h, w, 3]."""
        several = len(analysis.faces) > 1
        return {
            self.numbered: pictures.numbered(photo, analysis.faces, chosen) if several else None,
            self.face: cards.face(analysis, chosen, self.text),
            self.slider: pictures.before_after(photo, analysis.faces[chosen]),
            self.regions: cards.regions(analysis.faces[chosen], self.text),
        }

    def _on_load(self, request: gr.Request) -> str:
        kept = self.text.kept.format(minutes=sum(CACHE_SECONDS) // 60)
        words = share.privacy(request.headers.get("host", ""), self.blocks.share_url, self.text)
        return f"<p>{escape(words)} {escape(kept)}</p>"
