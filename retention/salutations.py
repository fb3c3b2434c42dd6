"""Salutations: the name a buyer is addressed by, or none where what was given is no name.

Platforms hand out names with their middle struck out (王**, t***@x.com), telephone numbers, nicknames with digits and
bare titles. To print one of these is worse than to print none, on paper as in mails and text messages.
"""

import re
import unicodedata

_TITLES = """
    先生 女士 小姐 太太 夫人 老师 同学 师傅 老板 亲 亲亲 亲爱的 尊敬的 宝宝 客官 客人 未知 未命名 未填写 未提供
    无 无名 无名氏 不详 空 暂无 没有 保密 隐私 默认 测试 姓名 名字 某人 已删除 已注销
    mr mrs ms miss mx dr sir madam ma'am mister misses lady gentleman customer client buyer user guest member
    visitor anonymous unknown nobody none null nil nan na n/a n.a undefined test name firstname lastname noname
    private hidden masked redacted removed deleted default vip walk-in walkin true false
"""
_NO_NAMES = frozenset(_TITLES.split())
_ONLY_TITLES = re.compile(f"(?:{'|'.join(word for word in _TITLES.split() if not word.isascii())})+")
"""Chinese titles one after the other, 尊敬的女士. Behind a name it is how people are greeted: 王女士."""
_PHRASES = frozenset({"no name", "not given", "not available", "not provided", "walk in", "n a"})
_OF_ACCOUNTS = re.compile(
    "用户|会员|买家|卖家|顾客|客户|游客|昵称|匿名|佚名|注销|账号|帐号|收货人|收件人|贵宾|微信|淘宝|天猫|支付宝|京东|拼多多|抖音|小红书"
)
"""Words of platforms about accounts and people: no name has one in it."""
_INSIDE = frozenset(" .．·・‧•'’-‐‑–—,，()（）")
"""What stands between the letters of names; any other sign, also a picture, says that this is none."""
_STRUCK_BY_X = re.compile(r"[⺀-鿿](?:[xX]{1,4})(?![a-zA-Z])|^[xX]{2,}$|口{2}")

_PLAIN = re.compile("[A-Za-zÀ-ÖØ-öø-ɏ一-鿿]+(?: [A-Za-zÀ-ÖØ-öø-ɏ一-鿿]+)*")


def salutation(name: str) -> str:
    """Return the name to greet somebody by, tidied; empty where it is struck out, a number, an address or a title."""
    if _PLAIN.fullmatch(name):
        return name if _is_somebody(name) else ""  # nearly all, in a fraction of the time
    tidy = " ".join("".join(sign for sign in name if unicodedata.category(sign) not in ("Cc", "Cf")).split())
    plain = unicodedata.normalize("NFKC", tidy)
    return tidy if _has_only_letters(tidy) and not _has_loose_stops(tidy) and _is_somebody(plain) else ""


def _is_somebody(name: str) -> bool:
    """Tell whether words are no title, no stand-in and nothing struck out by letters."""
    if "某" in name or _OF_ACCOUNTS.search(name) or _STRUCK_BY_X.search(name):
        return False
    folded = name.casefold()
    words = re.findall(r"[⺀-鿿]+|[^⺀-鿿\s.．,，()（）·・‧•]+", folded)
    is_nobody = all(word in _NO_NAMES or _ONLY_TITLES.fullmatch(word) for word in words)
    return not (is_nobody or folded.strip(".") in _NO_NAMES or " ".join(words) in _PHRASES)


def _has_only_letters(tidy: str) -> bool:
    """Tell whether letters are all there is, with what stands between those of names."""
    signs = [sign for sign in tidy if sign not in _INSIDE]
    return bool(signs) and all(
        (unicodedata.category(sign)[0] in "LM" and not "\u20d0" <= sign <= "\u20ff") or _is_han(sign) for sign in signs
    )


def _is_han(sign: str) -> bool:
    """Tell a Chinese character from a digit: 一 and 五 count as numbers, and stand in names."""
    return unicodedata.name(sign, "").startswith("CJK UNIFIED")


def _has_loose_stops(tidy: str) -> bool:
    """Tell whether stops stand where letters were: two in a row, or a middle dot at an end."""
    if re.search(r"[.．·・‧•\-‐‑–—]{2}", tidy):
        return True
    return tidy[:1] in _INSIDE or tidy[-1:] in "·・‧•-‐‑–—,，"
