"""Buttons that make a file of what is shown and hand it to the browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gradio as gr

from deepdect.ui.wording import Wording

REPORTS_AT_ONCE = 2  # apart from the check of the face that somebody looks at: a report checks all


class DownloadButtons:
    """A row of buttons, made inside a tab.

    name: distinguishes the elements of two tabs. kinds: what each makes: `download_KIND` is its phrase. visible: from
    the start; otherwise the tab shows `row` once there is something to take along.
    """

    def __init__(self, say: Wording, name: str, kinds: Sequence[str], *, visible: bool = False) -> None:
        with gr.Row(visible=visible, elem_id=f"{name}-downloads", elem_classes="dd-downloads") as self.row:
            self.buttons = {
                kind: say(
                    gr.Button, {"value": f"download_{kind}"}, size="md", min_width=150, elem_id=f"{name}-get-{kind}"
                )
                for kind in kinds
            }
        # clicked by a script; the style sheet hides it
        self._id = f"{name}-download"
        self.made = gr.DownloadButton(elem_id=self._id, elem_classes="dd-download")

    def listen(self, make: Callable[..., str], inputs: Sequence[Any]) -> None:
        """make: the kind and the values of `inputs` -> the file's path."""
        for kind, button in self.buttons.items():
            made = button.click(
                partial(make, kind),
                inputs,
                self.made,
                show_progress="minimal",
                show_progress_on=button,
                api_visibility="private",
                concurrency_id="report",
                concurrency_limit=REPORTS_AT_ONCE,
            )
            click = f"() => {{ document.querySelector('#{self._id}').click(); }}"
            # not where it failed: what was made before would come again
            made.success(None, None, None, js=click, show_progress="hidden", api_visibility="private")
