"""How the page looks: a quiet, colourless theme, since on this page blue and orange carry a meaning."""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr

from deepdect.texts import CODES, language
from deepdect.ui import live
from deepdect.ui.wording import LOCALES

STYLE = Path(__file__).with_name("style.css")
SCRIPTS = tuple(Path(__file__).with_name(f"{name}.js") for name in ("language", "page", "camera", "recorder", "live"))

# The colour of the installed app's title bar (Gradio keeps one entry a name, so light and dark share it), and the icon
# of phones that read no manifest.
HEAD = '<meta name="theme-color" content="#0f172a"><link rel="apple-touch-icon" href="pwa_icon/192">'

# What listeners run in the browser.
SPEAK = "(code) => { window.deepdect.speak(code); }"
REMEMBER = "(code) => { window.deepdect.remember(code); }"
REMEMBERED = "() => [window.deepdect.remembered()]"


def script() -> str:
    """The page's own JavaScript."""
    constants = {
        "LIVE": live.constants(),
        "RECORD_STOP": {code: language(code).record_stop for code in CODES},
        "CAMERA_FAILED": {code: language(code).record_failed for code in CODES},
        "EXAMPLE_NAMES": {code: language(code).example_names for code in CODES},
        "NO_PREVIEW": {code: language(code).no_preview for code in CODES},
        "RIGHT_TO_LEFT": [code for code in CODES if language(code).right_to_left],
        "LOCALES": LOCALES,
    }
    lines = [f"const {name} = {json.dumps(value, ensure_ascii=False)};" for name, value in constants.items()]
    return "\n".join([*lines, *(path.read_text(encoding="utf-8") for path in SCRIPTS)])


def theme() -> gr.Theme:
    """Gradio's base theme in greys, its fonts served by the page itself."""
    return gr.themes.Base(
        primary_hue="slate",
        secondary_hue="slate",
        neutral_hue="slate",
        radius_size="lg",
        # Regular and bold: the semi-bold files that come with Gradio lack most letters.
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400,)), "ui-monospace", "monospace"],
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        link_text_color_dark="*neutral_300",
        border_color_primary="*neutral_300",
        border_color_primary_dark="*neutral_700",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_shadow="none",
        button_primary_background_fill="*neutral_900",
        button_primary_background_fill_hover="*neutral_700",
        button_primary_text_color="white",
        button_primary_background_fill_dark="*neutral_100",
        button_primary_background_fill_hover_dark="white",
        button_primary_text_color_dark="*neutral_900",
    )
