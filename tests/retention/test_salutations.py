"""Who is greeted by name, and who as a friend because what stands there is no name."""

import unicodedata
from datetime import UTC, datetime

import pytest

from campaigns.campaign.recipe_texts import _NIN_HAO
from campaigns.texts.templating import fill
from campaigns.texts.wording import message_values
from printables.proofs import greeting
from retention.buyers import Buyer, masked_email, masked_name, masked_phone
from retention.salutations import salutation
from retention.shops import Shop
from tests.printables import samples

NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)
NAMES = [
    "林晚", "欧阳清秋", "陈一", "王小满", "林女士", "王先生", "李老师", "阿卜杜拉·买买提", "阿卜杜拉•买买提",
    "Alice Moore", "O'Brien", "Jean-Luc Picard", "Mr. Smith", "Dr Who", "J.R.R. Tolkien", "Sammy Davis Jr.",
    "María José", "Łukasz", "Ὀδυσσεύς", "Иван Петров", "محمد علي", "さくら", "김민수", "Nguyễn Văn A", "Max",
    "Xu Xx", "周末", "吴用", "Tess Test", "Guest, Anna",
]  # fmt: skip
NO_NAMES = [
    "", " ", "王**", "张*", "张＊", "王*生", "*晚", "林●●", "林○○", "林×", "李xx", "李X", "王某", "张某某",
    "A***n", "A***", "王…", "王...", "138****1234", "13812345678", "+86 138 1234 5678", "１３８１２３４",
    "用户13812345678", "tb88213_2011", "Anna2", "t***@x.com", "anna@example.com", "www.shop.com/a", "先生",
    "女士", "先生/女士", "小姐", "Mr.", "Mrs", "ms", "Miss.", "Sir", "Madam", "先生 女士", "顾客", "匿名用户",
    "微信用户", "Guest", "Customer", "N/A", "null", "None", "unknown", "-", "--", "😊", "...", "???", "�林",
    "·", "林·", "@anna", "anna_tea", "\u200b", "\n",
    "张﹡﹡", "陈✽✽", "孙★★", "T⁕⁕⁕", "王ＸＸ", "张口口", "张□□", "小明🌸", "xxx", "XX", "N.A.", "no name", "VIP会员",
    "默认昵称", "暂无", "未填写", "未提供", "佚名先生", "尊敬的客户", "尊敬的女士", "test测试", "京东用户", "用户abc",
    "Deleted用户", "贵宾",    "该用户已注销", "买家已匿名", "已删除", "redacted", "Walk-in", "true", "亲亲",
    "宝宝", "淘宝会员", "收货人 林晚",
]  # fmt: skip


def test_any_sign_that_stands_in_no_name_says_that_this_is_none() -> None:
    """Whatever a platform strikes letters out with: only letters, their marks and what joins them make a name."""
    joins = " .·・‧•'’-‐‑–—,，()（）．"
    signs = [sign for sign in map(chr, range(0x21, 0x10000)) if unicodedata.category(sign)[0] in "SPN"]
    struck = [sign for sign in signs if sign not in joins and not unicodedata.name(sign, "").startswith("CJK UNIFIED")]
    assert len(struck) > 3_000
    assert [sign for sign in struck if salutation(f"林{sign}{sign}")] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_salutation(name: str) -> None:
    assert salutation(name) == name
    assert salutation(f"  {name}\u200b\n") == name


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_name_is_no_salutation(name: str) -> None:
    assert salutation(name) == ""


def test_what_we_mask_ourselves_is_no_salutation() -> None:
    masked = [masked_name("林晚晚"), masked_name("Anna"), masked_email("anna@example.com"), masked_phone("13812341234")]
    assert [salutation(each) for each in masked] == [""] * 4


@pytest.mark.parametrize(
    ("name", "mail", "paper"),
    [
        ("林晚", "林晚，您好！", "林晚，"),
        ("  Alice   Moore", "Alice Moore，您好！", "Alice Moore，"),
        ("王**", "您好！", "老朋友，"),
        ("138****1234", "您好！", "老朋友，"),
        ("t***@x.com", "您好！", "老朋友，"),
        ("先生/女士", "您好！", "老朋友，"),
        ("", "您好！", "老朋友，"),
    ],
)
def test_mails_texts_and_paper_greet_by_one_rule(name: str, mail: str, paper: str) -> None:
    shop = Shop(id=1, slug="tea", name="山茶", timezone="Asia/Shanghai", currency="CNY", created_at=NOW)
    buyer = Buyer(shop_id=1, external_id="b1", name=name, created_at=NOW)
    told = {"product": None, "offer": None, "code": "", "ends": None, "link": "", "language": "zh-CN", "at": NOW}
    assert fill(_NIN_HAO, message_values(shop, buyer, **told)).strip() == mail
    assert greeting(samples.layer(), name, "zh-CN") == paper
