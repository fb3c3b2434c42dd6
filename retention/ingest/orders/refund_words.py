"""What a word says of a refund: nothing went back, a part, or all; one list for states of orders and of refunds.

Every platform has its own words, so they are known by their parts rather than listed: "in part", "refund", "asked
for", "paid". A refund that is asked for, refused, under way or closed has given nothing back. A word that only names a
kind of refund (仅退款) does not say whether it was paid.

The Chinese words are those of Taobao and 1688 (refund_status), Pinduoduo (after_sales_status 0 to 33, and in files
未发货，退款成功 or 退货完成，待退款), Douyin (同意退款，退款成功; kinds 未发货仅退款 to 维修), WeChat shops, Kuaishou,
Youzan (全额退款中), 聚水潭 (普通退货, 仅退款) and 旺店通 (已申请退款, 退款不退货), as public clients of their platforms
and readers of their files list them. Those of other languages are the words of `statuses` and of Shopee's files.
"""

import re
import unicodedata
from functools import lru_cache

import polars as pl

from retention.ingest.cells.words import parts_of

NOTHING_BACK, PART_BACK, ALL_BACK = 0, 1, 2

_SIMPLE = str.maketrans(
    "貨額關閉協處絕駁銷審換補維價運費無還買賣請發敗當後爭", "货额关闭协处绝驳销审换补维价运费无还买卖请发败当后争"
)

_PART = (
    r"部分|部份|一部|partial|partly|\bin part\b|\bpart[- ](?:refund|return)|partiel|en partie|\bteil|anteilig|parcial|"
    r"en parte|em parte|parzial|in parte|gedeelte|\bdeels|części|частичн|частков|delvis|osittain|kısmi|částeč|čiastoč|"
    r"részben|részleg|parțial|μερικ|sebagian|sebahagian|một phần|บางส่วน|부분|일부"
)
_PART_BY_KIND = r"退(?:还)?(?:运费|邮费|差价|差额)|价保|保价|price (?:adjust|protect|match)"
"""What gives back a part by its nature: postage, the difference of a price."""

_BACK = (
    r"退|refund|return|credited|chargeback|charged back|money back|rembours|retour|erstatt|rückzahl|zurückgezahl|"
    r"zurückge(?:geb|sand|send|nomm|schick)|gutschrift|gutgeschrieb|rückgabe|reembols|devuel|devol|estorn|ressarc|rimbors|restituit|\bres[oi]\b|"
    r"terugbeta|teruggestort|zwr[óo][ct]|возв|возмещ|поверн|återbetal|tilbagebetal|tilbakebetal|refunder|palaut|\biade|"
    r"pengembalian|dikembalikan|dipulangkan|hoàn(?!\s*(?:thành|tất))|trả hàng|คืน|返金|返品|환불|반품"
)
_AFTER_SALES = r"售后|换货|补寄|补发|退换"

_NONE = (
    r"^(?:无|否|不|-+|0|none|no|n/?a|false)$|未退|无(?:需)?退|不需退|无售后|没有?退|没有申请|未申请|无申请|不同意|"
    r"\bno[t]?[ -]?(?:yet |been |yet been )?(?:refund|return|request|applicable|after.?sale)|unrefunded|non.?refund|"
    r"\bkeine? |\baucun|pas (?:de |rembours)|non rembours|\bsin (?:reembolso|devol)|\bno (?:reembols|devuel)|"
    r"nessun|senza (?:rimbors|reso)|non rimbors|nenhum|sem (?:reembolso|devol|estorno)|não (?:reembols|devolv)|\bgeen |"
    r"\bniet |bez zwrot|brak zwrot|nie zwr|без возврат|\bнет |не возв|なし|無し|없음|tidak |belum |không |chưa |ไม่"
)
_PAID = (  # before what looks open: 同意退款，退款成功; request approved
    r"退款(?:已)?(?:成功|完成|到账)|已(?:全额|全部|部分|部份)?退款|已?完成退款|退款退货(?:成功|完成)|已全额退|"
    r"refund\w*(?: was| has been| is)? (?:success|succeed|complete\b|completed|issued|processed|paid|sent|done)|"
    r"returns? (?:complete\b|completed|finished|done)|request (?:approved|accepted)|permintaan disetujui|"
    r"คำขอได้รับการยอมรับ|đã chấp thuận yêu cầu|solicitação aprovada|환불\s?(?:처리\s?)?완료|반품\s?(?:처리\s?)?완료|"
    r"(?:erstattung|remboursement|reembolso|rimborso|zwrot|возврат)\w* "
    r"(?:abgeschlossen|erfolgt|effectué|terminé|completad|concluíd|completat|effettuat|zrealizowan|zakończon|выполнен|"
    r"завершен|завершён|произведен)|pengembalian (?:dana )?(?:selesai|berhasil)|hoàn tiền thành công"
)
_OPEN = (
    r"中$|中[，,)）\s]|待|申请|处理(?!完成|完毕|成功)|协商|失败|关闭|取消|撤销|撤回|拒绝|驳回|同意|介入|纠纷|逾期|超时|"
    r"有效期|未|不通过|(?<!退)换货|补寄|补发|维修|投诉|"
    r"pending|request|process(?:ing)?\b|progress|wait|reject|refus|denied|declin|cancel|clos|fail|\bopen|exchange|replac|"
    r"refunding|returning|expire|dispute|under review|to be |will be |initiated|in transit|on the way|withdrawn|"
    r"revoked|negotiat|"
    r"beantragt|angefragt|angefordert|ausstehend|bearbeitung|abgelehnt|storniert|fehlgeschlagen|\boffen|warte|"
    r"en cours|en attente|demand|annul|échou|rejet|pendient|pendente|solicit|proceso|processo|andamento|análise|rechaz|"
    r"recus|respint|rifiut|fallid|fallit|falh|negad|attesa|richiest|in corso|aguard|behandeling|aangevraagd|geweigerd|"
    r"geannuleerd|afgewezen|mislukt|wacht|oczek|w toku|odrzuc|anulow|wniosek|zgłosz|ожид|обработ|заявк|запро|отклон|"
    r"отказ|отмен|рассматр|待ち|拒否|却下|キャンセル|取り消|依頼|リクエスト|요청|대기|처리|진행|거절|거부|취소|철회|실패|"
    r"접수|신청|예정|menunggu|diproses|ditolak|dibatalkan|diajukan|permintaan|chờ|đang|từ chối|h[ủu][yỷ]|yêu cầu|"
    r"ยกเลิก|ปฏิเสธ|รอ|กำลัง|คำขอ"
)
_ALL = (
    r"全额退|全部退|已退|退货(?:成功|完成)|售后(?:处理)?(?:完成|成功|完结)|^退款$|"
    r"^(?:full|complete|completed|succeeded|success|true|yes|是)$|full refund|\brefunded\b|\breturned\b|charged? ?back|"
    r"remboursé|retourné|erstattet|zurückge(?:zahl|geb|sand|send|nomm|schick)|gutgeschrieben|retourniert|^reembols|reembolsad|devuelt|devolvid|estornad|"
    r"rimborsat|restituit|\bres[oi]\b|terugbetaald|geretourneerd|teruggestort|zwrócon|возвращ[её]н|återbetald|"
    r"tilbagebetalt|tilbakebetalt|refundera|refunderet|返金済|返品済|返金完了|返品完了|환불됨|반품됨|dikembalikan|"
    r"đã hoàn|đã trả hàng|คืนเงินแล้ว|คืนสินค้าแล้ว|คืนเงินสำเร็จ"
)
_KIND = (
    r"^(?:仅|只|普通|拒收|无理由|质量|退款不|拒收并)?(?:退款|退货|退款[/+、,]?退货|退货[/+、,并]?退款)$|"
    r"^退款不退货$|^(?:仅|只)退款不退货$|^(?:已)?(?:完成|完结)$|^(?:refund|return)(?:s|[ -]only)?$|"
    r"^returns? (?:and|&|\+) refunds?$|^refunds? (?:and|&|\+) returns?$|^only refund$|"
    r"^(?:(?:rück)?erstattung|remboursement|retour|reembolso|devoluci[oó]n|devolução|estorno|rimborso|reso|terugbetaling|"
    r"zwrot|возврат|返金|返品|환불|반품)$"
)
_FULL = (
    r"全额|全部|fully|\bfull\b|completely|vollständig|entièrement|intégral|totalment|totale|completam|volledig|całkow"
)
_GOODS = (
    r"[未已部](?:分|份)?(?:发货|收到?货|签收|到货)|部[分份](?:付款|支付|打款|结算)|"
    r"partial(?:ly)? (?:shipped|fulfilled|paid|delivered|shipment|payment|fulfil\w*)"
)
"""What says something of the goods or the payment: in the words 未发货仅退款 nothing is open."""

_CANCELLED = (
    r"^(?:已?取消(?!退|售后|申请)|已?关闭|(?:交易|订单)已?(?:关闭|取消))|"
    r"^(?:order )?(?:cancel|void|annul|storn)\w*(?! (?:refund|return))"
)
_DASH = re.compile(r"\s[-–—+&]\s|[–—]")


def _folded(word: str) -> str:
    return unicodedata.normalize("NFKC", word).translate(_SIMPLE)


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(_folded(words), re.DOTALL)


_IN_PART = _pattern(rf"(?:{_PART}).*(?:{_BACK})|(?:{_BACK}).*(?:{_PART})|{_PART_BY_KIND}")
_PART_ALONE = _pattern(rf"(?:{_PART})(?:[a-zß-ÿąćęłńóśźż]{{0,8}}|[а-я]{{1,4}})")
_ANY_PART = _pattern(rf"{_PART}|{_PART_BY_KIND}")
_SPEAKS = _pattern(rf"{_BACK}|{_AFTER_SALES}")
_SURE = _pattern(rf"{_PAID}|{_ALL}")
_IS_NONE, _IS_PAID, _IS_OPEN, _IS_ALL, _IS_KIND = map(_pattern, (_NONE, _PAID, _OPEN, _ALL, _KIND))
_IS_FULL, _OF_GOODS, _IS_CANCELLED = map(_pattern, (_FULL, _GOODS, _CANCELLED))


@lru_cache(4096)
def what_went_back(word: str) -> int | None:
    """Return what a state of a refund says: nothing, a part, all; all for a mere kind of refund, None if unknown."""
    plain = _plain(word)
    phrase = _OF_GOODS.sub(" ", plain).strip(" ,，")
    if not phrase or _IS_NONE.search(phrase):
        return NOTHING_BACK if plain else None
    part = _ANY_PART.search(phrase)
    if _IS_PAID.search(phrase):
        return PART_BACK if part and not _IS_FULL.search(phrase) else ALL_BACK
    if _IS_OPEN.search(phrase):
        return NOTHING_BACK
    if part:
        return PART_BACK
    return ALL_BACK if _IS_ALL.search(phrase) or _IS_KIND.search(phrase) else None


@lru_cache(4096)
def names_only_kind(word: str) -> bool:
    """Tell whether a state of a refund only says of which kind it is: 仅退款, 退货退款, return."""
    phrase = _OF_GOODS.sub("", _plain(word)).strip(" ,，")
    return bool(_IS_KIND.search(phrase)) and what_went_back(word) == ALL_BACK and not _SURE.search(phrase)


def went_back_of_order(word: str) -> int | None:
    """Return what the state of an order says of a refund; None where it says none, or that the order was cancelled."""
    plain = _plain(word)
    if not _SPEAKS.search(plain) or _IS_CANCELLED.search(plain) or names_only_kind(word):
        return None
    return PART_BACK if names_part_refund(word) else what_went_back(word)


def speaks_of_refund(word: str) -> bool:
    """Tell whether the state of an order speaks of a refund at all."""
    return bool(_SPEAKS.search(_plain(word)))


def names_part_refund(word: str) -> bool:
    """Tell whether a word speaks of a refund of a part, given or not: the order goes on either way."""
    return bool(_IN_PART.search(_OF_GOODS.sub(" ", _plain(word))))


def is_part_refunded(word: str) -> bool:
    """Tell whether a status, of one word or of several, says that a part went back."""
    return any(names_part_refund(part) and what_went_back(part) == PART_BACK for part in said_of(word))


def are_part_refunded(cells: pl.Series) -> pl.Series:
    """Return which statuses say that a part went back."""
    found = [word for word in cells.drop_nulls().unique().to_list() if is_part_refunded(word)]
    return cells.is_in(found).fill_null(value=False)


@lru_cache(4096)
def said_of(word: str) -> tuple[str, ...]:
    """Return what a status says, one by one.

    "refunded (partial)" is one; in "partially refunded/returned" the second names what the first says in part.
    """
    parts = tuple(piece for part in parts_of(word) for piece in _DASH.split(part) if piece.strip())
    whole = " ".join(map(str.strip, parts))
    if any(_PART_ALONE.fullmatch(_plain(part)) and not _SPEAKS.search(_plain(part)) for part in parts):
        return (whole,) if names_part_refund(whole) else parts
    if not any(map(names_part_refund, parts)):
        return parts
    return tuple(part for part in parts if names_part_refund(part) or not _says_again(part))


def _says_again(part: str) -> bool:
    """Tell whether a word of several names a refund without saying how much of it."""
    return what_went_back(part) == ALL_BACK and speaks_of_refund(part) and not _IS_FULL.search(_plain(part))


def _plain(word: str) -> str:
    return _folded(word).casefold().replace("_", " ").strip()
