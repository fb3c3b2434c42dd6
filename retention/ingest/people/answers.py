"""What a file of buyers says about consent: the words of newsletter and shop systems, and what each means.

A contact who was never asked says nothing. Some systems write the same "no" for never asked and for unsubscribed
(Shopify: Accepts Email Marketing). Such a no ends a yes that stands, and is no answer where none does: taken for a no,
it would hold for good against everybody who subscribes later, since a list without dates never overrules a no.
"""

from typing import NamedTuple

import polars as pl
from sqlmodel import Session

from retention.i18n import gettext_noop
from retention.ingest.cells.identifiers import bare_identifiers
from retention.ingest.cells.rows import Rows
from retention.ingest.cells.words import fold
from retention.shops import Shop
from retention.staging import run

IN, OUT, NEVER, ENDED = "in", "out", "never", "ended"
CHANNELS = ("email", "sms")

_WORDS = {
    IN: (
        "in", "yes", "y", "1", "true", "t", "x", "ok", "subscribe", "subscribed", "opted in", "opt-in", "opt in",
        "confirmed", "active", "accepted", "granted", "on", "enabled", "checked", "agreed", "agree",
        "是", "同意", "订阅", "已订阅", "接受", "已同意", "开", "开启", "已开启", "开通", "已开通", "启用", "愿意",
        "真", "有",
        "訂閱", "已訂閱", "開", "開啟", "已開啟", "願意",
        "ja", "jawohl", "wahr", "oui", "vrai", "sí", "si", "sì", "verdadero", "vero", "sim", "verdadeiro", "tak",
        "prawda",
        "ano", "áno", "da", "igen", "igaz", "evet", "doğru", "jah", "jā", "taip", "kyllä", "waar", "ναι", "да",
        "истина",
        "так", "はい", "有効", "同意する", "希望する", "예", "네", "동의", "有り", "✓", "✔", "√", "☑", "✅", "○",
        "〇",
    ),
    OUT: (
        "out", "no", "n", "0", "false", "f", "unsubscribe", "unsubscribed", "opted out", "opt-out", "opt out",
        "declined",
        "revoked", "rejected", "suppressed", "cleaned", "bounced", "hard_bounce", "spam", "complained", "complaint",
        "redacted", "invalid", "archived", "off", "disabled", "unchecked", "disagreed", "refused",
        "否", "拒绝", "退订", "未订阅", "已退订", "不同意", "关", "关闭", "已关闭", "未开启", "未开通", "停用",
        "不愿意", "假", "不",
        "未訂閱", "退訂", "關", "關閉", "已關閉", "不願意",
        "nein", "falsch", "non", "faux", "falso", "não", "nie", "fałsz", "ne", "nu", "nem", "hamis", "hayır", "hayir",
        "yanlış", "ei", "nē", "nej", "nee", "onwaar", "όχι", "нет", "ложь", "ні", "не", "いいえ", "無効",
        "同意しない",
        "希望しない", "아니오", "아니요", "미동의", "거부", "✗", "✘", "×", "❌",
    ),
    # Klaviyo, Shopify (not_subscribed; pending waits for a confirmation), Mailchimp, Square.
    NEVER: (
        "never_subscribed", "not_subscribed", "non-subscribed", "nonsubscribed", "pending", "transactional",
        "never asked",
        "unconfirmed", "unknown", "none", "null", "n/a", "na", "-", "未知", "未询问", "待确认", "无", "無し",
        "неизвестно",
    ),
}  # fmt: skip
MEANINGS = {fold(word): meaning for meaning, words in _WORDS.items() for word in words} | {"-": NEVER}
"""The words, folded, and what each means."""

_VAGUE = frozenset(fold(word) for word in (
    "no", "n", "0", "false", "f", "off", "unchecked", "disabled", "non", "faux", "nein", "falsch", "falso", "não",
    "nie",
    "fałsz", "ne", "nu", "nem", "hamis", "hayır", "hayir", "yanlış", "ei", "nē", "nej", "nee", "onwaar", "όχι", "нет",
    "ложь", "ні", "не", "いいえ", "아니오", "아니요", "否", "不", "未订阅", "未訂閱", "关", "关闭", "關", "關閉",
    "未开启",
    "未开通", "假", "✗", "✘", "×",
))  # fmt: skip
"""Words that may also mean that nobody asked, where a system writes the same for both."""
UNKNOWN = gettext_noop(
    "{field} {value} is unknown; write in or out, or leave the cell blank for whoever was never asked"
)

_NOTHING = frozenset(("", "[]", "{}", "0", "no", "false", "none", "null", "n/a"))


class Answers(NamedTuple):
    """The answers of some rows by channel: in, out, ended (a no that only ends a yes), null for never asked.

    `suppressed`: rows whose mail address their system does not write to any more.
    """

    by_channel: dict[str, pl.Series]
    suppressed: pl.Series


def read_answers(rows: Rows, *, no_is_vague: bool) -> Answers:
    """Return what the rows answer; an unknown word is refused."""
    found = {channel: _answers(rows, f"{channel}_consent", no_is_vague=no_is_vague) for channel in CHANNELS}
    held = rows.cells("email_suppressed").str.to_lowercase()
    suppressed = held.is_not_null() & ~held.is_in(list(_NOTHING)).fill_null(False)
    if suppressed.any():
        email = found["email"]
        found["email"] = pl.select(pl.when(suppressed).then(pl.lit(OUT)).otherwise(email)).to_series().alias(email.name)
    return Answers(found, suppressed)


def _answers(rows: Rows, name: str, *, no_is_vague: bool) -> pl.Series:
    cells = bare_identifiers(rows.cells(name))  # 'YES, ＹＥＳ, 1.0
    meanings = {word: _meaning(word, no_is_vague=no_is_vague) for word in cells.drop_nulls().unique().to_list()}
    found = cells.replace_strict(meanings, default=None, return_dtype=pl.String)
    rows.refuse(cells.is_not_null() & found.is_null(), UNKNOWN, cells, field=name)
    return pl.select(pl.when(found != NEVER).then(found)).to_series().alias(name)


def _meaning(word: str, *, no_is_vague: bool) -> str | None:
    plain = fold(word) or word
    return ENDED if no_is_vague and plain in _VAGUE else MEANINGS.get(plain)


def end_answers(session: Session, shop: Shop, table: str, channel: str) -> None:
    """Make a vague no of the staging table a no where a yes stands, and no answer elsewhere."""
    run(
        session,
        f"""
        UPDATE {table} SET {channel}_consent = CASE WHEN (
          SELECT c.answer FROM consents AS c JOIN buyers AS b ON b.id = c.buyer_id
          WHERE b.shop_id = :shop AND b.external_id = {table}.buyer AND c.shop_id = :shop AND c.channel = :channel
            AND c.topic = '' AND c.counts ORDER BY c.id DESC LIMIT 1) = 'in' THEN 'out' END
        WHERE {channel}_consent = '{ENDED}'
        """,  # noqa: S608 - our own names
        shop=shop.id,
        channel=channel,
    )
