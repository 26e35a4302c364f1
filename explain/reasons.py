"""What a verdict rests on: first as data that any language can put into words, then as an English sentence.

What the data may say is bound by three rules. A face without a verdict is accused of nothing, so no region is named. A
region is named only where its evidence argues for the verdict and stands out. And a claim that hiding the region has
refuted is never named as a reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from explain.regions import RegionEvidence

Kind = Literal["decided", "undecided", "refuted", "nothing"]

# A region stands out with half as much again as its share would be if all ten had the same.
OUTSTANDING = 0.15
NAMED = 3  # regions at most; a list of more explains nothing


@dataclass(frozen=True)
class NamedRegion:
    """A region that a verdict rests on.

    name: one of `explain.regions.REGIONS`. share: of the whole evidence, 0..1. hidden: the fake probability with the
    region hidden, None where that was not tried. verified: True, or None where it could not be checked; never False.
    """

    name: str
    share: float
    hidden: float | None
    verified: bool | None


@dataclass(frozen=True)
class Reason:
    """What one face's verdict rests on.

    kind: "decided" names at least one region. "undecided" has no verdict and names none. "refuted": regions stood out,
    but hiding them confirmed none of them. "nothing": none stood out.
    verdict: "real", "deepfake" or "inconclusive". probability: of fake, with nothing hidden. regions: strongest first.
    share: of the whole evidence, of these regions together. refuted: names of the regions that stood out and were
    refuted, strongest first; no reasons, but what a map shows and must not be believed.
    """

    kind: Kind
    verdict: str
    probability: float
    regions: tuple[NamedRegion, ...] = ()
    share: float = 0.0
    refuted: tuple[str, ...] = ()


def find(verdict: str, logit: float, regions: Sequence[RegionEvidence]) -> Reason:
    """The reason for a verdict ("real", "deepfake" or "inconclusive") at a calibrated logit.

    regions: of this face, verified or not; with `verified` None they are named, but as unchecked.
    Raises ValueError for another verdict.
    """
    if verdict not in ("real", "deepfake", "inconclusive"):
        raise ValueError(f"expected real, deepfake or inconclusive, received {verdict!r}")
    probability = _sigmoid(logit)
    if verdict == "inconclusive":
        return Reason("undecided", verdict, probability)
    direction = 1 if verdict == "deepfake" else -1
    outstanding = sorted(
        (region for region in regions if region.evidence * direction > 0 and region.share >= OUTSTANDING),
        key=lambda region: -region.share,
    )
    refuted = tuple(region.name for region in outstanding if region.verified is False)
    named = tuple(
        NamedRegion(
            region.name, region.share, None if region.drop is None else _sigmoid(logit - region.drop), region.verified
        )
        for region in outstanding
        if region.verified is not False
    )[:NAMED]
    if named:
        share = min(1.0, sum(region.share for region in named))  # rounding may add up to more
        return Reason("decided", verdict, probability, named, share, refuted)
    return Reason("refuted" if refuted else "nothing", verdict, probability, refuted=refuted)


# What `sentence` needs in a language; names in braces are filled in with `str.format`. The same words stand in
# `[reasons]` of deepdect/languages/en.toml, with those of the other languages beside it.
ENGLISH: Mapping[str, str] = {
    "deepfake.one": "{regions} argues for deepfake, with {share} of the evidence{checked}.",
    "deepfake.more": "{regions} argue for deepfake, with {share} of the evidence{checked}.",
    "real.one": "{regions} argues for real, with {share} of the evidence{checked}.",
    "real.more": "{regions} argue for real, with {share} of the evidence{checked}.",
    "verified": ", and hiding it confirms that",
    "verified.more": ", and hiding each of them confirms that",
    "unchecked": ", not checked by hiding",
    "hidden": "With {region} hidden, the fake probability goes from {before} to {after}.",
    "undecided": "The evidence does not suffice for a verdict, so no part of the face is singled out.",
    "refuted": (
        "No part of the face is named as the reason: those that stand out on the map did not hold up when they "
        "were hidden."
    ),
    "nothing": "The evidence is spread over the face; no part of it stands out.",
    "list": "{first}, {rest}",
    "list.last": "{first} and {rest}",
    "sentences": "{first} {rest}",
    "forehead": "the forehead",
    "left_eye": "the left eye",
    "right_eye": "the right eye",
    "nose": "the nose",
    "mouth": "the mouth",
    "left_cheek": "the left cheek",
    "right_cheek": "the right cheek",
    "jaw": "the jaw",
    "face_boundary": "the edge of the face",
    "outside_face": "the area around the face",
}


def percent(value: float) -> str:
    """A share or a probability in 0..1 as whole per cent, never "0 %" or "100 %": no model is that sure."""
    if value < 0.01:
        return "<1 %"
    return ">99 %" if value > 0.99 else f"{100 * value:.0f} %"


def sentence(reason: Reason, templates: Mapping[str, str] = ENGLISH, percent: Callable[[float], str] = percent) -> str:
    """A reason in words.

    templates: the keys of ENGLISH in another language. percent: how that language writes a number in 0..1.
    Raises KeyError for a template that is missing.
    """
    if reason.kind != "decided":
        return templates[reason.kind]
    several = len(reason.regions) > 1
    names = _listed([templates[region.name] for region in reason.regions], templates)
    verified = all(region.verified for region in reason.regions)
    checked = templates["unchecked" if not verified else "verified.more" if several else "verified"]
    text = templates[f"{reason.verdict}.{'more' if several else 'one'}"].format(
        regions=names, share=percent(reason.share), checked=checked
    )
    words = text[:1].upper() + text[1:]
    strongest = reason.regions[0]
    if verified and strongest.hidden is not None:
        before, after = percent(reason.probability), percent(strongest.hidden)
        if before != after:
            hidden = templates["hidden"].format(region=templates[strongest.name], before=before, after=after)
            words = templates["sentences"].format(first=words, rest=hidden)
    return words


def _listed(names: Sequence[str], templates: Mapping[str, str]) -> str:
    """a; a and b; a, b and c."""
    text = names[-1]
    for position, name in enumerate(reversed(names[:-1])):
        text = templates["list" if position else "list.last"].format(first=name, rest=text)
    return text


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))
