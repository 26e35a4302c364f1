"""Results as HTML. Every text that came from outside (file names, messages) is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from deepdect import Analysis, FaceAnalysis
from deepdect.figures import MARKS, logits, percent, threshold
from deepdect.images import printable
from deepdect.texts import Texts
from deepdect.verdict import Calibration, Verdict
from deepdect.video import VideoAnalysis
from explain import overlay
from explain.regions import RegionEvidence

# Bars end here, for every face alike: stretched to its own range, an undecided face would look like a certain one.
BAR_LOGITS = 1.0

_ICONS: dict[str, str] = {
    "real": '<circle cx="12" cy="12" r="9.2"/><path d="m7.8 12.4 2.9 2.9 5.6-6"/>',
    "deepfake": '<path d="M12 3.2 22 20.4H2Z"/><path d="M12 9.6v5M12 17.4v.2"/>',
    "inconclusive": (
        '<circle cx="12" cy="12" r="9.2"/><path d="M9.4 9.6a2.7 2.7 0 1 1 3.9 2.4c-.9.5-1.3 1-1.3 1.9M12 16.9v.2"/>'
    ),
    "message": '<circle cx="12" cy="12" r="9.2"/><path d="M12 11v5.4M12 7.6v.2"/>',
}


def argument(value: float, text: Texts) -> str:
    """What an evidence argues for, in words, so that nobody depends on its colour."""
    if logits(value) == "0.00":
        return text.neutral
    return text.argues_fake if value > 0 else text.argues_real


def top(text: Texts) -> str:
    """The page's heading."""
    return f"<h1>{escape(text.title)}</h1><p>{escape(text.tagline)}</p>"


def small(words: str) -> str:
    """A note."""
    return f"<p>{escape(words)}</p>"


def heading(title: str, note: str) -> str:
    """A heading with a note below it."""
    return f"<h3>{escape(title)}</h3>{_paragraph(note, 'dd-note')}"


def waiting(title: str, steps: Iterable[str]) -> str:
    """What stands where the result will be."""
    items = "".join(f"<li>{escape(step)}</li>" for step in steps)
    return f'<section class="dd-card dd-waiting"><h2>{escape(title)}</h2><ol>{items}</ol></section>'


def working(title: str) -> str:
    """What stands there while something is analysed."""
    return (
        f'<section class="dd-card dd-waiting" role="status"><h2>{escape(title)}</h2>'
        '<div class="dd-working"><i></i></div></section>'
    )


def progress(title: str, done: int | None, total: int, body: str = "") -> str:
    """How far a batch or a video is. done: None where nobody knows."""
    if done is None:
        return working(title)
    return (
        f'<section class="dd-card dd-waiting" role="status"><h2>{escape(title)}</h2>'
        f'<div class="dd-progress" role="progressbar" aria-label="{escape(title)}" aria-valuenow="{done}" '
        f'aria-valuemax="{total}">'
        f'<i style="width: {100 * done / total:.2f}%"></i></div>{_paragraph(body, "dd-note")}</section>'
    )


def message(title: str, body: str, note: str = "") -> str:
    """A picture that got no verdict, and what to do about it."""
    return (
        f'<section class="dd-card dd-message" role="status"><header>{_icon("message")}<h2>{escape(title)}</h2></header>'
        f"<p>{escape(body)}</p>{_paragraph(note, 'dd-note')}</section>"
    )


def picture(analysis: Analysis, calibration: Calibration, text: Texts, *, named: bool = False) -> str:
    """The picture's verdict, or the reason why it has none. named: with the file's name; reasons have it anyway."""
    if analysis.verdict is None or analysis.fake_probability is None:
        return message(text.statuses[analysis.status], text.say(analysis.message), text.no_score)
    count = len(analysis.faces)
    found = text.one_face
    if count > 1:
        found = text.several_faces.format(count=count, number=analysis.most_suspicious + 1)
    name = filename(analysis.path) if named else ""
    return (
        f'<section class="dd-card dd-{analysis.verdict}" role="status">{name}'
        f"{headline(analysis.verdict, analysis.fake_probability, text)}"
        f"{scale(analysis.fake_probability, calibration, text)}"
        f"<p>{escape(text.meanings[analysis.verdict])}</p><p>{escape(found)}</p>"
        f"{_warnings(analysis.faces[0].warnings, text) if count == 1 else ''}"
        f"{_paragraph(technical(analysis, text), 'dd-note')}</section>"
    )


def face(analysis: Analysis, number: int, text: Texts) -> str:
    """The heading of one face's evidence; where there are several, with its own verdict. number: from 0."""
    chosen = analysis.faces[number]
    title = f"<h2>{escape(text.evidence)}</h2>"
    if len(analysis.faces) > 1:
        name = text.face.format(number=number + 1)
        title = (
            f'<h2>{escape(name + text.marks["colon"])}<span class="dd-word dd-{chosen.verdict}">{_icon(chosen.verdict)}'
            f"{escape(text.verdicts[chosen.verdict])}</span></h2>"
            f"<p>{escape(text.probability)} <b><bdi>{percent(chosen.fake_probability)}</bdi></b></p>"
            f"{_warnings(chosen.warnings, text)}"
        )
    undecided = text.undecided if chosen.verdict == "inconclusive" else ""
    return (
        f'<div class="dd-face">{title}{_paragraph(undecided, "dd-undecided")}{_paragraph(text.slider, "dd-note")}</div>'
    )


def reason(analysis: Analysis, number: int, text: Texts) -> str:
    """What one face's verdict rests on, in a sentence; where there are several faces, with this one's name."""
    chosen = analysis.faces[number]
    name = ""
    if len(analysis.faces) > 1:
        name = f"<h3>{escape(text.face.format(number=number + 1))} · {escape(text.verdicts[chosen.verdict])}</h3>"
    kind = "" if chosen.verdict == "inconclusive" else " dd-decided"
    return f'<section class="dd-reason{kind}" role="status">{name}<p>{escape(text.reason(chosen.reason))}</p></section>'


def origin(found: Sequence[str], text: Texts) -> str:
    """What the file says about itself, told apart from the verdict."""
    said = "".join(f"<li>{escape(text.say(message))}</li>" for message in found)
    told = f"<ul>{said}</ul>" if found else f"<p>{escape(text.messages['origin_nothing'])}</p>"
    note = _paragraph(text.origin_note, "dd-note")
    return f'<section class="dd-origin"><h3>{escape(text.origin_title)}</h3>{told}{note}</section>'


def legend(text: Texts) -> str:
    """The map's colour scale, with the colours that the overlay really uses."""
    limit = overlay.SCALE_LOGITS
    colours, _ = overlay.colorize(np.linspace(-limit, limit, 9, dtype=np.float32)[None])
    stops = ", ".join(f"rgb({red} {green} {blue})" for red, green, blue in colours[0].tolist())
    low, high = text.figure(logits(-limit)), text.figure(logits(limit))
    sentence = text.legend.format(logits=text.figure(f"±{limit:g}"))
    return (
        f'<figure class="dd-legend"><div class="dd-ends"><span><bdi>{low}</bdi> {escape(text.for_real)}</span>'
        f"<span>0</span><span>{escape(text.for_fake)} <bdi>{high}</bdi></span></div>"
        f'<div class="dd-ramp" style="background: linear-gradient(to right, {stops})"></div>'
        f"<figcaption>{escape(sentence)}</figcaption></figure>"
    )


def regions(chosen: FaceAnalysis, text: Texts) -> str:
    """One face's evidence by region, strongest first, with the baseline and the total that it all adds up to."""
    title = f"<h3>{escape(text.regions)}</h3>"
    strongest = sorted(chosen.regions, key=lambda region: -abs(region.evidence))
    rows = "".join(
        _row(text.region_names.get(region.name, region.name), region.evidence, _check(region, text), text)
        for region in strongest
    )
    rows += _row(text.baseline, chosen.bias, "", text, "dd-baseline")
    head = (
        f'<tr class="dd-head"><th scope="col">{escape(text.region)}</th><th scope="col"><div><span>'
        f'<i class="dd-for-real"></i>{escape(text.for_real)}</span><span>{escape(text.for_fake)}'
        f'<i class="dd-for-fake"></i></span></div></th><th scope="col">{escape(text.logits)}</th>'
        f'<th scope="col">{escape(text.drop)}</th></tr>'
    )
    total = (
        f'<tr class="dd-total"><th scope="row">{escape(text.total)}</th>'
        f"<td><bdi>{percent(chosen.fake_probability)}</bdi></td>"
        f"<td><bdi>{text.figure(logits(chosen.logit))}</bdi></td><td></td></tr>"
    )
    note = text.regions_note.format(limit=text.figure(f"±{BAR_LOGITS:g}"))
    notes = "".join(_paragraph(words, "dd-note") for words in (note, text.drop_note, text.checks))
    return f'<section class="dd-regions">{title}<table>{head}{rows}{total}</table>{notes}</section>'


def moment(person: int, t: float, probability: float, text: Texts) -> str:
    """The heading of one moment's evidence: a frame, of which the video's verdict is not made alone."""
    return (
        f'<div class="dd-face"><h2>{escape(text.caption(person, t))}</h2>'
        f"<p>{escape(text.moment_frame)} <b><bdi>{percent(probability)}</bdi></b></p></div>"
    )


def choice(number: int, chosen: FaceAnalysis, text: Texts) -> str:
    """One face's entry in the picker. number: from 0."""
    return f"{number + 1} · {text.verdicts[chosen.verdict]} · {text.together(percent(chosen.fake_probability))}"


def technical(analysis: Analysis | VideoAnalysis, text: Texts) -> str:
    """Which model, version and runtime gave this result, and how long it took."""
    return text.technical.format(
        model=analysis.model["name"],
        version=analysis.model["version"],
        runtime=analysis.runtime,
        milliseconds=round(analysis.elapsed_ms),
        sha256=analysis.model["sha256"][:12],
    )


def filename(path: str) -> str:
    """What a result is of."""
    return f'<p class="dd-name"><bdi>{escape(printable(path))}</bdi></p>'


def headline(verdict: Verdict, probability: float, text: Texts) -> str:
    """A verdict in large letters, with its probability."""
    return (
        f'<header>{_icon(verdict)}<h2>{escape(text.verdicts[verdict])}</h2><p class="dd-probability">'
        f"<b><bdi>{escape(percent(probability))}</bdi></b> {escape(text.probability)}</p></header>"
    )


def scale(probability: float, calibration: Calibration, text: Texts) -> str:
    """The probability on a bar from real to deepfake, with the band in which no verdict is given."""
    low, high = 100 * calibration.low, 100 * calibration.high
    at = min(max(100 * probability, 1), 99)
    bounds = [text.figure(threshold(bound)) for bound in (calibration.low, calibration.high)]
    words = text.scale.format(low=bounds[0], high=bounds[1])
    labels = "".join(
        f'<span style="left: {100 * middle:.2f}%">{escape(text.verdicts[verdict])}</span>'
        for verdict, middle in calibration.zones.items()
    )
    return (
        f'<div class="dd-scale" style="--low: {low:.2f}%; --high: {high:.2f}%" role="img" aria-label="{escape(words)}">'
        f'<div class="dd-track"><i style="left: {at:.2f}%"></i></div>'
        f'<div class="dd-zones" aria-hidden="true">{labels}</div></div>'
        f'<p class="dd-note dd-bounds" aria-hidden="true">{escape(words)}</p>'  # the scale itself says it aloud
    )


def _row(name: str, value: float, check: str, text: Texts, css: str = "") -> str:
    """check: HTML of what hiding the region found."""
    width = 50 * min(abs(value) / BAR_LOGITS, 1)
    side = "fake" if value > 0 else "real"
    return (
        f'<tr class="{css}"><th scope="row">{escape(name)}</th>'
        f'<td class="dd-bar"><i class="dd-for-{side}" style="width: {width:.2f}%"></i>'
        f'<span class="dd-unseen">{escape(argument(value, text))}</span></td>'
        f"<td><bdi>{text.figure(logits(value))}</bdi></td><td>{check}</td></tr>"
    )


def _check(region: RegionEvidence, text: Texts) -> str:
    """The drop with a mark, and in words for who cannot see it."""
    drop = "" if region.drop is None else f"<bdi>{text.figure(logits(region.drop))}</bdi> "
    return (
        f'{drop}<i aria-hidden="true">{MARKS[region.verified]}</i>'
        f'<span class="dd-unseen">{escape(text.checked(region.verified))}</span>'
    )


def _warnings(warnings: list[str], text: Texts) -> str:
    said = text.marks["semicolon"].join(map(text.say, warnings))
    return _paragraph(text.warnings + text.marks["colon"] + said + text.marks["stop"], "dd-warning") if said else ""


def _paragraph(words: str, css: str) -> str:
    return f'<p class="{css}">{escape(words)}</p>' if words else ""


def _icon(name: str) -> str:
    return f'<svg class="dd-icon" viewBox="0 0 24 24" aria-hidden="true">{_ICONS[name]}</svg>'
