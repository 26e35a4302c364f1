"""What a visitor does while the page is still at work, in a real Chromium."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from .conftest import UPLOAD

pytestmark = pytest.mark.browser


@pytest.fixture
def three(astronaut, tmp_path):
    """A picture of three faces."""
    half = astronaut[:300, 60:400]
    Image.fromarray(np.hstack([half, half[:, ::-1], half])).save(tmp_path / "three.png")
    return tmp_path / "three.png"


def test_another_photo_takes_the_place_of_one_that_is_being_judged(open_page, pictures, three):
    page = open_page()
    for wait in (0, 150, 300):  # when the first one waits, is judged, is drawn
        page.set_input_files(UPLOAD, str(three))
        page.wait_for_selector("#result .dd-working")
        page.wait_for_timeout(wait)
        page.set_input_files(UPLOAD, str(pictures / "blank.png"))
        page.wait_for_function("document.querySelector('#result').innerText.includes('No face was found in blank.png')")
        page.wait_for_timeout(1500)
        assert "No face was found in blank.png" in page.inner_text("#result")  # no late verdict comes after it
        assert page.locator("#evidence").is_hidden() and page.locator("#several").is_hidden()


def test_arrow_keys_lead_from_face_to_face(open_page, three):
    page = open_page()
    page.set_input_files(UPLOAD, str(three))
    page.wait_for_selector("#reason h3")
    faces = page.locator("#picker input")
    assert faces.count() == 3
    begun = page.evaluate("[...document.querySelectorAll('#picker input')].findIndex((one) => one.checked)")
    faces.nth(begun).focus()
    for step in (1, 2):  # after each choice Gradio draws the faces anew
        page.keyboard.press("ArrowDown")
        number = (begun + step) % 3 + 1
        page.wait_for_function(f"document.querySelector('.dd-face h2').innerText.startsWith('Face {number}')")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # both at once: the last one wins
    page.wait_for_function(f"document.querySelector('.dd-face h2').innerText.startsWith('Face {begun + 1}')")
    page.wait_for_function(f"document.querySelectorAll('#picker input')[{begun}].checked")
