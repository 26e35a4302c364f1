"""The tab for many photos, its table and downloads, and the page's endpoint `/analyze_batch`."""

from __future__ import annotations

import base64
import io
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from deepdect import Analysis, Detector, origin
from deepdect.report import Entry
from deepdect.texts import ENGLISH, Texts
from deepdect.ui import cards, downloads
from deepdect.ui.download_buttons import DownloadButtons
from deepdect.ui.endpoint import endpoint
from deepdect.ui.explanation import QUIET, Explanation, spoken
from deepdect.ui.shown import Shown
from deepdect.ui.uploads import upload
from deepdect.ui.wording import LIMIT, Wording

BATCHES_AT_ONCE = 1  # single photos, which somebody waits for, have places of their own
SECONDS = 0.7  # between two looks at the table while it fills
THUMBNAIL = 56  # pixels of the longer side, twice that in the file
SentFiles = list[dict[str, Any]] | None


@dataclass
class Row:
    """A photo of the batch, and its small picture as a data URL ("" where nothing was decoded)."""

    entry: Entry
    thumbnail: str

    def checked(self, analysis: Analysis) -> None:
        """Keep what hiding the regions found for the reports: they should say what the page says."""
        self.entry = replace(self.entry, analysis=analysis)


@dataclass
class Batch:
    """What a visitor's batch has come to, kept up to date in place. code: the language. left: another followed.
    changed: the photos that are chosen are others by now."""

    total: int
    code: str
    rows: list[Row] = field(default_factory=list)
    stopped: bool = False
    left: bool = False
    changed: bool = False


class BatchTab:
    """Photos, a table that fills, downloads, and the explanation of the chosen row; made inside a tab."""

    def __init__(self, detector: Detector, say: Wording, seconds: int) -> None:
        self.detector = detector
        self.explanation = Explanation(detector, say, "batch", seconds, named=True)
        self.state = gr.State(time_to_live=seconds)
        with gr.Row(elem_id="batch-question"):
            with gr.Column(min_width=300):
                self.photos = say(
                    gr.File, {"label": "batch_photos"}, file_count="multiple", height=220, elem_id="photos"
                )
                say.note("batch_hint", elem_classes="dd-small")
                with gr.Row():
                    self.start = say(gr.Button, {"value": "batch_start"}, variant="primary", elem_id="start")
                    self.stop = say(gr.Button, {"value": "batch_stop"}, elem_id="stop")
            with gr.Column(min_width=300):
                self.progress = say.note("batch_waiting", changing=True, elem_id="progress")
                say.note("limits", elem_classes="dd-small")
        with gr.Column(visible=False, elem_id="batch-done") as self.done:
            self.downloads = DownloadButtons(say, "batch", list(downloads.KINDS), visible=True)
            say.note("batch_pick", elem_classes="dd-small")
            self.table = gr.Dataframe(
                headers=list(_headers(ENGLISH)),
                datatype=["number", "html", "str", "number", "str", "str", "str"],
                column_widths=["40px", "88px", "122px", "104px", "215px", "150px", "322px"],
                interactive=False,
                wrap=True,
                show_label=False,
                max_height=520,
                buttons=[],
                elem_id="table",
            )
        self.explanation.lay_out_verdict(None)
        self.explanation.lay_out_evidence()

    @property
    def parts(self) -> list[Any]:
        """What a batch changes while it goes on, as outputs."""
        return [self.progress, self.state, self.done, self.table]

    def listen(self, code: gr.Dropdown) -> None:
        """code: the language picker."""
        heavy: dict[str, Any] = {"concurrency_id": "batch", "concurrency_limit": BATCHES_AT_ONCE, "preprocess": False}
        before = self.explanation.shown
        shown = list(dict.fromkeys([*self.parts, *self.explanation.parts]))
        # at once, since another visitor's photos may come first
        waiting = self.start.click(
            self._on_wait,
            [self.photos, code, before, self.state],
            shown,
            preprocess=False,
            concurrency_limit=None,
            **QUIET,
        )
        # by default Gradio drops a start while an earlier one is ending
        every: dict[str, Any] = {"trigger_mode": "multiple", **QUIET}
        running = waiting.success(self._on_start, [self.photos, self.state], shown, **every, **heavy)
        self.photos.change(self._on_change, [self.state, code], self.parts, **QUIET)
        self.stop.click(self._on_stop, [self.state, code], self.parts, cancels=[running], **QUIET)
        opened = self.table.select(self._on_select, [self.state, code, before], self.explanation.parts, **every)
        self.explanation.check_after(opened)
        self.explanation.listen(code)
        self.downloads.listen(self._on_download, [self.state, code])
        endpoint(
            self._on_request,
            partial(gr.File, file_count="multiple"),
            "Photos",
            "analyze_batch",
            f"Analyse up to {LIMIT} photos. Returns a list of what `deepdect analyze --json` prints, in order, with "
            "`path` null; a file that cannot be analysed says why and does not stop the rest.",
            **heavy,
        )

    def reworded(self, batch: Batch | None, text: Texts) -> dict[Any, Any]:
        """What is shown, in another language."""
        if batch is None:
            return {self.table: gr.update(headers=list(_headers(text)))}
        batch.code = text.code  # also of what is still to come
        return self._shown(batch, text)

    def _on_request(self, photos: SentFiles) -> list[dict[str, Any]]:
        if refusal := _refusal(photos, ENGLISH):
            raise gr.Error(refusal, title=ENGLISH.batch_title, print_exception=False)
        # `path` is null for the reason that the photo tab gives
        return [entry.analysis.to_json() | {"path": None} for entry, _ in self._entries(photos or [], ENGLISH)]

    def _on_wait(self, photos: SentFiles, code: str, before: Shown | None, earlier: Batch | None) -> dict[Any, Any]:
        text = spoken(code)
        cleared = self.explanation.cleared("", before)
        if earlier is not None:
            earlier.left = True
        if refusal := _refusal(photos, text):
            told = cards.message(text.batch_title, refusal)
            return cleared | {self.progress: told, self.state: None, self.done: gr.Column(visible=False)}
        return cleared | self._shown(Batch(len(photos or []), text.code), text)

    def _on_start(self, photos: SentFiles, batch: Batch | None) -> Iterator[dict[Any, Any]]:
        if batch is None or batch.rows or batch.stopped:  # refused, or stopped while it waited
            yield gr.skip()
            return
        looked = time.monotonic()
        try:
            for entry, photo in self._entries(photos or [], spoken(batch.code)):
                if batch.left:
                    yield gr.skip()
                    return
                batch.rows.append(Row(entry, "" if photo is None else _thumbnail(photo)))
                if time.monotonic() - looked > SECONDS:
                    shown = self._shown(batch, spoken(batch.code))
                    yield gr.skip() if batch.left else shown
                    looked = time.monotonic()
        except Exception:
            text = spoken(batch.code)
            failed = self._shown(batch, text) | {self.progress: cards.message(text.failed_title, text.failed)}
            yield gr.skip() if batch.left else failed
            raise
        shown = self._shown(batch, spoken(batch.code))
        yield gr.skip() if batch.left else shown  # its state would take the place of the one that followed

    def _entries(self, photos: list[dict[str, Any]], text: Texts) -> Iterator[tuple[Entry, np.ndarray | None]]:
        """Each photo's result and pixels, one after the other."""
        for photo in photos:
            if sent := upload(photo, text):
                analysis = self.detector.analyze(sent.file, name=sent.name)
                yield Entry.of(analysis, sent.file), analysis.photo

    def _on_change(self, batch: Batch | None, code: str) -> dict[Any, Any]:
        """Other photos are chosen: the table stays, and says whose it is."""
        if batch is None or not batch.rows or batch.changed:  # the table is large: once is enough
            return gr.skip()
        batch.changed = True
        return self._shown(batch, spoken(code))

    def _on_stop(self, batch: Batch | None, code: str) -> dict[Any, Any]:
        if batch is None or len(batch.rows) == batch.total:
            return gr.skip()
        batch.stopped = True
        return self._shown(batch, spoken(code)) | {self.state: batch}

    def _on_select(self, batch: Batch | None, code: str, before: Shown | None, event: gr.SelectData) -> dict[Any, Any]:
        text = spoken(code)
        number = int(event.row_value[0]) - 1  # the table may be sorted: its first column is the photo's number
        gone = self.explanation.cleared(cards.message(text.gone_title, text.gone), before)
        if batch is None or number >= len(batch.rows):
            return gone
        row = batch.rows[number]
        entry, photo = row.entry, row.entry.photo()
        if photo is None and entry.analysis.faces:
            return gone
        return self.explanation.show(entry.analysis, photo, entry.file, text, said=entry.origin, keep=row.checked)

    def _on_download(self, kind: str, batch: Batch | None, code: str) -> str:
        text = spoken(code)
        if batch is None or not batch.rows:
            raise gr.Error(text.gone, title=text.gone_title, print_exception=False)
        return str(downloads.make(kind, [row.entry for row in batch.rows], text))

    def _shown(self, batch: Batch, text: Texts) -> dict[Any, Any]:
        done, total = len(batch.rows), batch.total
        analyses = [row.entry.analysis for row in batch.rows]
        counts = Counter(str(analysis.verdict or "refused") for analysis in analyses)
        words = text.batch_done if done == total else text.batch_stopped if batch.stopped else text.batch_progress
        kinds = {kind: counts[kind] for kind in ("real", "deepfake", "inconclusive", "refused")}
        cells = [_cells(number, row, text) for number, row in enumerate(batch.rows, start=1)]
        written = [[_written(cell, text) for cell in row] for row in cells]
        told = text.batch_changed if batch.changed else text.batch_counts.format(**kinds)
        return {
            self.progress: cards.progress(words.format(done=done, total=total), done, total, told),
            self.state: batch,
            self.done: gr.Column(visible=done > 0),
            self.table: gr.update(
                value={
                    "headers": list(_headers(text)),
                    "data": cells,
                    "metadata": {"display_value": written, "styling": None},
                }
            ),
        }


def _refusal(photos: SentFiles, text: Texts) -> str:
    """Why these photos are not analysed, "" where they are."""
    if not photos:
        return text.batch_empty
    return text.batch_too_many.format(count=len(photos), limit=LIMIT) if len(photos) > LIMIT else ""


def _headers(text: Texts) -> Sequence[str]:
    return (
        "#",
        text.column_preview,
        text.column_verdict,  # with the probability before the file: a phone shows no more than these
        text.column_probability,
        text.column_file,
        text.column_region,
        text.column_status,
    )


def _cells(number: int, row: Row, text: Texts) -> list[Any]:
    """A row of the table. The probability is a number, so that sorting by it works: never 0 or 100 per cent."""
    analysis = row.entry.analysis
    image = f'<img src="{row.thumbnail}" alt="" class="dd-thumbnail">' if row.thumbnail else ""
    if analysis.verdict is None or analysis.fake_probability is None:
        words = text.say(analysis.message) or text.statuses[analysis.status]
        return [number, image, text.batch_refused, None, analysis.path, "", words]
    # as the explanation does: no part of an undecided face, none that argues against the verdict or was refuted
    side = {"deepfake": 1, "real": -1}.get(analysis.verdict, 0)
    regions = [one for one in analysis.faces[analysis.most_suspicious].regions if one.verified is not False]
    region = max((one for one in regions if one.evidence * side > 0), key=lambda one: abs(one.evidence), default=None)
    return [
        number,
        image,
        text.verdicts[analysis.verdict],
        min(max(round(100 * analysis.fake_probability, 1), 0.1), 99.9),
        analysis.path,
        text.region_names.get(region.name, region.name) if region else "",
        " ".join(text.say(message) for message in origin.telling(row.entry.origin)) or text.statuses["ok"],
    ]


def _written(cell: Any, text: Texts) -> str | None:
    """What is seen in place of a cell, which the table sorts by; None where that is the cell itself."""
    return text.figure(str(cell)) if isinstance(cell, float) else None


def _thumbnail(photo: np.ndarray) -> str:
    """uint8 RGB [h, w, 3] as a small JPEG in a data URL."""
    image = Image.fromarray(photo)
    image.thumbnail((2 * THUMBNAIL, 2 * THUMBNAIL))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
