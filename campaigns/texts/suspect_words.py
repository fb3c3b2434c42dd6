"""Suspect words: words that spam filters rate, and words that Chinese advertising law forbids.

Lists, no judgement: a word found is shown to its author, who may have a reason for it.
"""

import re
from collections.abc import Iterator

SPAM_ENGLISH = (
    "100% free", "act now", "amazing deal", "apply now", "as seen on", "bargain", "be your own boss", "best price",
    "big bucks", "billion", "buy direct", "cash bonus", "casino", "cheap", "click below", "click here",
    "congratulations", "credit card offers", "dear friend", "don't delete", "double your", "earn extra",
    "earn money", "eliminate debt", "exclusive deal", "extra income", "fast cash", "for free", "for only",
    "free gift", "free money", "free trial", "get it now", "get paid", "guarantee", "guaranteed", "hurry",
    "incredible deal", "instant", "limited time", "lose weight", "lowest price", "make money", "million dollars",
    "miracle", "money back", "no catch", "no cost", "no fees", "no obligation", "no risk", "no strings attached",
    "offer expires", "once in a lifetime", "order now", "pre-approved", "prize", "promise you", "pure profit",
    "risk-free", "satisfaction guaranteed", "special promotion", "supplies are limited", "this isn't spam",
    "this won't last", "time limited", "urgent", "viagra", "while supplies last", "winner", "work from home",
    "you have been selected", "you're a winner",
)  # fmt: skip
SPAM_CHINESE = (
    "免费领取", "免费送", "点击领取", "恭喜您", "恭喜你", "中奖", "大奖", "抽奖", "红包", "现金", "返现", "返利",
    "提现", "贷款", "借款", "额度", "信用卡", "套现", "发票", "代开", "理财", "高收益", "稳赚", "赚钱", "日赚",
    "月入", "兼职", "刷单", "加微信", "加群", "扫码进群", "私聊", "代理", "加盟", "赌", "彩票", "博彩", "棋牌",
    "时时彩", "六合彩", "成人", "约会", "减肥", "壮阳", "增高", "特效药", "药到病除", "秒杀价", "疯抢", "抢疯了",
    "亏本", "跳楼价", "清仓甩卖", "不要错过", "马上点击", "立即点击", "最后机会", "限时抢购", "内部价", "内幕",
    "股票", "私募", "办证",
)  # fmt: skip
ABSOLUTE = (
    "国家级", "世界级", "宇宙级", "最高级", "最佳", "最好", "最优", "最低价", "最便宜", "最高", "最先进",
    "最新技术", "最强", "最火", "最受欢迎", "最安全", "最具", "最大", "最", "第一", "唯一", "首个", "首选", "独家",
    "独一无二", "全网第一", "全国第一", "销量第一", "排名第一", "全网最低", "全网首发", "顶级", "顶尖", "极品",
    "极致", "终极", "王牌", "领袖品牌", "领导品牌", "世界领先", "遥遥领先", "驰名商标", "国家领导人", "特供",
    "专供", "绝对", "绝无仅有", "史无前例", "前无古人", "万能", "百分之百", "永久", "祖传", "无敌", "无副作用",
    "包治", "根治", "零风险", "免检", "国家免检", "填补国内空白", "点击有惊喜", "全民免单", "再不抢就没了",
    "错过就没机会了",
)  # fmt: skip
"""Absolute words, Advertising Law of the PRC, article 9(3), as markets' inspectors list them."""

HARMLESS = (
    "最近", "最后", "最晚", "最迟", "最早", "最多", "最少", "最终", "最低消费", "第一次", "第一时间", "第一单",
    "第一批", "第一份", "第一天", "第一步", "第一杯", "第一泡", "第一页", "唯一编号", "唯一码",
)  # fmt: skip
"""Words that hold one of these and claim nothing."""


def spam_words(text: str) -> list[str]:
    """Return the words of `text` that spam filters weigh, each once, as they are written there."""
    return list(dict.fromkeys(match.group() for match in _SPAM.finditer(text)))


def absolute_words(text: str) -> list[str]:
    """Return the absolute claims in `text`, each once, the longest at its place."""
    return list(dict.fromkeys(_claims(text)))


def _claims(text: str) -> Iterator[str]:
    for match in _ABSOLUTE.finditer(text):
        if match.lastgroup == "claim":
            yield match.group()


def _one_of(phrases: tuple[str, ...]) -> str:
    return "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))


_SPAM = re.compile(rf"(?<![a-z])(?:{_one_of(SPAM_ENGLISH)})(?![a-z])|{_one_of(SPAM_CHINESE)}", re.IGNORECASE)
_ABSOLUTE = re.compile(f"(?P<harmless>{_one_of(HARMLESS)})|(?P<claim>{_one_of(ABSOLUTE)})")
