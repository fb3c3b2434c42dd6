"""Addresses in one spelling: the same mailbox or telephone has one key however it is written, and no other has it."""

import polars as pl
import pytest

from retention.addresses import country_of, email_key, email_keys, phone_key, phone_keys

MAINLAND = "+8613800138000"
PHONES = [
    *((spelling, "CN", MAINLAND) for spelling in (
        "13800138000", " 138 0013 8000 ", "138-0013-8000", "+86 138 0013 8000", "+86-13800138000", "8613800138000",
        "008613800138000", "0086 138 0013 8000", "(+86)13800138000", "１３８００１３８０００", "＋８６ 138 0013 8000",
        "tel:+8613800138000", "138.0013.8000", "138\u00a00013\u00a08000", "138\u20130013\u20138000",
    )),
    *((spelling, country, MAINLAND) for country in ("GB", "US", "DE", "") for spelling in (
        "13800138000", "+8613800138000", "8613800138000", "0086 13800138000",
    )),
    *((spelling, country, "+442079460958") for spelling, country in (
        ("020 7946 0958", "GB"), ("+44 (0)20 7946 0958", "CN"), ("0044 20 7946 0958", "US"), ("442079460958", "GB"),
    )),
    ("310-555-1234", "US", "+13105551234"), ("001 310 555 1234", "CN", "+13105551234"),
    ("030 901820", "DE", "+4930901820"), ("010-8888 8888", "CN", "+861088888888"),
    ("138****8000", "CN", "138****8000"), ("110", "CN", "110"), ("", "CN", ""), ("电话", "CN", "电话"),
]  # fmt: skip
MAILS = [
    *((spelling, "lin@example.com") for spelling in (
        "lin@example.com", " Lin@Example.COM ", "LIN@EXAMPLE.COM\t", "ｌｉｎ＠example.com", "lin @example.com",
        "lin@example.com.", "\ufefflin@example.com",
    )),
    ("a@Bücher.example", "a@xn--bcher-kva.example"), ("A@XN--bcher-kva.example", "a@xn--bcher-kva.example"),
    ("li.n@example.com", "li.n@example.com"), ("lin+tea@example.com", "lin+tea@example.com"), ("", ""),
]  # fmt: skip


@pytest.mark.parametrize(("written", "country", "key"), PHONES)
def test_a_number_has_one_spelling(written: str, country: str, key: str) -> None:
    assert phone_key(written, country) == phone_key(key, country) == key
    assert phone_keys(pl.Series([written, None, "x"]), country).to_list() == [key, "", "x"]


@pytest.mark.parametrize(("written", "key"), MAILS)
def test_a_mail_address_has_one_spelling(written: str, key: str) -> None:
    assert email_key(written) == email_key(key) == key
    assert email_keys(pl.Series([written, None, "X@Y.example"])).to_list() == [key, "", "x@y.example"]


def test_the_country_of_a_shop_is_that_of_its_clock() -> None:
    zones = ("Asia/Shanghai", "Europe/London", "America/New_York", "UTC", "Etc/GMT+3")
    assert [country_of(zone) for zone in zones] == ["CN", "GB", "US", "", ""]
