"""A video's result as HTML: its verdict, and its people over time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from deepdect import video
from deepdect.figures import percent
from deepdect.texts import Texts
from deepdect.ui import cards
from deepdect.verdict import Calibration
from explain import timeline


def result(found: video.VideoAnalysis, calibration: Calibration, text: Texts) -> str:
    """The video's verdict and its people, or the reason why it has none."""
    suspect = found.suspect
    if suspect is None:
        title = text.statuses["no_face"] if found.status in ("ok", "no_face") else text.video_refused
        return cards.message(title, text.say(found.message), text.no_score)
    return (
        f'<section class="dd-card dd-{suspect.verdict}" role="status">'
        f"{cards.headline(suspect.verdict, suspect.fake_probability, text)}{cards.filename(found.path)}"
        f"{cards.scale(suspect.fake_probability, calibration, text)}"
        f"{_notes(found, suspect, text)}<p>{escape(text.video_note)}</p>"
        f'<p class="dd-note">{escape(cards.technical(found, text))}</p></section>'
    )


def _notes(found: video.VideoAnalysis, suspect: video.Person, text: Texts) -> str:
    """What limits the verdict."""
    brief = [text.too_brief(suspect.number)] if len(suspect.moments) < video.ENOUGH else []
    partly = [text.say(found.message)] if found.message else []
    return "".join(f'<p class="dd-warning">{escape(note)}</p>' for note in brief + partly)


def people(found: video.VideoAnalysis, calibration: Calibration, text: Texts) -> str:
    """Everybody's probability over time, with the band in which no verdict is given, and a list of them."""
    return (
        f'<section class="dd-people"><h3>{escape(text.timeline)}</h3>'
        f"{_timeline(found, calibration, text)}"
        f'<p class="dd-note">{escape(text.timeline_note)}</p>'
        f'<p class="dd-who">{escape(text.people_note)}</p><ul>{_list(found, text)}</ul></section>'
    )


def _list(found: video.VideoAnalysis, text: Texts) -> str:
    colours, rows = timeline.colours(found.people), []
    for person in found.people:
        moments = person.moments
        seen = text.seen(len(moments), moments[0].t, moments[-1].t, brief=len(moments) < video.ENOUGH)
        colour = colours.get(person.number, "transparent")
        rows.append(
            f'<li><i style="background: {colour}"></i><b>{escape(text.person.format(number=person.number))}</b>'
            f'<span class="dd-word dd-{person.verdict}">{escape(text.verdicts[person.verdict])}</span>'
            f"<span><bdi>{percent(person.fake_probability)}</bdi></span>"
            f'<span class="dd-note">{escape(seen)}</span></li>'
        )
    return "".join(rows)


def _timeline(found: video.VideoAnalysis, calibration: Calibration, text: Texts) -> str:
    """An SVG stretched to the page's width, under labels that are not: drawn letters would shrink on a phone."""
    everybody = found.people
    colours = timeline.colours(everybody)
    end = max(1.0, *(person.moments[-1].t for person in everybody))
    low, high = 100 * calibration.low, 100 * calibration.high
    drawn = "".join(
        f'<path d="{_path(person.moments, end)}" style="stroke: {colours[person.number]}"/>'
        f'<path class="dd-dots" d="{_dots(person.moments, end)}" style="stroke: {colours[person.number]}"/>'
        for person in everybody
        if person.number in colours
    )
    marks = "".join(
        f'<span style="left: {100 * t / end:.2f}%">{escape(text.seconds.format(seconds=t))}</span>'
        for t in timeline.ticks(end)
    )
    zones = "".join(
        f'<span style="bottom: {100 * middle:.2f}%">{escape(text.verdicts[verdict])}</span>'
        for verdict, middle in calibration.zones.items()
    )
    colon, semicolon, comma = (text.marks[mark] for mark in ("colon", "semicolon", "comma"))
    chances = semicolon.join(
        f"{text.person.format(number=one.number)}{colon}{text.verdicts[one.verdict]}{comma}"
        f"{text.together(percent(one.fake_probability))}"
        for one in everybody
    )
    return (
        f'<div class="dd-timeline" role="img" aria-label="{escape(chances)}"><div class="dd-plot">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect x="0" y="{100 - high:.2f}" width="100" height="{high - low:.2f}"/>{drawn}</svg>{zones}</div>'
        f'<div class="dd-seconds">{marks}</div></div>'
    )


def _path(moments: Sequence[video.Moment], end: float) -> str:
    return f"M{' L'.join(_point(one, end) for one in moments)}"


def _dots(moments: Sequence[video.Moment], end: float) -> str:
    """Lines of no length, whose round ends stay round however the picture is stretched."""
    return " ".join(f"M{_point(one, end)}h0" for one in moments)


def _point(one: video.Moment, end: float) -> str:
    return f"{100 * one.t / end:.2f} {100 * (1 - one.fake_probability):.2f}"
