"""Every word of the page, in one place: another language is another `Texts`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deepdect.detector import Status
from deepdect.verdict import Verdict


@dataclass(frozen=True)
class Texts:
    """The page's words, English by default. Names in braces are filled in with `str.format`."""

    title: str = "Deep Dect"
    tagline: str = "Is this face real or a deepfake? See the verdict, and the evidence for it."

    photo: str = "Photo"
    placeholder: str = "Drop a photo here\nor paste it, click to choose a file, or use the camera"
    no_preview: str = "Your browser cannot show this file."
    analyse: str = "Analyse"
    examples: str = "No photo at hand? Try one of these"
    examples_note: str = (
        "Astronaut Eileen Collins (NASA, public domain): unaltered, and altered by Deep Dect for demonstration."
    )
    example_labels: tuple[str, str] = ("Unaltered photo", "Altered photo")

    waiting_title: str = "Your result appears here"
    waiting: tuple[str, ...] = (
        "Choose a photo that shows a face. It is analysed straight away.",
        "You get a verdict for every face: real, deepfake or inconclusive.",
        "A map on the face and a list of its regions show what the verdict rests on.",
    )

    working: str = "Analysing the photo…"

    verdicts: Mapping[Verdict, str] = field(
        default_factory=lambda: {"real": "Real", "deepfake": "Deepfake", "inconclusive": "Inconclusive"}
    )
    meanings: Mapping[Verdict, str] = field(
        default_factory=lambda: {
            "real": "The model found more of what it knows from real photos than of what it knows from deepfakes. "
            "No detection does not guarantee authenticity.",
            "deepfake": "The model found traces that it knows from deepfakes. Treat this picture with suspicion and "
            "look for its source.",
            "inconclusive": "The model cannot decide. Read this neither as a sign of manipulation nor of authenticity.",
        }
    )
    probability: str = "fake probability"
    scale: str = "Up to {low} counts as real, from {high} as deepfake; between them the verdict is left open."
    face: str = "Face {number}"
    one_face: str = "One face was found."
    several_faces: str = (
        "{count} faces were found. A picture is as fake as its most suspicious face: here that is face {number}."
    )
    all_faces: str = "The photo with its faces numbered"
    pick: str = "Choose a face here or in the picture"

    refusals: Mapping[Status, str] = field(
        default_factory=lambda: {
            "no_face": "No face found",
            "unreadable": "This file cannot be read",
            "unsupported": "This file is not supported",
            "too_large": "This picture is too large",
        }
    )
    no_score: str = "Nothing was judged, so there is no verdict and no probability."
    no_photo_title: str = "No photo yet"
    no_photo: str = "Choose, drop or paste a photo first."
    not_uploaded: str = "Only files that were uploaded to this page are analysed."
    failed_title: str = "Something went wrong"
    failed: str = "This photo could not be analysed because of an error in Deep Dect. Try it again, or another photo."
    gone_title: str = "This result has expired"
    gone: str = "The photo was deleted from the temporary folder. Choose it again to see its evidence."

    evidence: str = "What the verdict rests on"
    slider: str = "Drag the handle: the photo is on its left, the evidence map on its right."
    legend: str = (
        "Orange areas argue for deepfake, blue ones for real, uncoloured ones for neither. The scale is the same for "
        "every picture: full colour stands for {logits} logits or more in one of the map's 8 x 8 cells."
    )
    for_real: str = "real"
    for_fake: str = "deepfake"
    undecided: str = (
        "This face is undecided. Its map keeps the same fixed scale, so it stays pale where little was found: "
        "what colour there is accuses nobody."
    )
    regions: str = "Evidence by region of the face"
    regions_note: str = (
        "Bars end at {limit}. Left and right are the person's own. Everything adds up: a total of 0 means "
        "that real and deepfake are equally likely."
    )
    no_regions: str = "The regions of this face could not be located, so its evidence is not split up."
    region: str = "argues for"
    logits: str = "logits"
    argues_real: str = "argues for real"
    argues_fake: str = "argues for deepfake"
    neutral: str = "neither"
    baseline: str = "Model baseline"
    total: str = "Total"
    region_names: Mapping[str, str] = field(
        default_factory=lambda: {
            "forehead": "Forehead",
            "left_eye": "Left eye",
            "right_eye": "Right eye",
            "nose": "Nose",
            "mouth": "Mouth",
            "left_cheek": "Left cheek",
            "right_cheek": "Right cheek",
            "jaw": "Jaw",
            "face_boundary": "Face edge",
            "outside_face": "Outside face",
        }
    )
    warnings: str = "Harder to judge"
    technical: str = "{model} {version} · {runtime} · {milliseconds} ms · weights {sha256}"

    limits: str = (
        "A tool, not a proof. It can be wrong in both directions, most of all for small, compressed, filtered or "
        "heavily edited photos and for kinds of deepfakes that it was never trained on. No detection does not "
        "guarantee authenticity: check the source, too."
    )
    kept: str = "Pictures lie in a temporary folder and are deleted after {minutes} minutes, or when the page stops."
    private_local: str = "Your picture stays on this machine; nothing is sent anywhere."
    private_shared: str = (
        "Pictures sent through the public link are relayed by Gradio's servers to the computer that runs this page; "
        "opened there under its local address, they stay on that computer."
    )
    private_space: str = "Your picture is sent to this Space's server at Hugging Face and analysed there."
    private_remote: str = "Your picture is sent to the computer that runs this page ({host}) and analysed there."


ENGLISH = Texts()
