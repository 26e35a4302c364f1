"""A result and its explanation: the same parts on either tab, and what happens when another face is picked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.events import Dependency

from deepdect import Analysis, Detector, ImageError, images, pictures
from deepdect.messages import Message
from deepdect.texts import CODES, DEFAULT, Texts, language
from deepdect.ui import cards
from deepdect.ui.shown import Shown
from deepdect.ui.wording import Wording

CHECKS_AT_ONCE = 1  # each is ten faces' work, for an answer that is already there
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def spoken(code: str | None) -> Texts:
    """The texts of the picker's value, as the browser sent it."""
    return language(code if code in CODES else DEFAULT)


class Explanation:
    """A verdict card, the picker of faces, and the reason and the evidence of the chosen one.

    Lay out `verdict` and `evidence` where they belong, then `listen`. name: distinguishes the elements of two tabs.
    named: whether the card says which file it is about.
    """

    def __init__(self, detector: Detector, say: Wording, name: str, seconds: int, *, named: bool = False) -> None:
        self.detector, self.say, self.name, self.named = detector, say, name, named
        self.shown = gr.State(time_to_live=seconds)

    def lay_out_verdict(self, waiting: str | None) -> None:
        """The card, with that phrase until there is a result, the picker of faces, and the chosen one's reason."""
        settings: dict[str, Any] = {"elem_id": self._id("result"), "elem_classes": "dd-result"}
        if waiting:
            self.result = self.say.note(waiting, changing=True, **settings)
        else:
            self.result = gr.HTML(padding=False, **settings)
        with gr.Column(visible=False, elem_id=self._id("several"), elem_classes="dd-several") as self.several:
            self.numbered = self.say(
                gr.Image,
                {"label": "all_faces"},
                format="png",
                interactive=False,
                show_label=False,
                buttons=["fullscreen"],
                elem_id=self._id("faces"),
            )
            self.picker = self.say(gr.Radio, {"label": "pick"}, type="index", elem_id=self._id("picker"))
        self.reason = gr.HTML(visible=False, padding=False, elem_id=self._id("reason"))
        self.origin = gr.HTML(visible=False, padding=False, elem_id=self._id("origin"))

    def lay_out_evidence(self) -> None:
        """The chosen face's map and regions."""
        with gr.Column(visible=False, elem_id=self._id("evidence"), elem_classes="dd-evidence") as self.evidence:
            self.face = gr.HTML(padding=False)
            with gr.Row():
                with gr.Column(min_width=300):
                    self.slider = self.say(
                        gr.ImageSlider,
                        {"label": "slider"},
                        format="png",
                        interactive=False,
                        show_label=False,
                        max_height=560,
                        buttons=["download", "fullscreen"],
                        elem_id=self._id("slider"),
                        elem_classes="dd-slider",
                    )
                    self.say.note("legend")
                with gr.Column(min_width=300):
                    self.regions = gr.HTML(padding=False)

    @property
    def parts(self) -> list[Any]:
        """Everything that a new result changes, as outputs."""
        return [self.shown, self.several, self.evidence, self.origin, *self._one_face_parts]

    @property
    def _one_face_parts(self) -> list[Any]:
        """What another face changes; the card, too, where the result has expired."""
        return [self.result, self.numbered, self.picker, self.reason, self.face, self.slider, self.regions]

    @property
    def pictures(self) -> list[Any]:
        """Those of the parts that take a while to encode."""
        return [self.numbered, self.slider]

    def listen(self, code: gr.Dropdown) -> None:
        """Faces are chosen by number and by a click on the picture. code: the language picker."""
        outputs = self._one_face_parts
        # each choice is answered, in order: by default Gradio drops those that come while one is under way
        every: dict[str, Any] = {"trigger_mode": "multiple", **QUIET}
        self.check_after(self.picker.input(self._on_pick, [self.shown, self.picker, code], outputs, **every))
        self.check_after(self.numbered.select(self._on_click, [self.shown, code], outputs, **every))

    def check_after(self, event: Dependency) -> None:
        """Once that listener has shown a face, its regions are hidden in turn, and what is said of it is renewed.

        A place of its own in the queue keeps these ten passes from holding up anybody's verdict.
        """
        event.success(
            self._on_check,
            self.shown,
            [self.reason, self.face, self.regions],
            trigger_mode="always_last",
            concurrency_id="check",
            concurrency_limit=CHECKS_AT_ONCE,
            **QUIET,
        )

    def cleared(self, result: str, before: Shown | None) -> dict[Any, Any]:
        """Nothing but a card, so that no photo is left beside another one's verdict. before: what was shown."""
        if before is not None:
            before.left, before.instead = True, result
        return {
            self.result: result,
            self.shown: None,
            self.several: gr.Column(visible=False),
            self.reason: gr.HTML(visible=False),
            self.origin: gr.HTML(visible=False),
            self.evidence: gr.Column(visible=False),
        }

    def awaited(self, file: Path, text: Texts, before: Shown | None) -> dict[Any, Any]:
        """Nothing but the news that the file is being analysed."""
        waiting = Shown(None, file, code=text.code, waiting=True)
        return self.cleared(cards.working(text.working), before) | {self.shown: waiting}

    def failed(self, file: Path, text: Texts) -> dict[Any, Any]:
        """After an error in the program itself."""
        return {self.result: cards.message(text.failed_title, text.failed), self.shown: Shown(None, file)}

    def show(
        self,
        analysis: Analysis,
        photo: np.ndarray | None,
        file: Path,
        text: Texts,
        *,
        said: tuple[Message, ...] = (),
        moment: tuple[int, float] | None = None,
        keep: Callable[[Analysis], None] | None = None,
        sha256: str | None = None,
    ) -> dict[Any, Any]:
        """A picture's result. analysis: without pixels; photo: those, uint8 RGB [h, w, 3], None where unreadable.

        said: what the file says about itself. moment: where it is a frame of a video, whose one face this is and at how
        many seconds. keep, sha256: as in Shown.
        """
        updates: dict[Any, Any] = {
            self.result: self._card(analysis, moment, text),
            self.reason: gr.HTML(visible=False),
            self.several: gr.Column(visible=len(analysis.faces) > 1),
            self.evidence: gr.Column(visible=bool(analysis.faces)),
        }
        own = photo is not None and moment is None  # a frame's file is ours: it says nothing about the video's origin
        updates[self.origin] = gr.HTML(cards.origin(said, text), visible=own)
        if photo is None or not analysis.faces:
            return updates | {self.shown: Shown(analysis, file, origin=said, sha256=sha256)}
        chosen = analysis.most_suspicious
        choices = self._choices(analysis, text)
        updates |= self._one_face(analysis, photo, chosen, text)
        return updates | {
            self.shown: Shown(analysis, file, chosen, text.code, origin=said, moment=moment, keep=keep, sha256=sha256),
            self.picker: gr.Radio(choices, value=chosen),
        }

    def reworded(self, shown: Shown | None, chosen: int | None, text: Texts) -> dict[Any, Any]:
        """What is shown, in another language. chosen: the picker's value."""
        if shown is None:
            return {}
        if shown.waiting:
            shown.code = text.code
            return {self.result: cards.working(text.working)}
        if shown.analysis is None:
            return self.failed(shown.file, text)
        words: dict[Any, Any] = {
            self.result: self._card(shown.analysis, shown.moment, text),
            self.origin: gr.HTML(cards.origin(shown.origin, text)),
        }
        if shown.analysis.faces:
            chosen = shown.analysis.most_suspicious if chosen is None else chosen
            shown.chosen, shown.code = chosen, text.code
            words |= {
                self.picker: gr.Radio(self._choices(shown.analysis, text), value=chosen, label=text.pick),
                **self._reasons(shown.analysis, chosen, text),
            }
        return words

    def _card(self, analysis: Analysis, moment: tuple[int, float] | None, text: Texts) -> str:
        if moment is None:
            return cards.picture(analysis, self.detector.calibration, text, named=self.named)
        return cards.moment(*moment, analysis.faces[0].fake_probability, text)

    def _on_pick(self, shown: Shown | None, chosen: int | None, code: str) -> dict[Any, Any]:
        text = spoken(code)
        gone = {self.result: cards.message(text.gone_title, text.gone)}
        if shown is None or shown.analysis is None or chosen is None:
            return gone
        shown.chosen, shown.code = chosen, text.code
        try:
            photo = images.load(shown.file)
        except ImageError:  # deleted meanwhile: it was readable before
            return gone
        updates = self._one_face(shown.analysis, photo, chosen, text)
        # another choice, by number or by a click, may have been quicker
        return gr.skip() if shown.left or shown.chosen != chosen else updates

    def _on_click(self, shown: Shown | None, code: str, event: gr.SelectData) -> dict[Any, Any]:
        if shown is None or shown.analysis is None:
            return self._on_pick(None, None, code)
        size = max(shown.analysis.width or 0, shown.analysis.height or 0)
        scale = max(1.0, size / pictures.NUMBERED_PIXELS)
        chosen = pictures.face_at(shown.analysis.faces, event.index[0] * scale, event.index[1] * scale)
        if chosen is None:
            return gr.skip()
        picked = self._on_pick(shown, chosen, code)
        return picked if picked == gr.skip() else picked | {self.picker: gr.Radio(value=chosen)}

    def _on_check(self, shown: Shown | None) -> dict[Any, Any]:
        """Hide the regions of the face that is shown, and say what that found, or what a report's check did meanwhile.

        Says nothing where another face is shown by the end.
        """
        if shown is None:
            return gr.skip()
        number = shown.chosen
        shown.check(self.detector, number)
        if shown.left or shown.chosen != number or shown.analysis is None or not shown.checked(number):
            return gr.skip()
        return self._reasons(shown.analysis, number, language(shown.code))

    def _reasons(self, analysis: Analysis, chosen: int, text: Texts) -> dict[Any, Any]:
        """What hiding the regions adds to, for a face's card may get a warning by it, too."""
        return {
            self.reason: gr.HTML(cards.reason(analysis, chosen, text), visible=True),
            self.face: cards.face(analysis, chosen, text),
            self.regions: cards.regions(analysis.faces[chosen], text),
        }

    def _one_face(self, analysis: Analysis, photo: np.ndarray, chosen: int, text: Texts) -> dict[Any, Any]:
        several = len(analysis.faces) > 1
        return {
            self.numbered: pictures.numbered(photo, analysis.faces, chosen) if several else None,
            self.slider: pictures.before_after(photo, analysis.faces[chosen]),
            **self._reasons(analysis, chosen, text),
        }

    def _choices(self, analysis: Analysis, text: Texts) -> list[tuple[str, int]]:
        return [(cards.choice(number, face, text), number) for number, face in enumerate(analysis.faces)]

    def _id(self, part: str) -> str:
        return f"{self.name}-{part}" if self.name else part
