"""What files say about themselves, from files made here."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from deepdect import origin
from deepdect.messages import Message

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def saved(kind: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    PICTURE.save(file, kind, **options)
    return file.getvalue()


def png(**texts: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        info.add_text(key, value)
    return saved("PNG", pnginfo=info)


def exif(**tags: object) -> bytes:
    block = Image.Exif()
    for name, value in tags.items():
        tag = ExifTags.Base[name]
        if name in ("UserComment", "DateTimeOriginal"):
            block.get_ifd(ExifTags.IFD.Exif)[tag] = value
        else:
            block[tag] = value
    return saved(exif=block)


def keys(data: bytes) -> list[str]:
    found = origin.read(data)
    assert all(isinstance(message, Message) for message in found)
    return [message.key for message in found]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "TIFF", "GIF", "BMP"])
def test_a_plain_file_says_nothing(kind):
    assert keys(saved(kind)) == []


def test_a_photo_names_camera_time_and_program():
    data = exif(Make="NIKON", Model="NIKON", Software="Capture 2.1", DateTimeOriginal="2024:05:06 07:08:09")
    camera, taken, software = origin.read(data)
    assert camera.values == {"value": "NIKON"}  # not twice
    assert taken.values == {"value": "2024:05:06 07:08:09"}
    assert software.values == {"value": "Capture 2.1"}


@pytest.mark.parametrize(
    ("data", "name", "field"),
    [
        (png(parameters="a face\nSteps: 20, Sampler: Euler a, CFG scale: 7"), "AUTOMATIC1111", "PNG parameters"),
        (png(prompt='{"3": {"class_type": "KSampler"}}'), "ComfyUI", "PNG prompt"),
        (png(Software="Midjourney v6"), "Midjourney", "PNG Software"),
        (exif(ImageDescription="made with DALL-E 3"), "DALL-E", "EXIF ImageDescription"),
        (exif(Software="FLUX.1 [dev]"), "FLUX.1", "EXIF Software"),
        (exif(Software="Gemini 2.5 Flash Image"), "Gemini 2", "EXIF Software"),
        (exif(UserComment=b"UNICODE\0" + "x\nSteps: 9, Sampler: y".encode("utf-16-be")), "AUTOMATIC1111", None),
    ],
)
def test_generators_are_named(data, name, field):
    message = next(message for message in origin.read(data) if message.key == "origin_generator")
    assert message.values["value"] == name
    assert field in (None, message.values["field"])


@pytest.mark.parametrize(
    "data",
    [
        png(parameters="shutter 1/60"),
        png(prompt="a question that I was asked"),
        exif(ImageDescription="Gemini over a flux of Geminids, an imagination"),
        exif(Software="Deep Dect"),
    ],
)
def test_common_words_are_no_generators(data):
    assert "origin_generator" not in keys(data)


def test_xmp_declares_ai_as_element_or_attribute():
    for xmp in (f'<a Iptc4xmpExt:DigitalSourceType="{AI}"/>', f"<x:DigitalSourceType>{AI}</x:DigitalSourceType>"):
        assert keys(saved(xmp=xmp.encode())) == ["origin_declared"]
    camera = AI.replace("trainedAlgorithmicMedia", "digitalCapture")
    assert keys(saved(xmp=f'<a DigitalSourceType="{camera}"/>'.encode())) == []


def test_what_is_no_picture_or_damaged_says_nothing():
    good = png(Software="Midjourney")
    for data in (b"", b"hello", good[:20], b"\x89PNG\r\n\x1a\n" + bytes(100), exif(Make="X")[:30]):
        assert origin.read(data) == []


def test_names_from_outside_are_one_line():
    [message] = origin.read(exif(Make="a\nb\u202e"))
    assert "\n" not in message and "\u202e" not in message


@pytest.fixture(scope="module")
def signed() -> bytes:
    """A JPEG with Content Credentials of a signer made here."""
    c2pa = pytest.importorskip("c2pa")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)]) for name in ("Test Root", "Test Signer")]
    chain = []
    for number, (key, name) in enumerate(zip(keys, names, strict=True)):
        root = number == 0
        usage = dict.fromkeys(
            [
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ],
            False,
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - timedelta(days=1))
            .not_valid_after(datetime.now(UTC) + timedelta(days=30))
            .add_extension(x509.BasicConstraints(root, None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.KeyUsage(digital_signature=not root, key_cert_sign=root, crl_sign=root, **usage), critical=True
            )
        )
        if not root:
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(purpose, critical=False)
        chain.insert(0, builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    secret = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    info = c2pa.C2paSignerInfo(b"es256", b"".join(chain), secret, b"")
    info.ta_url = None  # no time stamp, which would be asked for over the network
    manifest = {
        "claim_generator_info": [{"name": "Adobe Firefly", "version": "1"}],
        "assertions": [
            {"label": "c2pa.actions", "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": AI}]}}
        ],
    }
    out = io.BytesIO()
    with c2pa.Builder(json.dumps(manifest)) as builder:
        builder.sign(c2pa.Signer.from_info(info), "image/jpeg", io.BytesIO(saved(quality=95)), out)
    return out.getvalue()


def test_content_credentials_are_validated(signed):
    credentials, declared, generator = origin.read(signed)
    assert credentials.key == "origin_credentials" and credentials.values == {"value": "Test Signer"}
    assert declared.values == {"field": "C2PA digitalSourceType"}
    assert generator.values == {"value": "Adobe Firefly", "field": "C2PA claim generator"}


def test_credentials_that_do_not_fit_are_not_believed(signed):
    changed = bytearray(signed)
    changed[-40] ^= 255  # a pixel
    [message] = origin.read(bytes(changed))
    assert message.key == "origin_credentials_broken"
    assert message.values == {"value": "assertion.dataHash.mismatch"}


def test_a_damaged_store_is_called_that(signed):
    start = signed.index(b"jumb")
    broken = signed[: start + 60] + bytes(200) + signed[start + 260 :]
    assert keys(broken) == ["origin_credentials_broken"]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_a_moving_picture_says_that_one_frame_was_looked_at(kind: str) -> None:
    frames = [PICTURE, PICTURE.rotate(90)]
    moving = saved(kind, save_all=True, append_images=frames[1:], duration=100, loop=0)
    assert origin.read(moving) == [Message("origin_moving")]
    assert origin.read(saved(kind, save_all=True)) == []


def test_a_gif_whose_first_frame_is_too_long_to_skip_says_so_by_its_loop() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1600, 1600), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "GIF", save_all=True, append_images=[Image.fromarray(noise[::-1])], loop=0)
    assert origin.read(file.getvalue()) == [Message("origin_moving")]


def test_a_tiff_of_two_pages_does_not_move() -> None:
    assert origin.read(saved("TIFF", save_all=True, append_images=[PICTURE.rotate(90)])) == []


def test_telling_ones_are_those_that_nobody_should_miss() -> None:
    found = origin.read(png(parameters="a face, Steps: 20, Sampler: Euler a", Software="GIMP"))
    assert [message.key for message in found] == ["origin_generator", "origin_software"]
    assert origin.telling(found) == found[:1]
