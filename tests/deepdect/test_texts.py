"""Ten languages, complete and truly translated."""

from __future__ import annotations

import pickle
import re
from dataclasses import fields
from string import Formatter

import pytest

from deepdect import messages, texts, video
from deepdect.messages import Message
from deepdect.texts import CODES, ENGLISH, Texts, language, preferred
from explain import reasons
from explain.regions import REGIONS, RegionEvidence

OTHERS = [code for code in CODES if code != "en"]
# What is truly the same word in the languages named.
SAME = {
    "title": set(OTHERS),
    "photo": {"de", "id", "es", "fr", "pt"},
    "tab_video": {"de", "id"},
    "video": {"de", "id"},
    "person": {"de"},
    "seconds": {"de", "es", "fr", "pt"},
    "for_fake": {"de", "es", "fr", "pt", "id"},
    "for_real": {"es", "pt"},
    "verdicts.deepfake": {"de", "es", "fr", "pt", "id"},
    "verdicts.real": {"es", "pt"},
    "column_verdict": {"fr"},
    "column_status": {"de", "id"},
    "logits": {"de", "es", "pt", "fr"},
    "report_size": {"fr", "pt"},
    "reasons.list": set(OTHERS),  # nothing but names in braces and what stands between them
    "reasons.list.last": set(),
    "reasons.sentences": set(OTHERS),
    "messages.no_face_partly": set(OTHERS),  # two sentences
}
# A script of its own shows that a text was not forgotten; names and units stay in Latin letters.
SCRIPTS = {
    "hi": r"[\u0900-\u097f]",
    "ar": r"[\u0600-\u06ff]",
    "zh": r"[\u4e00-\u9fff]",
    "ja": r"[\u3040-\u30ff\u4e00-\u9fff]",
}


def flat(text: Texts) -> dict[str, str]:
    """Every text by its path; of a list, each entry. Punctuation is no text."""
    found: dict[str, str] = {}
    for field in fields(Texts):
        value = getattr(text, field.name)
        if field.name in {"code", "name", "english_name", "decimal", "marks"}:
            continue
        if isinstance(value, str):
            found[field.name] = value
        elif isinstance(value, tuple):
            found |= {f"{field.name}.{number}": entry for number, entry in enumerate(value)}
        elif not isinstance(value, bool):
            found |= {f"{field.name}.{key}": entry for key, entry in value.items()}
    return found


def braces(words: str) -> list[tuple[str, str | None]]:
    return sorted((name, spec) for _, name, spec, _ in Formatter().parse(words) if name is not None)


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_exists_in_every_language_with_its_braces(code):
    english, other = flat(ENGLISH), flat(language(code))
    assert other.keys() == english.keys()
    for path, words in other.items():
        assert words.strip() == words != "", path
        assert braces(words) == braces(english[path]), path
        assert words.count("\n") == english[path].count("\n"), path


@pytest.mark.parametrize("code", CODES)
def test_punctuation_is_the_language_s_own(code):
    text = language(code)
    assert set(text.marks) == {"colon", "semicolon", "comma", "list", "stop"}
    listed = "1{colon}2{semicolon}3{comma}4{list}5{stop}".format(**text.marks)
    own = {
        "fr": "1\xa0: 2\u202f; 3, 4, 5.",
        "hi": "1: 2; 3, 4, 5।",
        "ar": "1: 2؛ 3، 4، 5.",
        "zh": "1：2；3，4、5。",
        "ja": "1：2；3、4、5。",
    }
    assert listed == own.get(code, "1: 2; 3, 4, 5.")
    assert text.figure("+1.25") == ("+1,25" if code in {"es", "pt", "fr", "de", "id"} else "+1.25")


@pytest.mark.parametrize("code", OTHERS)
def test_no_text_is_left_in_english(code):
    english = flat(ENGLISH)
    for path, words in flat(language(code)).items():
        same = words.casefold() == english[path].casefold()
        assert not same or code in SAME.get(path, ()), f"{code} {path}: {words}"
        if code in SCRIPTS and path not in SAME:
            assert re.search(SCRIPTS[code], words), f"{code} {path}: {words}"


@pytest.mark.parametrize("code", OTHERS)
def test_no_english_phrase_hides_in_a_translation(code):
    """Function words that none of the languages shares, in a text that was translated only in part."""
    for path, words in flat(language(code)).items():
        bare = re.sub(r"\{[^}]*\}", " ", words)
        assert not re.search(r"\b(?:the|and|with|this|that|which|were|cannot|choose)\b", bare, re.I), f"{path}: {words}"


@pytest.mark.parametrize("code", CODES)
def test_the_regions_and_states_have_their_names(code):
    text = language(code)
    assert set(text.region_names) == set(REGIONS)
    assert set(text.verdicts) == set(text.meanings) == {"real", "deepfake", "inconclusive"}
    assert set(text.statuses) == {"ok", "no_face", "unreadable", "unsupported", "too_large"}
    assert text.right_to_left == (code == "ar")


def test_the_default_words_of_a_reason_are_the_english_file_s():
    assert dict(ENGLISH.reasons) == dict(reasons.ENGLISH)


def regions_of(drop: float | None, verified: bool | None, *names: str) -> list[RegionEvidence]:
    return [RegionEvidence(name, 1.0, 0.5 - 0.1 * number, drop, verified) for number, name in enumerate(names)]


@pytest.mark.parametrize("code", CODES)
def test_a_reason_is_told_in_every_language(code):
    text = language(code)
    one = text.reason(reasons.find("deepfake", 2.2, regions_of(2.2, True, "mouth")))
    assert text.reasons["mouth"].casefold() in one.casefold() and text.reasons["verified"] in one
    plain = one.replace("\N{NO-BREAK SPACE}", " ").replace("\N{LEFT-TO-RIGHT MARK}", "")
    assert all(figure in plain for figure in ("50 %", "90 %"))  # the share and what hiding leaves, and the probability
    more = text.reason(reasons.find("deepfake", 2.2, regions_of(None, None, "mouth", "left_cheek")))
    assert text.reasons["left_cheek"] in more and text.reasons["unchecked"] in more
    assert "{" not in one + more
    for one_verdict, evidence in (
        ("inconclusive", regions_of(2.2, True, "jaw")),
        ("deepfake", regions_of(0, False, "jaw")),
    ):
        told = text.reason(reasons.find(one_verdict, 0.0, evidence))
        assert text.reasons["jaw"] not in told and text.region_names["jaw"] not in told
        assert text.for_fake not in told  # neither names a region nor accuses


def test_french_marks_stand_off_but_never_begin_a_line():
    text = language("fr")
    for path, words in flat(text).items():
        assert not re.search(r" [:;?!»]|« ", words), f"{path}: {words}"
    assert any("\N{NARROW NO-BREAK SPACE};" in words for words in flat(text).values())
    assert any("\N{NO-BREAK SPACE}:" in words for words in flat(text).values())


def test_thousands_are_apart_by_a_comma_in_english_alone():
    message = Message("jpeg_scans", name="a.jpg", scans=1240)
    assert "1,240" in language("en").say(message)
    for code in OTHERS:
        assert "1\N{NARROW NO-BREAK SPACE}240" in language(code).say(message)


def test_figures_keep_together_amid_letters_from_right_to_left():
    told = language("ar").reason(reasons.find("real", -9.0, [RegionEvidence("nose", -1.0, 0.5)]))
    assert "\N{LEFT-TO-RIGHT MARK}50\N{NO-BREAK SPACE}%\N{LEFT-TO-RIGHT MARK}" in told


@pytest.mark.parametrize("code", CODES)
def test_the_marks_of_a_check_are_explained(code):
    text = language(code)
    words = {text.checked(verified) for verified in (True, False, None)}
    assert len(words) == 3 and all(word in text.checks for word in words)


def test_every_message_that_the_code_uses_exists():
    used = set()
    for path in messages.LANGUAGES.parent.rglob("*.py"):
        used |= set(re.findall(r'Message\(\s*"(\w+)"', path.read_text(encoding="utf-8")))
    assert len(used) > 15 and used <= messages.ENGLISH.keys()


def test_a_video_s_note_says_how_often_who_decides_it_was_seen():
    three = {"en": "three", "es": "tres", "pt": "três", "fr": "trois", "de": "drei", "id": "tiga"}
    three |= {"hi": "तीन", "ar": "ثلاثة", "zh": "三", "ja": "三つ"}
    assert video.ENOUGH == 3 and set(three) == set(CODES)
    for code, word in three.items():
        assert word in language(code).video_note, code


@pytest.mark.parametrize("code", CODES)
def test_each_example_has_a_name(code):
    assert len(language(code).example_names) == 2


def test_a_message_is_english_text_that_other_languages_can_word():
    message = Message("not_a_picture", name="a.png", kind=Message("kind_video"), formats=("JPEG", "PNG"))
    assert message == (
        "a.png: looks like a video (for videos there is a tab and a command of their own). Send a picture: JPEG, PNG."
    )
    assert language("de").say(message) == (
        "a.png: sieht aus wie ein Video (für Videos gibt es einen eigenen Reiter und einen eigenen Befehl). Senden Sie "
        "ein Bild: JPEG, PNG."
    )
    assert language("zh").say(message) == "a.png：看起来是视频（视频有专门的标签页和命令）。请发送图片：JPEG、PNG。"
    assert language("de").say("no message") == "no message"
    again = pickle.loads(pickle.dumps(message))
    assert again == message and language("fr").say(again) == language("fr").say(message)


def test_an_incomplete_message_is_refused():
    with pytest.raises(KeyError):
        Message("small_face")
    with pytest.raises(KeyError):
        Message("no such key")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("ko,ar;q=0.5,ja;q=0.7", "ja"),
        ("zh-TW", "zh"),
        ("en;q=0.2, pt-BR;q=0.9", "pt"),
        ("ko", "en"),
        ("fr;q=0", "en"),
        ("*;q=x,,;", "en"),
        ("", "en"),
    ],
)
def test_the_browser_s_favourite_language_is_found(header, code):
    assert preferred(header) == code


def test_an_unknown_language_and_a_wrong_file_are_named(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="unknown language 'xx'"):
        language("xx")
    words = (messages.LANGUAGES / "fr.toml").read_text(encoding="utf-8").replace("tagline =", "tag_line =")
    (tmp_path / "fr.toml").write_text(words, encoding="utf-8")
    monkeypatch.setattr(texts, "LANGUAGES", tmp_path)
    with pytest.raises(ValueError, match=r"languages/fr.toml: keys missing or unknown: tag_line, tagline"):
        language.__wrapped__("fr")
