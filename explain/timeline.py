"""A video's fake probabilities over time, a line a person, with the inconclusive band shaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from explain.reasons import percent

COLOURS = ("#e06a1b", "#2d78d7", "#2f9e77", "#9a5fc0", "#8a6d1f", "#5b6575")  # told apart by the colour-blind, too
SHOWN = 6  # people with a line; more could not be told apart
TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)  # seconds between two marks of the time axis
MOST_TICKS = 6


class Moment(Protocol):
    """A face at a time t in seconds, with its fake probability in 0..1."""

    @property
    def t(self) -> float: ...
    @property
    def fake_probability(self) -> float: ...


class Person(Protocol):
    """A track with a number and its moments in order of time."""

    @property
    def number(self) -> int: ...
    @property
    def moments(self) -> Sequence[Moment]: ...
    @property
    def fake_probability(self) -> float: ...


def colours(people: Sequence[Person]) -> dict[int, str]:
    """The colour of everybody who gets a line, by number: the most suspicious, since more could not be told apart."""
    drawn = sorted(people, key=lambda person: -person.fake_probability)[:SHOWN]
    return dict(zip(sorted(person.number for person in drawn), COLOURS, strict=False))


def ticks(end: float) -> range:
    """The whole seconds to mark on a time axis from 0 to `end` seconds."""
    gap = next((gap for gap in TICKS if end / gap <= MOST_TICKS), TICKS[-1])
    return range(0, int(end) + 1, gap)


def figure(people: Sequence[Person], low: float, high: float) -> Any:
    """A matplotlib figure. low, high: the inconclusive band's bounds. Of many people, the most suspicious are drawn."""
    from matplotlib.figure import Figure

    drawn = colours(people)
    canvas = Figure(figsize=(9, 3.2), layout="constrained")
    axes = canvas.subplots()
    axes.axhspan(low, high, color="#e8eaee", zorder=0, label="inconclusive")
    for person in (person for person in people if person.number in drawn):
        times, chances = zip(*((moment.t, moment.fake_probability) for moment in person.moments), strict=True)
        name = f"person {person.number} ({percent(person.fake_probability)})"
        axes.plot(times, chances, color=drawn[person.number], marker="o", markersize=3, linewidth=1.5, label=name)
    axes.set(xlabel="seconds", ylabel="fake probability", ylim=(-0.02, 1.02))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return canvas


def draw(people: Sequence[Person], low: float, high: float, file: Path) -> None:
    """The figure as a PNG file."""
    figure(people, low, high).savefig(file, dpi=110)
