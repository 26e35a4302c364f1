"""The camera's tab in a real Chromium, which films the portrait."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.browser

# Keeps what the page was granted, and lets it wait for that where a test has set `window.hold`.
WATCH = """() => {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wish) => {
    if (window.hold) await new Promise((resolve) => { window.allow = resolve; });
    return window.granted = await ask(wish);
  };
}"""
OFF = "window.granted?.getTracks().every((track) => track.readyState === 'ended')"
FIGURES = r"([\d.]+) frames a second"


def test_the_camera_s_frames_come_back_with_verdict_and_map(open_page):
    page = open_page(permissions=["camera"])
    page.get_by_role("tab", name="Camera").click()
    page.evaluate(WATCH)
    page.click("#live-start")
    page.wait_for_function("/^[1-9].*frames a second/.test(document.querySelector('.dd-live-rate').innerText)")
    page.wait_for_timeout(2500)
    assert float(re.match(FIGURES, page.inner_text(".dd-live-rate"))[1]) > 0
    told = r"(Real|Deepfake|Inconclusive) (<1|>99|\d+)\s%"
    assert re.fullmatch(told, page.inner_text("#live [role=status]"))
    assert re.fullmatch(told, page.get_attribute("#live canvas", "aria-label"))
    assert page.locator("#live-waiting").is_hidden()
    # the face's box is drawn in its verdict's colour, somewhere on the canvas
    drawn = page.evaluate(
        """() => {
          const canvas = document.querySelector("#live canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const tones = [[45, 120, 215], [240, 120, 40], [150, 155, 162]].map(() => 0);
          for (let i = 0; i < data.length; i += 4)
            [[45, 120, 215], [240, 120, 40], [150, 155, 162]].forEach(([r, g, b], n) => {
              tones[n] += data[i] === r && data[i + 1] === g && data[i + 2] === b;
            });
          return { size: [canvas.width, canvas.height], most: Math.max(...tones) };
        }"""
    )
    assert drawn["size"] == [640, 480] and drawn["most"] > 1000  # its label and its frame
    page.click("#language input")
    page.get_by_role("option", name="Deutsch").click()
    page.wait_for_function(r"/^\d+,\d Bilder in der Sekunde/.test(document.querySelector('.dd-live-rate').innerText)")
    spoken = page.inner_text("#live [role=status]")
    assert re.match("Echt|Unklar|Deepfake", spoken)  # at once, not with the next announcement
    page.get_by_role("tab", name="Ein Foto").click()
    page.wait_for_function(OFF)  # whoever leaves the tab is no longer filmed


def test_what_is_written_is_what_is_drawn_and_ends_with_it(open_page):
    page = open_page(permissions=["camera"])
    wide = page.evaluate("document.querySelector('#head').offsetWidth")
    page.get_by_role("tab", name="Camera").click()
    assert page.evaluate("document.querySelector('#head').offsetWidth") == wide
    page.click("#live-start")
    page.wait_for_function("document.querySelector('.dd-live-verdict').innerText")
    both = """() => [document.querySelector(".dd-live-verdict").textContent,
                     document.querySelector("#live canvas").ariaLabel]"""
    for _ in range(5):  # between announcements, too
        written, drawn = page.evaluate(both)
        assert written == drawn != ""
        page.wait_for_timeout(300)
    page.click("#live-stop")
    page.wait_for_function("document.querySelector('.dd-live-verdict').textContent === ''")
    assert page.inner_text("#live [role=status]") == "" and page.locator("#live canvas").is_visible()


def test_a_camera_that_is_allowed_after_a_stop_is_switched_off_again(open_page):
    page = open_page(permissions=["camera"])
    page.get_by_role("tab", name="Camera").click()
    page.evaluate(WATCH)
    page.evaluate("window.hold = true")
    page.click("#live-start")
    page.wait_for_function("!!window.allow")
    page.click("#live-stop")
    page.evaluate("window.allow()")
    page.wait_for_function(OFF)
    assert page.locator("#live canvas").is_hidden()


def test_without_a_camera_the_tab_says_so(open_page):
    page = open_page()
    page.get_by_role("tab", name="Camera").click()
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('no such device')); }")
    page.click("#live-start")
    page.wait_for_function(
        "document.querySelector('#live [role=status]').innerText.startsWith('The camera cannot be used')"
    )
    page.click("#language input")
    page.get_by_role("option", name="Deutsch").click()
    page.wait_for_function(
        "document.querySelector('.dd-live-verdict').innerText.startsWith('Die Kamera kann nicht benutzt werden')"
    )
    assert page.locator("#live canvas").is_hidden()
