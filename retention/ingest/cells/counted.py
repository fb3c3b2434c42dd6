"""Quantities with what is counted beside them: 2件, 3 pcs, 1 шт., x2, 2 ×. Only in columns of quantities.

Units that parts of are sold by, too (g, ml), and words for several pieces (dozen, 打) stay refused: nobody can tell
what they mean for the price.
"""

import polars as pl

QUANTITIES = ("quantity", "stock")
"""The fields that hold quantities, in every kind of file."""

_PIECES = (
    "件", "个", "個", "只", "隻", "条", "條", "套", "双", "雙", "盒", "瓶", "包", "袋", "支", "枝", "张", "張",
    "本", "册",
    "台", "部", "块", "塊", "片", "箱", "罐", "份", "枚", "株", "盆", "把", "副", "根", "卷", "筒", "桶", "束",
    "朵", "粒",
    "杯", "碗", "点", "點", "枚入", "足", "着", "冊", "개", "장", "병", "세트", "벌", "켤레", "권", "箱子",
    "kg", "公斤", "千克", "斤", "кг",
    "pc", "pcs", "piece", "pieces", "unit", "units", "ea", "each", "item", "items", "qty", "set", "sets", "pair",
    "pairs", "box", "boxes", "pack", "packs", "bottle", "bottles", "bag", "bags", "count", "ct", "nos",
    "st", "stk", "stck", "stück", "stueck", "pièce", "pièces", "pce", "pces", "unité", "unités", "ud", "uds",
    "unidad",
    "unidades", "un", "und", "pza", "pzas", "pieza", "piezas", "pz", "pezzo", "pezzi", "stuk", "stuks", "styck",
    "kpl", "szt", "sztuka", "sztuk", "sztuki", "ks", "kus", "kusy", "kusů", "kom", "db", "darab", "buc", "bucată",
    "bucăți", "adet", "ad", "gab", "vnt", "tk", "τμχ", "τεμ", "шт", "штука", "штуки", "штук", "ед", "бр", "компл",
    "cái", "chiếc", "ชิ้น", "buah", "biji", "قطعة", "יח",
)  # fmt: skip
_TIMES = r"[xX×✕✖*＊хХ]"
_NUMBER = r"([+-]?\d[\d.,]*)"
_WORDS = "|".join(sorted(_PIECES, key=len, reverse=True))
_FORMS = (
    rf"(?i)^{_NUMBER}\s*(?:{_WORDS})['’]?\.?$",
    rf"^{_TIMES}\s*{_NUMBER}$",
    rf"^{_NUMBER}\s*{_TIMES}$",
)


def bare_quantities(cells: pl.Series) -> pl.Series:
    """Return quantities without the unit or the sign of times beside them; what is written otherwise stays."""
    odd = cells.str.contains(r"[^\d.,+\-\s]").fill_null(value=False)
    if not odd.any():
        return cells
    texts = cells.filter(odd).str.normalize("NFKC").str.strip_chars()
    for form in _FORMS:
        texts = texts.str.replace(form, "$1")
    return cells.clone().scatter(odd.arg_true(), texts).alias(cells.name)
