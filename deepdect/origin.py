"""What a file says about its own origin: Content Credentials (C2PA), generators' marks, camera data.

Evidence of its own kind: it never enters the verdict or the probability. Anyone can forge or remove such entries, and
a signature's name is not held against a list of trusted ones; no entry at all is what most websites leave.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from deepdect import entries, formats, images
from deepdect.entries import Entries
from deepdect.images import printable
from deepdect.messages import Message

# As they sign their pictures, whole words in either case; those that are common words with what follows them.
GENERATORS = (
    "adobe firefly|automatic1111|bing image creator|black forest labs|comfyui|dall[-·. ]?e|dreamstudio|flux[.-]?[12]|"
    "fooocus|gemini (?:image|flash|pro|[2-9])|gpt[- ]?image|grok imagine|ideogram|imagen [2-9]|invokeai|leonardo\\.ai|"
    "made with google ai|midjourney|nano banana|novelai|openai|playground ai|recraft|sd\\.next|seedream|stability ai|"
    "stable ?diffusion"
)
# PNG texts that only generators' programs write.
GENERATOR_FIELDS = {
    "parameters": "AUTOMATIC1111",
    "sd-metadata": "InvokeAI",
    "invokeai_metadata": "InvokeAI",
    "invokeai_graph": "InvokeAI",
    "dream": "InvokeAI",
    "prompt": "ComfyUI",
    "workflow": "ComfyUI",
    "fooocus_scheme": "Fooocus",
}
# Of IPTC's list of digital source types, those that name artificial intelligence.
AI_SOURCES = "trainedAlgorithmicMedia|compositeWithTrainedAlgorithmicMedia"
# As ComfyUI writes its animated WebP's: `prompt` as the camera's model, `workflow` as its maker.
COMFYUI = re.compile(r"\s*(?:prompt|workflow):\s*\{", re.IGNORECASE)
TELLING = ("origin_generator", "origin_declared", "origin_credentials_broken", "origin_moving")
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WebP": "image/webp", "AVIF": "image/avif", "HEIC": "image/heic"}
TYPES |= {"TIFF": "image/tiff", "GIF": "image/gif"}
MOVING = ("GIF", "PNG", "WebP", "AVIF")  # a TIFF's or a HEIC's further pictures are pages, not frames
# Nothing is fetched: neither manifests that lie elsewhere nor whether a certificate was revoked.
C2PA_SETTINGS = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": False}}


def read(data: bytes) -> list[Message]:
    """What a picture file says about its origin, most telling first; empty where it says nothing.

    data: a file that `deepdect.images.load` accepts; of anything else, nothing is said.
    """
    kind = formats.kind_of(data)
    if kind is None:
        return []
    image = _header(data)
    said = entries.read(image, data, kind) if image else Entries({})
    found = [*_credentials(data, kind), *_generators(said), *_declared(said)]
    if camera := _camera(*(said.first(name) for name in ("EXIF Make", "EXIF Model"))):
        found.append(Message("origin_camera", value=printable(camera)))
    if taken := said.first("EXIF DateTimeOriginal", "EXIF DateTimeDigitized"):  # not DateTime, of the last change
        found.append(Message("origin_taken", value=printable(taken)))
    software = said.first("EXIF Software", "PNG Software", "XMP CreatorTool")
    if software and not _named(software):
        found.append(Message("origin_software", value=printable(software)))
    if kind in MOVING and _moves(image, data):
        found.append(Message("origin_moving"))
    return found


def _camera(*names: str) -> str:
    """Maker and model, without what ComfyUI writes there; the maker once ("Canon", "Canon EOS R5")."""
    maker, model = (name if not COMFYUI.match(name) else "" for name in names)
    return model if model.lower().startswith(maker.lower()) else f"{maker} {model}".strip()


def telling(found: Iterable[Message]) -> list[Message]:
    """Those that nobody should miss: what speaks of a generator, does not fit the file, or was not looked at."""
    return [message for message in found if message.key in TELLING]


def read_file(path: str | os.PathLike) -> list[Message]:
    """`read` of a file; empty where that is gone since it was analysed."""
    try:
        return read(Path(path).read_bytes())
    except OSError:
        return []


def _header(data: bytes) -> Image.Image | None:
    """The picture, not decoded; None where `images.load` would refuse it, since damaged metadata says nothing."""
    try:
        return images.header(data, "the picture")[1]
    except images.ImageError:
        return None


def _moves(image: Image.Image | None, data: bytes) -> bool:
    """Whether the file holds more than the one frame that is analysed."""
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # as above; a GIF's first frame may be too long to skip
        return b"NETSCAPE2.0" in data  # by which a GIF says that it begins again


def _named(words: str) -> str:
    """The generator that a text names, as it writes it, else ""."""
    match = re.search(rf"(?<!\w)(?:{GENERATORS})(?!\w)", words, re.IGNORECASE)
    return match[0] if match else ""


def _generators(said: Entries) -> Iterator[Message]:
    """The first field that names a generator, or that only generators write."""
    for field, words in said.texts.items():
        program = GENERATOR_FIELDS.get(field.removeprefix("PNG "), "") if field.startswith("PNG ") else ""
        comment = field in ("EXIF UserComment", "PNG parameters") and re.search(r"Steps: \d+, Sampler: ", words)
        if field == "PNG parameters" and not comment:
            program = ""  # a common word
        if field.startswith("EXIF ") and COMFYUI.match(words):
            program = "ComfyUI"
        if field in ("PNG prompt", "PNG workflow") and not words.lstrip().startswith("{"):
            program = ""
        if name := _named(words) or program or ("AUTOMATIC1111" if comment else ""):
            yield Message("origin_generator", value=printable(name), field=printable(field))
            return


def _declared(said: Entries) -> Iterator[Message]:
    if re.search(AI_SOURCES, said.first("XMP DigitalSourceType")):
        yield Message("origin_declared", field="XMP DigitalSourceType")


def _credentials(data: bytes, kind: str) -> Iterator[Message]:
    """Whether Content Credentials are there, who signed them, whether they fit the file, and what they declare."""
    if b"jumb" not in data or kind not in TYPES:  # how every C2PA store begins: the library takes a second to load
        return
    import c2pa

    try:
        context = c2pa.Context.from_dict(C2PA_SETTINGS)
        reader = c2pa.Reader.try_create(TYPES[kind], BytesIO(data), context=context)
        if reader is None:
            return
        with reader:
            state, manifest = reader.get_validation_state(), reader.get_active_manifest() or {}
            results = reader.get_validation_results() or {}
    except c2pa.C2paError as error:
        yield Message("origin_credentials_broken", value=printable(str(error)))
        return
    if state not in ("Valid", "Trusted"):
        yield Message("origin_credentials_broken", value=printable(_failure(results)))
        return
    issuer = (manifest.get("signature_info") or {}).get("issuer") or "?"
    yield Message("origin_credentials", value=printable(str(issuer)))
    if re.search(AI_SOURCES, json.dumps(manifest.get("assertions", []))):
        yield Message("origin_declared", field="C2PA digitalSourceType")
    for generator in manifest.get("claim_generator_info") or []:
        if name := _named(str(generator.get("name", ""))):
            yield Message("origin_generator", value=printable(name), field="C2PA claim generator")


def _failure(results: dict[str, Any]) -> str:
    """The first check that failed, by C2PA's own code for it."""
    failures = (results.get("activeManifest") or {}).get("failure") or []
    return str(failures[0].get("code", "?")) if failures else "?"
