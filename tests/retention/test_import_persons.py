"""Who a row is about: placeholders, guests, mail addresses in other letters, struck-out names, and one heavy buyer."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from retention.access import Member
from retention.buyers import Buyer, buyer_for
from retention.database import transaction
from retention.ingest.orders.statuses import status_of
from retention.ingest.presets import CHOICES
from retention.shops import find_shop
from segments.lists import buyers_called, external_ids_of
from tests.retention.makers import NOW, Ask, Load

HEADER = "order_id,buyer_id,email,phone,country,paid_at,amount\n"
NOBODY = (
    "0", "00", "0.0", "NULL", "nan", "N/A", "NA", "-", "--", r"\N", "None", "none", "匿名", "匿名用户", "游客",
    "Guest", "anonymous",
    "undefined", "(blank)", "小**", "张*", "138****1234", "138xxxx1234", "t＊＊8", "##密文", "~AgAAAAMbK8g~x~",
)  # fmt: skip


def test_placeholders_and_struck_out_forms_are_nobody_and_join_no_orders(load: Load, ask: Ask) -> None:
    rows = "".join(f'{number},"{word}",,,,2026-03-05,1.00\n' for number, word in enumerate(NOBODY, start=1))
    report = load(HEADER + rows)
    assert (report.rejected, report.totals["orders_without_buyer"]) == (0, len(NOBODY))
    assert ask("SELECT count(*) FROM buyers") == [(0,)]
    assert any("7 rows name their buyer only in masked form" in note for note in report.notes)


def test_a_guest_is_whoever_has_the_mail_address_else_the_telephone(load: Load, ask: Ask) -> None:
    load(
        HEADER + "1,0,Ann@Example.com,,,2026-03-01,1.00\n2,, ann@example.com ,13800000001,,2026-03-02,1.00\n"
        "3,-,a***@example.com,13800000001,,2026-03-03,1.00\n4,,,+86 138-0000-0001,,2026-03-04,1.00\n"
        "5,7,ann@example.com,,,2026-03-05,1.00\n6,,,020 7946 0958,United Kingdom,2026-03-05,1.00\n"
        "7,,,12345,,2026-03-05,1.00\n8,,,138****0001,,2026-03-05,1.00\n"
    )
    found = ask(
        "SELECT b.external_id, b.email, b.phone_key, count(*) FROM orders AS o JOIN buyers AS b ON b.id = o.buyer_id"
        " GROUP BY b.external_id, b.email, b.phone_key ORDER BY 1"
    )
    assert found == [
        ("+442079460958", "", "+442079460958", 1),
        ("+8613800000001", "", "+8613800000001", 2),
        ("7", "ann@example.com", "", 1),
        ("ann@example.com", found[3][1], "+8613800000001", 2),
    ]
    assert found[3][1].strip().lower() == "ann@example.com"


def test_a_mail_address_as_number_is_one_buyer_also_as_stored_before(load: Load, ask: Ask, shop_engine: Engine) -> None:
    with transaction(shop_engine) as session:
        shop = find_shop(session, "tea")
        session.add(Buyer(shop_id=shop.id, external_id="Bob@Example.com", created_at=NOW))
    load(
        "buyer_id,email\nAnn@Example.com,\nann@example.com ,\nＡnn＠example.com,\nBOB@example.com,\n",
        kind="buyers",
        name="b.csv",
    )
    load(HEADER + "1,ANN@example.com,,,,2026-03-05,1.00\n2,bob@example.com,,,,2026-03-05,1.00\n")
    load("buyer_id\nann@EXAMPLE.com\n", kind="followers", name="f.csv")
    assert ask("SELECT external_id FROM buyers ORDER BY id") == [("Bob@Example.com",), ("ann@example.com",)]


TWINS = (
    "Bob@Example.com",
    "BOB@example.com",
    "CY@x.example",
    "cy@x.example",
    "Él@x.example",
    "ÉL@X.example",
    "d @x.example",
)
WRITTEN = {  # in a file or a list, and who is meant: whoever has the one spelling, else the oldest
    "bob@example.com": "Bob@Example.com", "BOB@EXAMPLE.COM ": "Bob@Example.com", "Cy@X.example": "cy@x.example",
    "ｃｙ＠x.example": "cy@x.example", "éL@x.example": "Él@x.example", "D@x.example": "d @x.example",
}  # fmt: skip


def test_an_address_that_stands_as_several_buyers_adds_none_and_the_report_says_whose_it_is(
    load: Load, ask: Ask, shop_engine: Engine
) -> None:
    with transaction(shop_engine) as session:
        shop = find_shop(session, "tea")
        session.add_all([Buyer(shop_id=shop.id, external_id=each, created_at=NOW) for each in TWINS])
    rows = [f"{n},{mail},,,,2026-03-05,1.00" for n, mail in enumerate(WRITTEN)]
    found = load(HEADER + "\n".join(rows))
    said = "3 mail addresses of the file are the IDs of several buyers each, who were stored in different spellings. "
    assert said + "Their rows go to one of them: 'Bob@Example.com', 'cy@x.example', 'Él@x.example'." in found.notes
    assert found.totals["new_buyers"] == 0
    theirs = "SELECT b.external_id FROM orders AS o JOIN buyers AS b ON b.id = o.buyer_id ORDER BY o.external_id"
    assert [name for (name,) in ask(theirs)] == list(WRITTEN.values())
    one = load("buyer_id\nBOB@example.COM\ne@x.example", kind="followers", name="f.csv")
    assert [note for note in one.notes if "1 mail address of the file is the ID of several buyers" in note]
    assert not [
        note for note in load("buyer_id\nE@x.example", kind="followers", name="g.csv").notes if "several" in note
    ]
    with transaction(shop_engine) as session:
        for mail, meant in WRITTEN.items():
            found_here, unknown = buyers_called(session, shop.id, [mail, "nobody@x.example"])
            assert list(external_ids_of(session, shop.id, [found_here]).values()) == [meant]
            assert unknown == ["nobody@x.example"]
            assert buyer_for(session, Member(shop.id, "user:1", frozenset()), mail).external_id == meant


def test_contacts_may_stand_in_the_column_of_the_number(load: Load, ask: Ask) -> None:
    load(
        "order_id,email,paid_at,amount\n1,ann@example.com,2026-03-05,1.00\n",
        mapping={"buyer_id": "email"},
    )
    load(
        "order_id,手机,paid_at,amount\n2,13800000001,2026-03-05,1.00\n",
        mapping={"buyer_id": "手机"},
    )
    assert ask("SELECT external_id, email, phone FROM buyers ORDER BY id") == [
        ("ann@example.com", "ann@example.com", ""),
        ("13800000001", "", "13800000001"),
    ]


def test_a_buyer_with_more_than_a_twentieth_of_the_orders_is_named(load: Load) -> None:
    def orders(heavy: int, total: int) -> str:
        rows = (f"{n},{'till' if n <= heavy else f'b{n}'},,,,2026-03-05,1.00\n" for n in range(1, total + 1))
        return HEADER + "".join(rows)

    assert [note for note in load(orders(4, 40)).notes if "'till'" in note and "10 %" in note]
    assert not [note for note in load(orders(2, 40), name="b.csv").notes if "till" in note]
    assert not [note for note in load(orders(4, 19), name="c.csv").notes if "till" in note]


@pytest.mark.parametrize(("first", "second"), [("generic", "auto"), ("auto", "generic"), ("generic", "taobao")])
def test_the_same_file_under_another_presets_name_doubles_nothing(
    load: Load, ask: Ask, first: str, second: str
) -> None:
    content = (
        "订单编号,买家会员名,买家实际支付金额,订单状态,订单付款时间,联系手机\n"
        "1234567890123456781,海风,88.00,交易成功,{},13800000001\n"
    )
    load(content.format("2024-06-01 10:01:00"), preset=first)
    load(content.format("2024-06-01 10:01:00"), preset=second)
    assert ask("SELECT count(*) FROM orders") == [(1,)]
    # The number of another system, years later, is another order; so is that of a source that was named.
    load(content.format("2026-06-01 10:01:00"), preset=second, source="till")
    assert ask("SELECT count(*) FROM orders") == [(2,)]
    assert set(CHOICES) > {first, second}


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("已发货，待签收", "paid"), ("已发货,待签收", "paid"), ("未发货，退款成功", "returned"),
        ("已发货，退款成功", "returned"),
        ("(锁定)等待出库", "paid"), ("（删除）等待出库", "cancelled"), ("wc-Completed", "paid"), ("ON_HOLD", "placed"),
        ("付款以前，卖家或买家主动关闭交易", "cancelled"), ("付款以后用户退款成功, 交易自动关闭", "returned"),
        ("Partially Refunded", "paid"), ("partially-refunded", "paid"), ("ＰＡＩＤ", "paid"), ("被合并", "ignored"),
        ("Shipped - Returned to Seller", "returned"), ("Paiement accepté", "paid"),
        ("TRADE_CLOSED_BY_TAOBAO", "cancelled"), ("部分发货，退款成功", "returned"), ("已发货（部分退款成功）", "paid"),
        ("teilweise erstattet", "paid"), ("Partiellement remboursée", "paid"), ("reembolso parcial", "paid"),
        ("一部返金", "paid"), ("部分退货退款", "paid"),
        ("Refunded (partial)", "paid"), ("fulfilled, partial", "paid"), ("退款成功(部分)", "paid"),
        ("寄存", None), ("已发货，寄存", None),
    ],
)  # fmt: skip
def test_words_of_states_are_known_however_they_are_written(word: str, state: str | None) -> None:
    assert status_of(word, {}) == state


def test_what_a_word_means_is_remembered_and_an_ignored_order_is_left_out(load: Load, ask: Ask) -> None:
    content = (
        "order_id,paid_at,amount,status\n1,2026-03-05,1.00,寄 存\n2,2026-03-05,2.00,测试\n3,2026-03-05,4.00,paid\n"
    )
    unknown = load(content)
    assert (unknown.rejected, unknown.totals["orders"]) == (2, 1)
    assert any("'测试' stands in 1 row " in note and "--status" in note for note in unknown.notes)
    said = load(content, statuses={"寄存": "paid", "测试": "ignore"})
    assert (said.rejected, said.totals["revenue"], said.totals["ignored_orders"]) == (0, "5.00", 1)
    later = load(content, now=NOW + timedelta(days=1))
    assert (later.rejected, later.changed) == (0, 0)
    assert ask("SELECT word, meaning FROM status_words ORDER BY word") == [("寄存", "paid"), ("测试", "ignore")]


NOBODYS = (
    "none@none.com", "NONE@None.com", "no@email.com", "test@test.com", "guest@example.com", "noemail@shop.de",
    "no-email@gmail.com", "000@qq.com", "noreply@amazon.com", "nomail@nomail.com", "ann@none.com", "a@shop.invalid",
    "anonymous@x.com", "unknown@unknown.com", "sinemail@x.es", "email@email.com", "n/a@x.com", "123@123.com",
)  # fmt: skip
SOMEBODYS = (
    "ann@example.com", "guest@hotel.example", "na@web.example", "nobles@x.example", "nilsson@x.example",
    "info@teahouse.cn", "test@tea.example", "a@example.com", "test1@example.com", "buyer@example.com", "x@mail.com",
)  # fmt: skip


def test_placeholders_of_addresses_are_nobodys_and_join_no_strangers(load: Load, ask: Ask) -> None:
    head = "order_id,paid_at,amount,buyer_name,email,phone\n"
    mails = [f"{place},2026-03-05,5,N{place},{mail},\n" for place, mail in enumerate([*NOBODYS, *SOMEBODYS])]
    phones = ["0000000", "111-111-1111", "1234567890", "+86 138 0013 8000", "13800000001"]
    rows = [f"p{place},2026-03-05,5,P{place},Invalid Request,{phone}\n" for place, phone in enumerate(phones)]
    report = load(head + "".join([*mails, *rows]))
    assert (report.rejected, report.totals["orders_without_buyer"]) == (0, len(NOBODYS) + 3)
    assert ask("SELECT external_id FROM buyers ORDER BY external_id") == sorted(
        (each,) for each in [*SOMEBODYS, "+8613800138000", "+8613800000001"]
    )
    load("email,buyer_name\nnone@none.com,Ann\nbob@x.example,Bob\n", name="buyers.csv", kind="buyers")
    assert ask("SELECT count(*) FROM buyers WHERE email = 'none@none.com'") == [(0,)]


@pytest.mark.parametrize("column", ["email", "phone"])
def test_an_address_of_many_names_is_named_in_a_warning(load: Load, column: str) -> None:
    address = {"email": "till@tea.example", "phone": "0571-8800 1234"}[column]
    head = f"order_id,buyer_id,paid_at,amount,buyer_name,{column}\n"
    row = "{},b{},2026-03-05,5,{},{}\n"
    same = ["Ann Lee", "ann lee", "ANN  LEE", "Ann-Lee", "Lee", "A. Lee"]
    few = load(head + "".join(row.format(n, n, name, address) for n, name in enumerate(same)))
    assert few.notes == []
    many = load(head + "".join(row.format(n, n, f"N{n}", address) for n in range(5)), name="more.csv")
    assert [note for note in many.notes if "5 different names" in note and repr(address) in note] == many.notes[:1]
