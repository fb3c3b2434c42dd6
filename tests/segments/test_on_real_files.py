"""The engine on a real shop's half year, against figures computed straight from the file by other means."""

import csv
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from retention.database import reading, transaction
from retention.ingest import ImportOptions, import_file
from segments.matching import match
from segments.rfm import read_scores
from segments.rules import parse
from segments.view import View
from tests.factories import make_shop

pytestmark = pytest.mark.data
NOW = datetime(2019, 7, 1, tzinfo=UTC)


@pytest.fixture
def chinese_shop(engine: Engine, data_folder: Path):
    with transaction(engine) as session:
        shop = make_shop(session, "cn", name="CN", at=NOW)
    taobao = ImportOptions(preset="taobao")
    import_file(engine, "cn", "orders", data_folder / "cn_shop_orders.csv", options=taobao, now=NOW)
    return shop


def plain_facts(path: Path) -> dict[str, tuple[int, int, int]]:
    """Per buyer with a paid order: last day, orders, spend in cents."""
    facts: dict[str, list[tuple[date, int]]] = defaultdict(list)
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if row["订单状态"].strip() == "交易成功":
                day = datetime.fromisoformat(row["付款日期"].strip().replace("/", "-")[:10]).date()
                facts[row["买家昵称"].strip()].append((day, round(float(row["实付金额"]) * 100)))
    epoch = date(1970, 1, 1)
    return {
        buyer: ((max(day for day, _ in rows) - epoch).days, len(rows), sum(paid for _, paid in rows))
        for buyer, rows in facts.items()
    }


def test_repeat_customers_and_scores_of_the_chinese_shop_are_exact(engine, chinese_shop, data_folder):
    facts = plain_facts(data_folder / "cn_shop_orders.csv")
    assert (len(facts), sum(orders for _, orders, _ in facts.values())) == (25_420, 27_793)
    with reading(engine) as session:

        def count(rule, **options):
            return len(match(session, chinese_shop, parse(rule), now=NOW, **options))

        for options in ({}, {"as_of": NOW}):
            assert count({"orders": {"at_least": 2}}, **options) == 2_053
            assert count({"orders": {"is": 1}}, **options) == 25_420 - 2_053
            for amount in (50, 100, 200, 1000):
                rule = {"orders": {"measure": "spend", "at_least": amount}}
                assert count(rule, **options) == sum(spend >= amount * 100 for _, _, spend in facts.values())
        for view in (View(chinese_shop, NOW), View(chinese_shop, NOW, NOW)):
            scores = read_scores(session, view)
            for place, found in enumerate((scores.recency, scores.frequency, scores.monetary)):
                values = np.array([each[place] for each in facts.values()])
                expected = 1 + 5 * np.searchsorted(np.sort(values), values) // len(values)
                assert sorted(found.tolist()) == sorted(expected.tolist())
