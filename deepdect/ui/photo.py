"""The tab for one photo, and the page's endpoint `/analyze`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from deepdect import Detector
from deepdect.report import Entry
from deepdect.texts import ENGLISH, language
from deepdect.ui import cards, downloads
from deepdect.ui.download_buttons import DownloadButtons
from deepdect.ui.endpoint import endpoint
from deepdect.ui.explanation import QUIET, Explanation, spoken
from deepdect.ui.shown import Shown
from deepdect.ui.uploads import upload
from deepdect.ui.wording import Wording

EXAMPLES = Path(__file__).with_name("examples")
Sent = dict[str, Any] | None
ANALYSES_AT_ONCE = 2  # one is decoded while the network, which uses every core, works on the other


class PhotoTab:
    """A photo box beside its result; made inside a tab."""

    def __init__(self, detector: Detector, say: Wording, seconds: int) -> None:
        self.detector = detector
        self.explanation = Explanation(detector, say, "", seconds)
        with gr.Row(elem_id="question"):
            with gr.Column(min_width=300):
                # The listeners take the file as it came (preprocess=False): Gradio would open it with every decoder
                # that Pillow has, and turn an unreadable one into an error of its own.
                self.photo = say(
                    gr.Image,
                    {"label": "photo", "placeholder": "placeholder"},
                    type="filepath",
                    image_mode=None,
                    sources=["upload", "webcam", "clipboard"],
                    show_label=False,
                    height=380,
                    buttons=["fullscreen"],
                    elem_id="photo",
                )
                self.analyse = say(gr.Button, {"value": "analyse"}, variant="primary", elem_id="analyse")
                say(self._examples, {"label": "examples"})
                say.note("examples_note", elem_id="examples-note", elem_classes="dd-small")
            with gr.Column(min_width=300):
                self.explanation.lay_out_verdict("waiting")
                self.downloads = DownloadButtons(say, "photo", ("pdf", "json"))
                say.note("limits", elem_classes="dd-small")
        self.explanation.lay_out_evidence()

    def _examples(self, label: Any) -> gr.Dataset:
        return gr.Examples(
            [str(EXAMPLES / "real.png"), str(EXAMPLES / "altered.png")],
            self.photo,
            label=label,
            cache_examples=False,
            api_visibility="private",
            elem_id="examples",
        ).dataset

    @property
    def parts(self) -> list[Any]:
        """What another photo changes, as outputs."""
        return [*self.explanation.parts, self.downloads.row]

    def listen(self, code: gr.Dropdown) -> None:
        """code: the language picker."""
        heavy: dict[str, Any] = {
            "concurrency_id": "detector",
            "concurrency_limit": ANALYSES_AT_ONCE,
            "preprocess": False,
        }
        for trigger, answer in ((self.photo.change, self._on_photo), (self.analyse.click, self._on_analyse)):
            # at once, since other visitors' photos may come first
            waiting = trigger(
                answer,
                [self.photo, code, self.explanation.shown],
                self.parts,
                preprocess=False,
                concurrency_limit=None,
                **QUIET,
            )
            judged = waiting.success(
                self._on_turn,
                [self.photo, self.explanation.shown],
                self.parts,
                trigger_mode="multiple",  # by default Gradio drops a photo's turn while an earlier one is being judged
                show_progress="minimal",
                show_progress_on=self.explanation.result,
                api_visibility="private",
                **heavy,
            )
            self.explanation.check_after(judged)
        self.explanation.listen(code)
        self.downloads.listen(self._on_download, [self.explanation.shown, code])
        endpoint(
            self._on_request,
            gr.Image,
            "Photo",
            "analyze",
            "Analyse one photo. Returns what `deepdect analyze --json` prints, with `path` null. Upload it with "
            "`handle_file(path)`; addresses are refused.",
            **heavy,
        )

    def _on_request(self, photo: Sent) -> dict[str, Any]:
        sent = upload(photo, ENGLISH)
        if sent is None:
            raise gr.Error(ENGLISH.no_photo, title=ENGLISH.no_photo_title, print_exception=False)
        # gradio_client takes any object whose `path` is a text for a file to download; the sender knows the name anyway
        return self.detector.analyze(sent.file, name=sent.name).to_json() | {"path": None}

    def _on_analyse(self, photo: Sent, code: str, before: Shown | None) -> dict[Any, Any]:
        """As `_on_photo`; who asks without a photo is told what is missing."""
        if photo:
            return self._on_photo(photo, code, before)
        text = spoken(code)
        return self._cleared(cards.message(text.no_photo_title, text.no_photo), before)

    def _on_photo(self, photo: Sent, code: str, before: Shown | None = None) -> dict[Any, Any]:
        """Clears the page, so that no photo is left beside another one's verdict while it waits, or where it fails."""
        text = spoken(code)
        sent = upload(photo, text)
        if sent is None:
            return self._cleared(cards.waiting(text.waiting_title, text.waiting), before)
        return self.explanation.awaited(sent.file, text, before) | {self.downloads.row: gr.Row(visible=False)}

    def _cleared(self, card: str, before: Shown | None) -> dict[Any, Any]:
        return self.explanation.cleared(card, before) | {self.downloads.row: gr.Row(visible=False)}

    def _on_turn(self, photo: Sent, shown: Shown | None) -> Iterator[dict[Any, Any]]:
        """The photo's analysis, unless another one was chosen while it waited or was analysed.

        Never sets the page's state, which is another photo's as soon as that is chosen.
        """
        sent = upload(photo, ENGLISH)
        if shown is None or sent is None or not shown.waiting or shown.file != sent.file:
            yield gr.skip()
            return
        try:
            analysis = self.detector.analyze(sent.file, name=sent.name)
        except Exception:
            failed = self.explanation.failed(sent.file, language(shown.code))
            shown.take(failed.pop(self.explanation.shown))
            yield gr.skip() if shown.left else failed
            raise
        if shown.left:
            yield gr.skip()
            return
        entry, text = Entry.of(analysis, sent.file), language(shown.code)
        updates = self.explanation.show(
            entry.analysis, analysis.photo, sent.file, text, said=entry.origin, sha256=entry.sha256
        )
        result = updates.pop(self.explanation.shown)
        pictures = {part: updates.pop(part) for part in self.explanation.pictures if part in updates}
        if pictures and not shown.left:  # first and unseen: while Gradio encodes them, another photo may be chosen
            yield pictures
        if shown.left:
            yield gr.skip()
            return
        shown.take(result)
        yield updates | {self.downloads.row: gr.Row(visible=analysis.photo is not None)}
        if shown.left:  # while that was on its way
            cleared = self._cleared(shown.instead, None)
            cleared.pop(self.explanation.shown)
            yield cleared

    def _on_download(self, kind: str, shown: Shown | None, code: str) -> str:
        """A report says of every face what hiding its regions found, so those that nobody looked at are checked now."""
        text, entry = spoken(code), None
        if shown:
            entry = shown.checked_entry(self.detector) if kind == "pdf" else shown.entry()
        if entry is None:
            raise gr.Error(text.gone, title=text.gone_title, print_exception=False)
        return str(downloads.make(kind, [entry], text))
