"""By which name a person is greeted: the one they gave, or none where what was given is no name.

Platforms hand out names with their middle struck out (王**, t***@x.com), telephone numbers, nicknames with digits and
bare titles. To print one of these is worse than to print none, on paper as in mails and text messages.
"""

import re
import unicodedata

_TITLES = """
    先生 女士 小姐 太太 夫人 老师 同学 师傅 老板 亲 亲爱的 顾客 客户 客人 买家 卖家 用户 会员 游客
    收货人 收件人 匿名 匿名用户 匿名买家 匿名会员 微信用户 淘宝用户 支付宝用户 新用户 手机用户 未知
    无 无名 无名氏 不详 空 测试 姓名 昵称 mr mrs ms miss mx dr sir madam ma'am mister misses lady
    gentleman customer client buyer user guest member visitor anonymous unknown nobody none null nil
    nan na n/a n.a undefined test name firstname lastname noname
"""
_NO_NAMES = frozenset(_TITLES.split())
_STRUCK_OUT = frozenset("*＊∗✱✲●○◯■□█▇×✕✖某�?？…⋯~～^#＃")
_NO_LETTERS = frozenset('@＠/\\／:：_＿=<>{}[]|%$￥¥+&＆;；!！"“”')
_STOPS = frozenset(".．·・‧•'’-‐‑–—,，()（） ")
_STRUCK_BY_X = re.compile(r"[⺀-鿿](?:[xX]{1,4})(?![a-zA-Z])")


_PLAIN = re.compile("[A-Za-zÀ-ÖØ-öø-ɏ一-鿿]+(?: [A-Za-zÀ-ÖØ-öø-ɏ一-鿿]+)*")


def salutation(name: str) -> str:
    """Return the name to greet somebody by, tidied; empty where it is struck out, a number, an address or a title."""
    if _PLAIN.fullmatch(name) and "某" not in name and not _STRUCK_BY_X.search(name):
        return "" if _NO_NAMES.issuperset(name.casefold().split()) else name  # nearly all, in a tenth of the time
    tidy = " ".join("".join(sign for sign in name if unicodedata.category(sign) not in ("Cc", "Cf")).split())
    return tidy if _is_name(tidy) else ""


def _is_name(tidy: str) -> bool:
    if any(sign in _STRUCK_OUT or sign in _NO_LETTERS or (sign.isnumeric() and not _is_han(sign)) for sign in tidy):
        return False
    if _STRUCK_BY_X.search(tidy) or _has_loose_stops(tidy):
        return False
    words = [word for word in re.split(r"[\s.．,，()（）·・‧•]+", tidy.casefold()) if word]
    letters = any(unicodedata.category(sign).startswith("L") for sign in tidy)
    return letters and not all(word in _NO_NAMES for word in words) and tidy.casefold() not in _NO_NAMES


def _is_han(sign: str) -> bool:
    """Tell a Chinese character from a digit: 一 and 五 count as numbers, and stand in names."""
    return unicodedata.name(sign, "").startswith("CJK UNIFIED")


def _has_loose_stops(tidy: str) -> bool:
    """Tell whether stops stand where letters were: two in a row, or a middle dot at an end."""
    if re.search(r"[.．·・‧•\-‐‑–—]{2}", tidy):
        return True
    return tidy[:1] in _STOPS or tidy[-1:] in "·・‧•-‐‑–—,，"
