"""Every word of the page and the reports in ten languages: typed access to the files in `languages/`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from deepdect.analysis import Status
from deepdect.figures import MARKS, NARROW_NBSP, NBSP, percent
from deepdect.messages import LANGUAGES, Message
from deepdect.verdict import Verdict
from explain.reasons import Reason, sentence

# In the order in which the page offers them.
CODES = ("en", "es", "pt", "fr", "de", "hi", "ar", "zh", "ja", "id")
DEFAULT = "en"
LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"


@dataclass(frozen=True)
class Texts:
    """One language's words. Names in braces are filled in with `str.format`."""

    code: str  # ISO 639-1, the name of the file
    name: str
    english_name: str
    right_to_left: bool
    decimal: str  # the mark before decimals

    title: str
    tagline: str
    language: str
    tab_photo: str
    tab_batch: str
    tab_video: str
    tab_live: str

    photo: str
    placeholder: str
    no_preview: str
    analyse: str
    examples: str
    examples_note: str
    example_names: tuple[str, ...]  # for who cannot see the two

    waiting_title: str
    waiting: tuple[str, ...]
    working: str

    probability: str
    scale: str
    face: str
    one_face: str
    several_faces: str
    all_faces: str
    pick: str

    no_score: str
    no_photo_title: str
    no_photo: str
    not_uploaded: str
    failed_title: str
    failed: str
    gone_title: str
    gone: str

    evidence: str
    slider: str
    legend: str
    for_real: str
    for_fake: str
    undecided: str
    regions: str
    regions_note: str
    region: str
    logits: str
    argues_real: str
    argues_fake: str
    neutral: str
    baseline: str
    total: str
    drop: str
    drop_note: str
    confirmed: str
    not_confirmed: str
    not_checked: str
    warnings: str
    technical: str

    limits: str
    kept: str
    private_local: str
    private_shared: str
    private_space: str
    private_remote: str

    batch_photos: str
    batch_placeholder: str
    batch_start: str
    batch_stop: str
    batch_title: str
    batch_waiting: tuple[str, ...]
    batch_progress: str
    batch_done: str
    batch_stopped: str
    batch_changed: str
    batch_counts: str
    batch_empty: str
    batch_too_many: str
    batch_pick: str
    batch_refused: str
    column_preview: str
    column_file: str
    column_verdict: str
    column_probability: str
    column_region: str
    column_status: str
    download_csv: str
    download_json: str
    download_pdf: str
    download_zip: str

    video: str
    video_hint: str
    video_title: str
    video_waiting: tuple[str, ...]
    video_start: str
    video_working: str
    video_stopped: str
    video_partial: str
    video_none: str
    video_refused: str
    video_failed: str
    video_gone: str
    video_note: str
    timeline: str
    timeline_note: str
    seconds: str
    person: str
    person_seen: str
    person_brief: str
    people_note: str
    moments: str
    moments_note: str
    moment: str
    moment_frame: str
    record: str
    record_stop: str
    record_failed: str

    live_title: str
    live_waiting: tuple[str, ...]
    live_start: str
    live_note: str
    live_figures: str
    live_busy: str

    report_title: str
    report_made: str
    report_page: str
    report_face: str
    report_photo: str
    report_frame: str
    report_map: str
    report_size: str
    report_file_sha256: str
    report_model: str
    report_model_sha256: str
    report_runtime: str
    report_limits: str

    origin_title: str
    origin_note: str

    marks: Mapping[str, str]  # colon, semicolon, comma, list and stop, with the spaces around them
    verdicts: Mapping[Verdict, str]
    meanings: Mapping[Verdict, str]
    statuses: Mapping[Status, str]
    region_names: Mapping[str, str]
    reasons: Mapping[str, str]
    messages: Mapping[str, str]

    def say(self, message: str) -> str:
        """What Python said about a picture (`ImageError.message`, warnings), in this language where it is a Message."""
        if self.code == DEFAULT or not isinstance(message, Message):
            return message
        return message.worded(self.messages, self.marks["list"])

    def reason(self, reason: Reason) -> str:
        """What a face's verdict rests on, as a sentence or two."""
        return sentence(reason, self.reasons, lambda value: self.together(percent(value)))

    def checked(self, verified: bool | None) -> str:
        """What hiding a region found about its evidence."""
        return {True: self.confirmed, False: self.not_confirmed, None: self.not_checked}[verified]

    @property
    def checks(self) -> str:
        """What the marks mean that stand for `checked` where there is no room."""
        return " · ".join(f"{mark} {self.checked(verified)}" for verified, mark in MARKS.items())

    def figure(self, written: str) -> str:
        """A figure as this language writes it, from one with a decimal point."""
        return written.replace(".", self.decimal)

    def tenths(self, value: float) -> str:
        """A figure with one decimal."""
        return self.figure(f"{value:.1f}")

    def caption(self, person: int, t: float) -> str:
        """A video's moment by name. person: from 1; t: seconds."""
        return self.moment.format(number=person, seconds=self.tenths(t))

    def stopped_after(self, t: float) -> str:
        """How far a video had got. t: seconds."""
        return self.video_stopped.format(seconds=self.tenths(t))

    def seen(self, frames: int, first: float, last: float, *, brief: bool) -> str:
        """When a video's person was seen. first, last: seconds; brief: whether too briefly for a verdict."""
        told = self.person_seen.format(frames=frames, first=self.tenths(first), last=self.tenths(last))
        return told + self.marks["comma"] + self.person_brief if brief else told

    def too_brief(self, person: int) -> str:
        """That a video's person was seen too briefly for a verdict, where nothing else tells of whom it speaks."""
        return self.person.format(number=person) + self.marks["colon"] + self.person_brief

    @property
    def probability_head(self) -> str:
        """`probability` where it begins a column."""
        return self.probability[0].upper() + self.probability[1:]

    def together(self, figure: str) -> str:
        """Amid letters that run from right to left, marks keep a figure together: "<1 %" would become "% 1>"."""
        return f"{LEFT_TO_RIGHT}{figure}{LEFT_TO_RIGHT}" if self.right_to_left else figure


@cache
def language(code: str) -> Texts:
    """The words of one of `CODES`. Raises ValueError for another code, or naming keys that a file lacks or invents."""
    if code not in CODES:
        raise ValueError(f"unknown language {code!r}; there are {', '.join(CODES)}")
    found: dict[str, Any] = tomllib.loads((LANGUAGES / f"{code}.toml").read_text(encoding="utf-8"))
    expected = {field.name for field in fields(Texts)} - {"code"}
    if wrong := found.keys() ^ expected:
        raise ValueError(f"languages/{code}.toml: keys missing or unknown: {', '.join(sorted(wrong))}")
    return Texts(code, **{key: _set(code, value) for key, value in found.items()})


def _set(code: str, value: Any) -> Any:
    """What a language's file says, as it is to be printed: French marks stand off, on the line of the word before."""
    if isinstance(value, dict):
        return {key: _set(code, entry) for key, entry in value.items()}
    if isinstance(value, list):
        return tuple(_set(code, entry) for entry in value)
    if code != "fr" or not isinstance(value, str):
        return value
    wide = re.sub(r" (?=[:»])|(?<=«) ", NBSP, value)
    return re.sub(r" (?=[;?!])", NARROW_NBSP, wide)


def preferred(accept_language: str) -> str:
    """The code that a browser likes best, from its Accept-Language header; English where it names none of ours."""
    wanted = []
    for position, entry in enumerate(accept_language.split(",")):
        tag, _, weight = entry.partition(";")
        try:
            quality = float(weight.replace("q=", "").strip() or 1)
        except ValueError:  # not a header that a browser sends
            continue
        code = tag.strip().lower().split("-")[0]
        if code in CODES and quality > 0:
            wanted.append((-quality, position, code))
    return min(wanted)[2] if wanted else DEFAULT


ENGLISH = language("en")
