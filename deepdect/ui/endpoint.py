"""What programs may call: the page's API, beside what visitors see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.blocks import Block


def endpoint(
    answer: Callable[..., Any], kind: Callable[..., Block], label: str, name: str, description: str, **settings: Any
) -> None:
    """Offers `answer`, which takes what was uploaded and returns JSON, as `/name`.

    kind: makes the component that stands for the upload; label: what the API's own page calls it, where the boxes that
    visitors see would be "[object Object]", for they are worded in each visitor's language. settings: the listener's.
    """
    with gr.Row(visible=False):
        gr.Button().click(
            answer,
            kind(label=label),
            gr.JSON(label="Result"),
            api_name=name,
            api_description=description,
            **settings,
        )
