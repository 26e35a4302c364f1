"""The page: its language, its tabs, and what is true on all of them."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from deepdect import Detector
from deepdect.texts import CODES, DEFAULT, language, preferred
from deepdect.ui import share, theme
from deepdect.ui.batch import Batch, BatchTab
from deepdect.ui.clip import Clip, ClipTab
from deepdect.ui.explanation import spoken
from deepdect.ui.live import LiveTab
from deepdect.ui.photo import PhotoTab
from deepdect.ui.shown import Shown
from deepdect.ui.wording import Wording

CACHE_SECONDS = (300, 1500)  # how often the temporary folder is looked through, and how old its files may become
WAITING_LINE = 64  # requests; more are turned away instead of waiting for minutes


class Page:
    """Builds the Blocks around a detector. lang: the language to begin with; None for what each browser asks for."""

    def __init__(self, detector: Detector, lang: str | None = None) -> None:
        self.say = Wording(lang)
        self.blocks = gr.Blocks(
            title=language(lang or DEFAULT).title, analytics_enabled=False, delete_cache=CACHE_SECONDS
        )
        with self.blocks:
            with gr.Row(elem_id="head"):
                self.say.note("top", elem_id="top")
                self.language = self.say(
                    gr.Dropdown,
                    {"label": "language"},
                    choices=[(language(code).name, code) for code in CODES],
                    value=lang or DEFAULT,
                    filterable=False,
                    container=False,
                    scale=0,
                    min_width=170,
                    elem_id="language",
                )
            with gr.Tabs(elem_id="tabs"):
                with self.say(gr.Tab, {"label": "tab_photo"}, id="photo"):
                    self.photo = PhotoTab(detector, self.say, sum(CACHE_SECONDS))
                with self.say(gr.Tab, {"label": "tab_batch"}, id="batch"):
                    self.batch = BatchTab(detector, self.say, sum(CACHE_SECONDS))
                with self.say(gr.Tab, {"label": "tab_video"}, id="video"):
                    self.clip = ClipTab(detector, self.say, sum(CACHE_SECONDS))
                with self.say(gr.Tab, {"label": "tab_live"}, id="live"):
                    self.live = LiveTab(detector, self.say)
            self.privacy = gr.HTML(elem_id="privacy", elem_classes="dd-small", padding=False)
            self._listen()
        # closed: asked directly, an endpoint would pass by the queue and its limits, and by --rate under another's name
        self.blocks.queue(max_size=WAITING_LINE, api_open=False)

    def _listen(self) -> None:
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        loaded = self.blocks.load(
            self._on_load,
            self.language,
            [self.language, self.privacy, *self.say.components],
            js=theme.REMEMBERED,
            preprocess=False,
            **quiet,
        )
        # also where the picker had the right language from the start, and so does not change
        loaded.then(None, self.language, None, js=theme.SPEAK, **quiet)
        shown = [tab.explanation for tab in (self.photo, self.batch, self.clip)]
        self.language.input(
            self._on_language,
            [
                self.language,
                self.batch.state,
                self.clip.state,
                *[part for explanation in shown for part in (explanation.shown, explanation.picker)],
            ],
            list(
                {
                    part: None
                    for part in (
                        self.privacy,
                        *self.say.components,
                        *self.batch.parts,
                        *self.clip.parts,
                        *[part for explanation in shown for part in explanation.parts],
                    )
                }
            ),
            **quiet,
        )
        self.language.input(None, self.language, None, js=theme.REMEMBER, **quiet)
        self.language.change(None, self.language, None, js=theme.SPEAK, **quiet)
        self.photo.listen(self.language)
        self.batch.listen(self.language)
        self.clip.listen(self.language)
        self.live.listen()

    def _on_load(self, remembered: str | None, request: gr.Request) -> dict[Any, Any]:
        """remembered: what the visitor once chose in this browser; it goes before an address with `?lang=`."""
        wishes = (remembered, request.query_params.get("lang"), self.say.fixed)
        code = next((wish for wish in wishes if wish in CODES), None)
        code = code or preferred(request.headers.get("accept-language", ""))
        text = language(code)
        picker = gr.update(value=code, label=text.language)
        return self.say.updates(text) | {self.language: picker, self.privacy: self._privacy(code, request)}

    def _on_language(
        self,
        code: str,
        batch: Batch | None,
        clip: Clip | None,
        photo_shown: Shown | None,
        photo_face: int | None,
        batch_shown: Shown | None,
        batch_face: int | None,
        clip_shown: Shown | None,
        clip_face: int | None,
        request: gr.Request,
    ) -> dict[Any, Any]:
        text = spoken(code)
        return (
            self.say.updates(text)
            | {self.privacy: self._privacy(code, request)}
            | self.photo.explanation.reworded(photo_shown, photo_face, text)
            | self.batch.reworded(batch, text)
            | self.batch.explanation.reworded(batch_shown, batch_face, text)
            | self.clip.reworded(clip, text)
            | self.clip.explanation.reworded(clip_shown, clip_face, text)
        )

    def _privacy(self, code: str, request: gr.Request) -> str:
        text = spoken(code)
        kept = text.kept.format(minutes=sum(CACHE_SECONDS) // 60)
        words = share.privacy(request.headers.get("host", ""), self.blocks.share_url, text)
        return f'<p data-language="{text.code}">{escape(words)} {escape(kept)}</p>'
