"""Orders in another currency than the shop's: refused in one sentence, or converted at a rate that is stated."""

from decimal import Decimal

import pytest

from retention.errors import Invalid
from tests.retention.makers import Ask, Load

RATES = {"EUR": Decimal("7.8"), "JPY": Decimal("0.0466"), "KWD": Decimal("23.4567")}
KEPT = "SELECT external_id, amount, postage, refunded, currency, rate FROM orders ORDER BY external_id"
HEADER = "order_id,paid_at,quantity,unit_price,amount,postage,refunded,currency\n"
FIRST_LINE_ONLY = """O1,2026-03-05,1,2.00,2.00,1.00,0.33,EUR
O1,2026-03-05,2,0.05,0.10,,,
O2,2026-03-05,1,100,100,,,JPY
O3,2026-03-05,-1,1.005,-1.005,,,KWD
O4,2026-03-05,1,9.99,9.99,,,
O5,2026-03-05,1,8.00,8.00,,,RMB
"""


def test_rows_of_another_currency_are_refused_and_counted_in_one_sentence(load: Load, ask: Ask) -> None:
    report = load(HEADER + FIRST_LINE_ONLY)
    assert (report.accepted, report.rejected) == (2, 4)
    (note,) = report.notes
    assert note == (
        "EUR 2, JPY 1, KWD 1: these rows are not in CNY, the currency of the shop, so they were not imported. With a "
        "rate they are: --rate EUR=…"
    )
    assert ask(KEPT) == [("O4", 999, 0, 0, "", ""), ("O5", 800, 0, 0, "", "")]
    assert report.totals["paid"] == "17.99"


def test_rates_convert_each_amount_exactly_and_are_kept_with_the_order(load: Load, ask: Ask) -> None:
    report = load(HEADER + FIRST_LINE_ONLY, rates=RATES)
    assert (report.accepted, report.rejected) == (6, 0)
    assert report.notes == [
        "2 rows in EUR were converted at 7.8 CNY per EUR.",
        "1 row in JPY was converted at 0.0466 CNY per JPY.",
        "1 row in KWD was converted at 23.4567 CNY per KWD.",
    ]
    assert ask(KEPT) == [
        ("O1", 1560 + 78, 780, 257, "EUR", "7.8"),
        ("O2", 466, 0, 0, "JPY", "0.0466"),
        ("O3", -2357, 0, 0, "KWD", "23.4567"),
        ("O4", 999, 0, 0, "", ""),
        ("O5", 800, 0, 0, "", ""),
    ]
    assert load(HEADER + FIRST_LINE_ONLY, rates=RATES).changed == 0


@pytest.mark.parametrize("cell", ["€12.50", "EUR 12.50", "12.50 EUR", "12.50€", "-€12.50"])
def test_sign_in_an_amount_that_contradicts_the_shop_is_seen(load: Load, ask: Ask, cell: str) -> None:
    quantity = -1 if cell.startswith("-") else 1
    file = f"order_id,paid_at,quantity,amount\nO1,2026-03-05,{quantity},{cell}\nO2,2026-03-05,1,¥3.00\n"
    assert load(file).rejected == 1
    assert load(file, rates=RATES).accepted == 2
    assert ask(KEPT) == [("O1", 9750 * quantity, 0, 0, "EUR", "7.8"), ("O2", 300, 0, 0, "", "")]


def test_what_is_no_currency_is_named(load: Load) -> None:
    report = load(HEADER + "O1,2026-03-05,1,1.00,1.00,,,Taler\n")
    assert report.rejected == 1
    assert report.rejects_path
    assert "currency 'Taler' is not a currency" in report.rejects_path.read_text(encoding="utf-8-sig")
    for rate in ("XYZ", "CNY"):
        with pytest.raises(Invalid, match=rate):
            load(HEADER + FIRST_LINE_ONLY, rates={rate: Decimal(2)})


@pytest.mark.parametrize(
    ("heading", "amounts"),
    [("Amount (USD)", []), ("Amount [US$]", []), ("金额（元）", [1000]), ("Amount (net)", [1000])],
)
def test_currency_that_an_amount_is_headed_with_is_the_currency_of_its_rows(
    load: Load, ask: Ask, heading: str, amounts: list[int]
) -> None:
    report = load(f"order_id,paid_at,{heading}\n1,2026-03-05,10\n")
    assert [row[0] for row in ask("SELECT amount FROM orders")] == amounts
    assert report.accepted == len(amounts)
    if not amounts:
        load(f"order_id,paid_at,{heading}\n1,2026-03-05,10\n", name="again.csv", rates={"USD": Decimal("7.1")})
        assert ask(KEPT) == [("1", 7100, 0, 0, "USD", "7.1")]
