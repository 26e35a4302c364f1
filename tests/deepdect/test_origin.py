"""What files say about themselves, from files made here."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFile, PngImagePlugin

from deepdect import entries, formats, origin
from deepdect.messages import Message
from tests.hostile import samples
from tests.hostile.samples import BOMBS, shared_exif, with_exif

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
        if name in ("UserComment", "DateTimeOriginal", "DateTimeDigitized"):
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
    ("make", "model", "named"),
    [
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("Apple", "iPhone 15", "Apple iPhone 15"),
        ("Leica", "", "Leica"),
        ("", "DMC-G9", "DMC-G9"),
    ],
)
def test_a_camera_s_maker_is_named_once(make, model, named):
    [camera] = origin.read(exif(Make=make, Model=model))
    assert camera.values == {"value": named}


def test_a_file_s_last_change_is_not_when_the_photo_was_taken():
    assert keys(exif(DateTime="2024:03:01 10:00:00")) == []
    [taken] = origin.read(exif(DateTime="2024:03:01 10:00:00", DateTimeDigitized="2023:01:01 00:00:00"))
    assert (taken.key, taken.values) == ("origin_taken", {"value": "2023:01:01 00:00:00"})


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


def test_xmp_of_an_ingredient_does_not_hide_another_one() -> None:
    camera = AI.replace("trainedAlgorithmicMedia", "digitalCapture")
    both = [f'<r:li a:DigitalSourceType="{source}"/>' for source in (camera, AI)]
    assert keys(saved(xmp="".join(both).encode())) == ["origin_declared"]
    assert keys(saved(xmp="".join(both[::-1]).encode())) == ["origin_declared"]
    assert keys(saved(xmp=(both[0] * 2).encode())) == []


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


EXIF_KINDS = ["JPEG", "PNG", "PNG text", "WEBP", "AVIF", "HEIF"]


@pytest.mark.parametrize("kind", EXIF_KINDS)
def test_exif_is_read_of_every_kind(kind: str) -> None:
    block = Image.Exif()
    block[ExifTags.Base.Make] = "ACME"
    block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:05:06 07:08:09"
    data = with_exif(kind, block.tobytes()[6:])
    assert [str(message.values["value"]) for message in origin.read(data)] == ["ACME", "2024:05:06 07:08:09"]


@pytest.mark.parametrize("kind", EXIF_KINDS)
def test_exif_too_long_to_be_true_is_never_parsed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    data = with_exif(kind, shared_exif(2000, 150_000))
    monkeypatch.setattr(Image.Exif, "load", lambda self, content: lengths.append(len(content)))
    assert origin.read(data) == []
    assert max(lengths, default=0) <= formats.MAX_EXIF


@pytest.mark.parametrize("directory", [None, ExifTags.IFD.Exif])
def test_tags_that_share_their_data_are_not_all_decoded(directory: int | None) -> None:
    # 1,500 tags of 4,500 fractions each, which as Python's objects would be 7 million
    data = with_exif("PNG", shared_exif(1500, 36_000, kind=5, directory=directory))
    tracemalloc.start()
    assert origin.read(data) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1500 * 36_000 * 1.5


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_damaged_boxes_say_nothing(kind: str) -> None:
    data = with_exif(kind, shared_exif(1, 100))
    at = data.index(b"iloc")
    for place in range(at - 4, at + 40):
        for value in (0, 255):
            origin.read(data[:place] + bytes([value]) + data[place + 1 :])


@pytest.mark.parametrize("kind", BOMBS)
def test_what_claims_too_many_pixels_is_not_opened(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("pixels were decoded"))
    assert origin.read(BOMBS[kind]) == []


def test_entries_behind_a_png_s_pixels_are_read_without_decoding_these(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, marked = saved("PNG"), png(Software="Midjourney v6")
    text = marked[marked.index(b"tEXt") - 4 : marked.index(b"IDAT") - 4]
    end = plain.index(b"IEND") - 4
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("pixels were decoded"))
    [message] = origin.read(plain[:end] + text + plain[end:])
    assert message.values == {"value": "Midjourney", "field": "PNG Software"}
    broken = text[:-1] + bytes([text[-1] ^ 255])  # its checksum
    assert keys(marked[: -len(plain[end:])] + broken + plain[end:]) == ["origin_generator"]


def test_a_png_without_entries_behind_its_pixels_is_opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    open_header = formats.open_header
    monkeypatch.setattr(formats, "open_header", lambda *given: opened.append(1) or open_header(*given))
    marked = png(Software="Midjourney v6")
    end = marked.index(b"IEND") - 4
    unknown = struct.pack(">I4sI", 0, b"abCd", zlib.crc32(b"abCd"))
    assert keys(marked[:end] + unknown + marked[end:]) == ["origin_generator"]
    assert len(opened) == 1


def test_a_png_s_names_count_among_its_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(origin, "_generators", lambda said: seen.extend([*said.texts, *said.texts.values()]) or [])
    chunks = [(b"tEXt", b"%02d" % n + b"k" * size + b"\0x") for n, size in enumerate([2**20] * 3 + [2**16] * 5)]
    assert keys(samples.png(32, 32, 8, 2, bytes(3072), *chunks, (b"tEXt", b"Software\0GIMP"))) == ["origin_software"]
    assert sum(map(len, seen)) <= entries.LONGEST
    assert len(seen) == 2 * 4  # GIMP and the first three of 64 kB


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(("size", "found"), [(2**16 - 100, ["origin_generator"]), (2**16 + 2, [])])
def test_an_entry_of_a_tiff_is_no_longer_than_exif_may_be(size: int, found: list[str], inside: bool) -> None:
    name, comment = ("UserComment", b"ASCII\0\0\0") if inside else ("ImageDescription", b"")
    comment = comment + b"Midjourney ".ljust(size - len(comment) - 1, b"x") + b"\0"
    entry = struct.pack("<HHII", ExifTags.Base[name], 7 if inside else 2, len(comment), 8 + 1024)
    if inside:
        directory = struct.pack("<H", 1) + entry + bytes(4)
        data = samples.tiff(bytes(1024) + comment + directory, t279=1024, t34665=8 + 1024 + len(comment))
    else:
        data = bytearray(samples.tiff(bytes(1024) + comment, t279=1024, t270=0))
        at = data.index(struct.pack("<HHII", 270, 4, 1, 0))
        data[at : at + 12] = entry
    assert keys(bytes(data)) == found


def test_a_directory_of_a_tiff_without_end_is_not_read_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tags = [(256, 64), (257, 64), (258, 8), (259, 1), (262, 1), (273, 16), (277, 1), (278, 64), (279, 4096)]
    tag = struct.Struct("<HHQQ")
    count, head = 200_000, struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16 + 4096)
    first = [tag.pack(number, 4, 1, value) for number, value in tags]
    first.append(tag.pack(ExifTags.IFD.Exif, 4, 1, 16 + 4096 + 8 + 10 * 20 + 8))
    own = [tag.pack(40_000 + n % 1000, 4, 1, 7) for n in range(count)]
    data = (
        head
        + bytes(4096)
        + b"".join([struct.pack("<Q", 10), *first, bytes(8), struct.pack("<Q", count), *own, bytes(8)])
    )
    reads: list[int] = []
    read = formats.Metered.read
    monkeypatch.setattr(formats.Metered, "read", lambda self, size=-1: reads.append(1) or read(self, size))
    assert keys(data) == []
    assert 2 * formats.MOST_TAGS < len(reads) < 2 * formats.MOST_TAGS + 1000


def test_all_texts_together_are_searched_no_further_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    monkeypatch.setattr(origin, "_named", lambda words: searched.append(len(words)) or "")
    assert origin.read(png(**{f"text {n}": "a " * 2**16 for n in range(20)}, Comment="short")) == []
    assert sum(searched) + len("PNG Comment" + 2 * "PNG text 0") == entries.LONGEST  # no room for the other 18
    assert 5 in searched  # the short one is not crowded out


def test_comfyui_in_the_place_of_a_camera() -> None:
    # SaveAnimatedWEBP writes its graph into the camera's maker and model
    data = exif(Make='workflow:{"nodes": []}', Model='prompt:{"3": {"class_type": "KSampler"}}')
    assert [(message.key, message.values) for message in origin.read(data)] == [
        ("origin_generator", {"value": "ComfyUI", "field": "EXIF Make"})
    ]
    assert keys(exif(Make="Prompt", Model="workflow: 7")) == ["origin_camera"]


def test_what_a_picture_shows_is_no_generator() -> None:
    packet = "<dc:description>Photo of the OpenAI office</dc:description><x:Credit>A. Nother</x:Credit>"
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet)
    assert keys(saved("PNG", pnginfo=info)) == keys(saved(xmp=packet.encode())) == []
    info.add_itxt("XML:com.adobe.xmp", packet.replace("A. Nother", "Made with Google AI"))
    [message] = origin.read(saved("PNG", pnginfo=info))
    assert message.values == {"value": "Made with Google AI", "field": "XMP Credit"}


@pytest.mark.parametrize(
    "xmp",
    [
        f"<x:Description x:DigitalSourceType='{AI}'/>",
        f"<x:Description y='a>b' x:DigitalSourceType = \"{AI}\"/>",
        f'<x:DigitalSourceType rdf:resource="{AI}"/>',
        f"<x:DigitalSourceType rdf:resource='{AI}'></x:DigitalSourceType>",
        f"<DigitalSourceType><![CDATA[{AI}]]></DigitalSourceType>",
        f"<DigitalSourceType>\n<![CDATA[ {AI}?x=1&y ]]> <!-- so it is --></DigitalSourceType>",
        f"<DigitalSourceType> <rdf:Bag><rdf:li xml:lang='x'> {AI} </rdf:li></rdf:Bag> </DigitalSourceType>",
    ],
)
def test_usual_forms_of_xmp_declare(xmp: str) -> None:
    assert keys(saved(xmp=xmp.encode())) == ["origin_declared"]


@pytest.mark.parametrize(
    "xmp",
    [
        f"<x:DigitalSourceType></x:DigitalSourceType><y>{AI}</y>",  # behind its end
        f"<x:DigitalSourceType/><y>{AI}</y>",
        f"<x:NoDigitalSourceType>{AI}</x:NoDigitalSourceType>",
        f'<x:Title rdf:resource="{AI}"/>',
        f"<x:Title><![CDATA[{AI}]]></x:Title>",
        f"<x:DigitalSourceType/><![CDATA[{AI}]]>",
        f"<x:Title><![CDATA[ x:DigitalSourceType='{AI}' ]]></x:Title>",
        "<x:Credit>" * 25_000,
        "Credit>" * 35_000,
        "<Credit " * 30_000,
        "<Credit='" * 28_000,
    ],
)
def test_other_xmp_says_nothing(xmp: str) -> None:
    assert keys(saved("WEBP", xmp=xmp.encode())) == []


@pytest.mark.parametrize("order", ["II", "MM"])
@pytest.mark.parametrize("text", [b"\xff\xfe", b"\xfe\xff", b"le", b"be"])
def test_a_comment_in_utf_16_of_either_order(text: bytes, order: str) -> None:
    little = text in (b"\xff\xfe", b"le")
    words = "a cat\nSteps: 9, Sampler: y".encode("utf-16-le" if little else "utf-16-be")
    comment = b"UNICODE\0" + (text if text[0] >= 0xFE else b"") + words
    pack = "<" if order == "II" else ">"
    block = order.encode() + struct.pack(f"{pack}HIHHHIII", 42, 8, 1, ExifTags.IFD.Exif, 4, 1, 26, 0)
    block += struct.pack(f"{pack}HHHIII", 1, ExifTags.Base.UserComment, 7, len(comment), 44, 0) + comment
    [message] = origin.read(with_exif("PNG", block))
    assert message.values == {"value": "AUTOMATIC1111", "field": "EXIF UserComment"}


@pytest.mark.parametrize(("endian", "coding"), [("<", "utf-16-le"), (">", "utf-16-be"), (None, "utf-16-be")])
def test_utf_16_without_latin_letters_is_in_exif_s_order(endian: str | None, coding: str) -> None:
    assert entries._utf16("顔写真".encode(coding), endian) == coding


def test_a_field_s_name_is_the_sender_s_too() -> None:
    [message] = origin.read(png(**{"Title\nmore": "Midjourney"}))
    assert message.isprintable()
