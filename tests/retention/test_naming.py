"""Who is greeted by name, and who as a friend because what stands there is no name."""

from datetime import UTC, datetime

import pytest

from campaigns.recipe_texts import _NIN_HAO
from campaigns.texts.templating import fill
from campaigns.texts.wording import message_values
from printables.proofs import greeting
from retention.buyers import Buyer, masked_email, masked_name, masked_phone
from retention.naming import salutation
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
]  # fmt: skip


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
