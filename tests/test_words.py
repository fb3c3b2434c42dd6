"""Both languages say everything: no sentence a person sees lacks its Chinese, and none loses a value on the way."""

import re

from scripts import words

PLACE = re.compile(r"\{\w*[^{}]*\}|%\(\w+\)[sd]|%[sd]")
SAME_IN_CHINESE = {"CSV", "PDF", "RFM", "{size} MB", "{size} kB"}


def forms(message) -> tuple[str, ...]:
    return (message,) if isinstance(message, str) else tuple(message)


def values(sentence: str) -> set[str]:
    """The places a value is filled in: {name}, %(name)s, %s."""
    return set(PLACE.findall(sentence))


def test_every_sentence_has_its_chinese():
    chinese = words.read_chinese()
    chinese.update(words.collect(), no_fuzzy_matching=True)
    assert words.untranslated(chinese) == []


def test_a_translation_fills_in_the_same_values():
    wrong = {
        message.id: message.string
        for message in words.read_chinese()
        if message.id
        for form in forms(message.string)
        if values(form) != values(forms(message.id)[-1])
    }
    assert wrong == {}


def test_no_sentence_is_kept_that_nobody_says():
    said = {forms(message.id)[0] for message in words.collect()}
    assert {forms(message.id)[0] for message in words.read_chinese()} - said == set()


def test_only_names_and_units_read_alike_in_both_languages():
    pairs = [(forms(message.id), forms(message.string)) for message in words.read_chinese() if message.id]
    alike = {form for english, chinese in pairs for form in chinese if form in english}
    assert {form for form in alike if re.search(r"[A-Za-z]", PLACE.sub("", form))} <= SAME_IN_CHINESE


def test_chinese_is_written_with_its_own_punctuation():
    half = re.compile(r"[\u4e00-\u9fff] ?[,.:;?!]|[,:;?!][\u4e00-\u9fff]")
    wrong = {
        form for message in words.read_chinese() if message.id for form in forms(message.string) if half.search(form)
    }
    assert wrong == set()


def test_what_imports_say_of_a_count_has_a_form_for_one():
    always_many = {
        "{share} % of all orders",
        "which makes {count} cells",
        "The table has {count} columns",
        "of {count} long numbers",
    }
    wrong = [
        message.id
        for message in words.collect()
        if isinstance(message.id, str)
        and "{count}" in message.id
        and any(place.startswith("retention/ingest/") for place, _ in message.locations)
        and not any(part in message.id for part in always_many)
    ]
    assert wrong == []
