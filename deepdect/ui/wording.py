"""What the page says whatever it shows: every fixed text, in the visitor's language.

Until Python has answered for the first time, Gradio words them in the browser (`gr.I18n`); from then on, the picker's
language rules, so that the page and what Python says about a picture are never in two languages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import gradio as gr
from gradio.blocks import Block
from gradio.i18n import I18nData

from deepdect.frames import CONTAINERS
from deepdect.texts import CODES, Texts, language
from deepdect.ui import cards

MEGABYTES = 200  # of one file on the page
LIMIT = 200  # photos of one batch on the page; the command line has no limit
Phrase = Callable[[Texts], str]
Made = TypeVar("Made", bound=Block)

PHRASES: dict[str, Phrase] = {
    "top": cards.top,
    "language": lambda text: text.language,
    "tab_photo": lambda text: text.tab_photo,
    "tab_batch": lambda text: text.tab_batch,
    "tab_video": lambda text: text.tab_video,
    "tab_live": lambda text: text.tab_live,
    "photo": lambda text: text.photo,
    "placeholder": lambda text: text.placeholder,
    "analyse": lambda text: text.analyse,
    "examples": lambda text: text.examples,
    "examples_note": lambda text: cards.small(text.examples_note),
    "waiting": lambda text: cards.waiting(text.waiting_title, text.waiting),
    "all_faces": lambda text: text.all_faces,
    "pick": lambda text: text.pick,
    "slider": lambda text: text.slider,
    "legend": cards.legend,
    "limits": lambda text: cards.small(text.limits),
    "batch_photos": lambda text: text.batch_photos,
    "batch_hint": lambda text: cards.small(text.batch_placeholder.format(limit=LIMIT).replace("\n", " ")),
    "batch_start": lambda text: text.batch_start,
    "batch_stop": lambda text: text.batch_stop,
    "batch_waiting": lambda text: cards.waiting(
        text.batch_title, [step.format(limit=LIMIT) for step in text.batch_waiting]
    ),
    "video": lambda text: text.video,
    "video_hint": lambda text: cards.small(
        text.video_hint.format(formats=text.marks["list"].join(CONTAINERS), megabytes=MEGABYTES)
    ),
    "video_waiting": lambda text: cards.waiting(text.video_title, text.video_waiting),
    "video_start": lambda text: text.video_start,
    "live_waiting": lambda text: cards.waiting(text.live_title, text.live_waiting),
    "live_start": lambda text: text.live_start,
    "live_note": lambda text: cards.small(text.live_note),
    "record": lambda text: text.record,
    "moments": lambda text: text.moments,
    "moments_head": lambda text: cards.heading(text.moments, text.moments_note),
    "batch_pick": lambda text: cards.small(text.batch_pick),
    "download_csv": lambda text: text.download_csv,
    "download_json": lambda text: text.download_json,
    "download_pdf": lambda text: text.download_pdf,
    "download_zip": lambda text: text.download_zip,
    # what Gradio says by itself, to a screen reader, and has no words for
    "common.upload": lambda text: text.batch_photos,
    "common.complete": lambda text: text.statuses["ok"],
}


def in_the_browser() -> gr.I18n:
    """All phrases in all languages, for `launch(i18n=)`; under the tags that Gradio's own words go by."""
    return gr.I18n(
        **{LOCALES.get(code, code): {key: phrase(language(code)) for key, phrase in PHRASES.items()} for code in CODES}
    )


# Gradio's names for two of our languages.
LOCALES = {"zh": "zh-CN", "pt": "pt-BR"}


class Wording:
    """Makes components with phrases in them, and words them again in another language.

    fixed: the language until the visitor chooses another; None for the browser's own.
    """

    def __init__(self, fixed: str | None) -> None:
        self.fixed = fixed
        self._spoken: list[tuple[Block, dict[str, str]]] = []

    def __call__(
        self, kind: Callable[..., Made], phrases: dict[str, str], changing: bool = False, **settings: Any
    ) -> Made:
        """A component of that kind; phrases: which of PHRASES each of these properties shows.

        changing: it will show other things, too. Gradio words a phrase of its own again where the browser's language
        changes, over whatever stands there by then; so such a one waits for Python's first answer.
        """
        made = kind(**{name: self._first(key, changing) for name, key in phrases.items()}, **settings)
        self._spoken.append((made, phrases))
        return made

    def note(self, key: str, **settings: Any) -> gr.HTML:
        """A phrase that is HTML."""
        return self(gr.HTML, {"value": key}, padding=False, **settings)

    @property
    def components(self) -> list[Block]:
        """All that have been made, as outputs of a listener."""
        return [component for component, _ in self._spoken]

    def updates(self, text: Texts) -> dict[Any, Any]:
        """All of them in that language."""
        updates: dict[Any, Any] = {}
        for component, phrases in self._spoken:
            worded: dict[str, Any] = {name: PHRASES[key](text) for name, key in phrases.items()}
            updates[component] = gr.update(**worded)
        return updates

    def _first(self, key: str, changing: bool) -> str | I18nData:
        if self.fixed:
            return PHRASES[key](language(self.fixed))
        return "" if changing else I18nData(key)
