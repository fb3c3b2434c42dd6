"""Words that say a part of an order went back: 部分退款, partially_refunded, teilweise erstattet, 部分退货退款成功.

Every platform has its own, so they are known by their two halves, "in part" and "refund", rather than listed. A refund
in part that is asked for, refused or under way has given nothing back.
"""

import re
import unicodedata

import polars as pl

from retention.ingest.cells.words import parts_of

PART = (
    r"部分|一部|部份|partial|partly|in part\b|partiel|\bteil|parcial|parzial|gedeeltelijk|"
    r"częściow|частичн|sebagian|một phần|บางส่วน|부분"
)
"""What means "in part", in lower case."""

_BACK = (
    r"退|refund|return|credited|chargeback|rembours|retour|erstatt|rückzahl|reembols|devuel|devol|estorn|rimbors|"
    r"terugbetaa?l|zwr[óo][ct]|возв|возмещ|pengembalian|dikembalikan|hoàn|trả hàng|คืน|返金|返品|환불|반품"
)
OPEN = (
    r"中$|中[，,)）]|待|申请|申請|处理|處理|协商|失败|失敗|关闭|關閉|取消|撤销|撤銷|拒绝|拒絕|驳回|駁回|未|"
    r"pending|request|process(?:ing)?\b|progress|await|reject|denied|declin|cancel|clos|fail"
)
"""What means that nothing went back, or not yet."""

_REFUND_IN_PART = re.compile(rf"(?:{PART}).*(?:{_BACK})|(?:{_BACK}).*(?:{PART})", re.DOTALL)
_OPEN = re.compile(OPEN)
_PART_ALONE = re.compile(rf"(?:{PART})(?:ly|lement|mente|weise)?")


def names_part_refund(word: str) -> bool:
    """Tell whether a word speaks of a refund of a part, given or not: the order goes on either way."""
    return bool(_REFUND_IN_PART.search(_plain(word)))


def is_part_refunded(word: str) -> bool:
    """Tell whether a status, of one word or of several, says that a part went back."""
    return any(_REFUND_IN_PART.search(part) and not _OPEN.search(part) for part in map(_plain, said_of(word)))


def are_part_refunded(cells: pl.Series) -> pl.Series:
    """Return which statuses say that a part went back."""
    found = [word for word in cells.drop_nulls().unique().to_list() if is_part_refunded(word)]
    return cells.is_in(found).fill_null(value=False)


def said_of(word: str) -> list[str]:
    """Return what a status says, one by one; "refunded (partial)" is one."""
    parts = parts_of(word)
    alone = any(_PART_ALONE.fullmatch(_plain(part)) for part in parts)
    whole = " ".join(map(str.strip, parts))
    return [whole] if alone and names_part_refund(whole) else parts


def _plain(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold().replace("_", " ").strip()
