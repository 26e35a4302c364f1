"""The page in a real Chromium."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image
from pypdf import PdfReader

from deepdect.figures import percent
from deepdect.texts import ENGLISH, language
from deepdect.ui.photo import EXAMPLES

from .conftest import UPLOAD

pytestmark = pytest.mark.browser

RESULT = "#result .dd-card:not(.dd-waiting)"
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}


def upload(page: Any, path: Path) -> str:
    """The result's words after choosing a file."""
    page.set_input_files(UPLOAD, str(path))
    page.wait_for_selector(RESULT)
    return page.inner_text("#result")


def overflow(page: Any) -> int:
    """By how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def contrast(page: Any, selector: str) -> float:
    """WCAG 2 contrast of an element's text on the nearest ground behind it."""
    return page.evaluate(
        """(selector) => {
          const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
          const rgba = (colour) => {
            canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
            return [...canvas.getImageData(0, 0, 1, 1).data];
          };
          const light = (colour) => rgba(colour).slice(0, 3).map((v) => v / 255)
            .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const element = document.querySelector(selector);
          let ground = element;
          while (rgba(getComputedStyle(ground).backgroundColor)[3] < 255) ground = ground.parentElement;
          const [a, b] = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor].map(light);
          return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        }""",
        selector,
    )


def test_the_page_can_be_installed(open_page):
    """What a browser needs for it: a name, a start page, and icons of two sizes that are what they claim to be."""
    page = open_page()
    manifest = page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then((answer) => answer.json())")
    assert (manifest["name"], manifest["display"], manifest["start_url"]) == ("Deep Dect", "standalone", "./")
    size = "async (src) => { const i = new Image(); i.src = src; await i.decode(); return i.naturalWidth; }"
    for icon in [*manifest["icons"], {"src": "pwa_icon/192", "sizes": "192x192"}]:
        assert str(page.evaluate(size, icon["src"])) == icon["sizes"].split("x")[0]
    assert page.get_attribute("meta[name=theme-color]", "content") == "#0f172a"


def test_what_a_file_says_of_its_origin_stands_beside_the_verdict(open_page, pictures, tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Software] = "Midjourney v6"
    with Image.open(pictures / "face.png") as picture:
        picture.convert("RGB").save(tmp_path / "signed.jpg", exif=exif)
    page = open_page()
    upload(page, tmp_path / "signed.jpg")
    page.wait_for_selector("#origin .dd-origin")
    assert "It names a picture generator: Midjourney" in page.inner_text("#origin")
    page.click("button[aria-label='Remove Image']")
    page.wait_for_selector(".dd-waiting")
    assert page.locator("#origin").is_hidden()


def test_a_photo_gets_a_verdict_and_its_evidence(open_page, pictures):
    page = open_page()
    assert "Your result appears here" in page.inner_text("#result")
    words = upload(page, pictures / "face.png")
    assert re.search(r"(Real|Deepfake|Inconclusive)\s+(<1|>99|\d{1,2})\s%\s*fake probability", words)
    assert re.search(r"deepdect-resnet50 \S+ · openvino-\S+ · \d+ ms", words)
    page.wait_for_function(
        "[...document.querySelectorAll('#slider img')].filter((i) => i.naturalWidth >= 512).length === 2"
    )
    rows = page.locator(".dd-regions th[scope=row]").all_inner_texts()
    assert len(rows) == 12 and rows[-2:] == ["Model baseline", "Total"]
    assert page.locator("#several").is_hidden()
    with page.expect_download() as waiting:
        page.click("#photo-get-pdf")
    [report] = PdfReader(waiting.value.path()).pages
    assert "face.png" in report.extract_text() and re.search("[✓✗]", report.extract_text())
    page.click("button[aria-label='Remove Image']")
    page.wait_for_selector(".dd-waiting")
    assert page.locator("#evidence").is_hidden() and page.locator("#photo-get-pdf").is_hidden()


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("blank.png", "No face found"),
        ("garbage.png", "This file is not supported"),
        ("cut.jpg", "This file cannot be read"),
        ("huge.png", "This picture is too large"),
    ],
)
def test_what_cannot_be_judged_says_why_and_gets_no_score(open_page, pictures, name, title):
    page = open_page()
    words = upload(page, pictures / name)
    assert words.startswith(title) and name in words
    assert not re.search(r"\d\s%", words)
    assert page.locator("#evidence").is_hidden()


def test_a_refusal_replaces_an_earlier_verdict(open_page, pictures):
    page = open_page()
    upload(page, pictures / "face.png")
    page.wait_for_selector("#evidence", state="visible")
    page.set_input_files(UPLOAD, str(pictures / "garbage.png"))
    page.wait_for_selector(".dd-message")
    page.wait_for_selector("#evidence", state="hidden")
    page.wait_for_selector("#photo[data-note]")  # a broken picture is not shown as one


def test_faces_are_picked_by_number_and_by_click(open_page, pictures, detector):
    page = open_page()
    words = upload(page, pictures / "two faces.png")
    decisive = int(re.search(r"2 faces were found.*here that is face (\d)", words).group(1))
    heading = page.locator(".dd-face h2")
    page.wait_for_function(f"document.querySelector('.dd-face h2')?.innerText.startsWith('Face {decisive}')")
    shown = page.get_attribute("#slider img", "src")
    other = 3 - decisive
    page.locator("#picker label").nth(other - 1).click()
    page.wait_for_function(f"document.querySelector('.dd-face h2').innerText.startsWith('Face {other}')")
    assert re.match(rf"Face {other}:\s+(Real|Deepfake|Inconclusive)", heading.inner_text())
    page.wait_for_function("(old) => document.querySelector('#slider img').src !== old", arg=shown)

    boxes = [face.face.box for face in detector.analyze(pictures / "two faces.png").faces]
    size = page.evaluate("(({ naturalWidth: w, naturalHeight: h }) => [w, h])(document.querySelector('#faces img'))")
    drawn = page.locator("#faces img").bounding_box()
    for number in (decisive, other):
        x, y, width, height = boxes[number - 1]
        at = {"x": (x + width / 2) * drawn["width"] / size[0], "y": (y + height / 2) * drawn["height"] / size[1]}
        page.locator("#faces img").click(position=at)
        page.wait_for_function(f"document.querySelector('.dd-face h2').innerText.startsWith('Face {number}')")
        page.wait_for_function(f"document.querySelectorAll('#picker input')[{number - 1}].checked")


@pytest.mark.parametrize("left, right", [(0, 512), (170, 290)])  # as wide as the slider, and narrower
def test_the_slider_between_photo_and_map_obeys_the_keyboard(open_page, astronaut, tmp_path, left, right):
    page = open_page()
    Image.fromarray(astronaut[:, left:right]).save(tmp_path / "a.png")
    upload(page, tmp_path / "a.png")
    handle, above = page.locator("#evidence [role=slider]"), page.locator("#evidence img.fixed")

    def wait_for(place: int) -> None:
        page.wait_for_function("([handle, n]) => handle.ariaValueNow == n", arg=[handle.element_handle(), place])
        x = handle.evaluate("handle => new DOMMatrix(handle.style.transform).e")
        shape, width, height = above.evaluate("i => [i.naturalWidth / i.naturalHeight, i.offsetWidth, i.offsetHeight]")
        drawn = min(width, shape * height)  # the picture's own width, in the middle of its element
        assert abs(x - (width - drawn) / 2 - drawn * place / 100) < 2
        inset = above.evaluate("image => parseFloat(image.style.clipPath.match(/([\\d.]+)%/)[1])")
        assert abs(inset * width / 100 - x) < 2

    above.scroll_into_view_if_needed()  # pictures further down are not loaded yet
    wait_for(50)  # said before it is ever focused
    assert handle.get_attribute("aria-label") == ENGLISH.slider
    handle.focus()
    places = {"ArrowRight": 55, "PageDown": 35, "End": 100, "ArrowUp": 100, "ArrowLeft": 95, "Home": 0, "ArrowDown": 0}
    for key, place in places.items():
        page.keyboard.press(key)
        wait_for(place)
    page.keyboard.press("Control+End")  # the browser's own
    page.wait_for_timeout(200)
    wait_for(0)
    page.locator("#evidence [aria-label=Fullscreen]").click()
    page.wait_for_timeout(500)
    for key, place in {"End": 100, "PageDown": 80, "Home": 0}.items():
        handle.press(key)
        wait_for(place)


def test_the_evidence_is_checked_after_the_verdict(open_page, pictures):
    page = open_page(**(PHONE | {"viewport": {"width": 360, "height": 740}}))
    upload(page, pictures / "two faces.png")
    checked = "/[✓✗]/.test(document.querySelector('.dd-regions table')?.innerText)"
    page.wait_for_function(checked)
    first = page.inner_text(".dd-reason")
    assert re.match(r"Face \d · (Real|Deepfake|Inconclusive)\s+\w+", first) and "not checked" not in first
    page.locator("#picker input:not(:checked)").click()
    page.wait_for_function("(old) => document.querySelector('.dd-reason').innerText !== old", arg=first)
    page.wait_for_function(checked)
    assert overflow(page) == 0


def test_examples_are_analysed_on_a_click(open_page):
    page = open_page()
    page.locator("#examples .gallery-item, #examples button").first.click()
    page.wait_for_selector(RESULT)
    assert "One face was found" in page.inner_text("#result")


def test_examples_have_a_name_for_who_cannot_see_them(open_page):
    page = open_page()
    for name in ENGLISH.example_names:
        assert page.get_by_role("button", name=name, exact=True).count() == 1
    page.click("#language input")
    page.get_by_role("option", name="Deutsch").click()
    page.wait_for_function("document.documentElement.dataset.language === 'de'")
    for name in language("de").example_names:
        assert page.get_by_role("button", name=name, exact=True).count() == 1


def test_an_example_can_be_linked_to(open_page, page_url, detector):
    page = open_page()
    page.goto(f"{page_url}/?example=altered")
    page.wait_for_selector(RESULT)
    found = detector.analyze(EXAMPLES / "altered.png")
    assert page.inner_text("#result").startswith(ENGLISH.verdicts[found.verdict])
    assert percent(found.fake_probability).replace("\N{NO-BREAK SPACE}", " ") in page.inner_text("#result").replace(
        "\N{NO-BREAK SPACE}", " "
    )


@pytest.mark.parametrize("order", ["?example=real&lang=de", "?lang=de&example=real"])
def test_a_linked_example_is_told_in_the_page_s_language(open_page, page_url, order):
    page = open_page()
    page.goto(f"{page_url}/{order}")
    page.wait_for_selector(RESULT)
    assert re.match("(Echt|Unklar)", page.inner_text("#result"))


def test_who_asks_without_a_photo_is_told(open_page):
    page = open_page()
    page.click("#analyse")
    page.wait_for_function("document.querySelector('#result').innerText.includes('paste a photo first')")


def test_analyse_repeats_the_analysis(open_page, pictures):
    page = open_page()
    first = upload(page, pictures / "blank.png")
    with page.expect_response(lambda response: "/queue/join" in response.url):
        page.click("#analyse")
    page.wait_for_function("(words) => document.querySelector('#result').innerText === words", arg=first)


SEND = """([kind, name, type, data]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name, { type }));
  const settings = { bubbles: true, cancelable: true };
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { ...settings, clipboardData: transfer })
    : new DragEvent("drop", { ...settings, dataTransfer: transfer });
  document.querySelector("h1").dispatchEvent(event);
}"""


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_a_photo_can_be_pasted_and_dropped_anywhere(open_page, pictures, kind):
    page = open_page()
    for name, media_type, expected in (
        ("blank.png", "image/png", "No face was found in blank.png"),
        ("face.png", "", "One face was found"),  # as browsers give HEIC files, without a type; onto the first one
    ):
        data = base64.b64encode((pictures / name).read_bytes()).decode()
        page.evaluate(SEND, [kind, name, media_type, data])
        page.wait_for_function("(words) => document.querySelector('#result').innerText.includes(words)", arg=expected)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes_are_legible(open_page, pictures, scheme):
    page = open_page(color_scheme=scheme)
    upload(page, pictures / "face.png")
    page.wait_for_selector(".dd-regions")
    assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
    for selector in (".dd-card h2", ".dd-card p", ".dd-card .dd-note", ".dd-regions td", "#privacy p", "#analyse"):
        assert contrast(page, selector) >= 4.5, selector


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_needs_no_sideways_scrolling(open_page, pictures, width):
    page = open_page(**(PHONE | {"viewport": {"width": width, "height": 844}}))
    assert overflow(page) == 0
    upload(page, pictures / "two faces.png")
    page.wait_for_selector(".dd-regions")
    assert overflow(page) == 0
    photo, result, evidence = (page.locator(part).bounding_box() for part in ("#photo", "#result", "#evidence"))
    assert photo["y"] < result["y"] < evidence["y"]  # one column, in this order
    assert photo["width"] == pytest.approx(result["width"], abs=4)
