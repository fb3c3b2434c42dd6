"""The upgrade to addresses that said no: rows of before get their one spelling, opt-outs hold by address."""

import pytest
import sqlalchemy as sa
from alembic import command

from retention import migrate
from retention.database import open_engine

BEFORE = "ea8318a45a8c"
MOMENT = "2026-01-0{} 00:00:00"
ROWS = """
INSERT INTO shops (id, slug, name, timezone, currency, language, created_at)
  VALUES (1, 'tea', 'Tea', 'Asia/Shanghai', 'CNY', 'en', '2026-01-01 00:00:00');
INSERT INTO buyers (id, shop_id, external_id, name, email, phone, language, country, region, city, timezone, created_at)
  VALUES (1, 1, 'ada', '', 'Ada@Example.com ', '138 0013 8000', '', '', '', '', '', '2026-01-01 00:00:00'),
         (2, 1, 'bo', '', 'ada@example.com', '+8613800138000', '', '', '', '', '', '2026-01-01 00:00:00'),
         (3, 1, 'cy', '', 'cy@example.com', '', '', '', '', '', '', '2026-01-01 00:00:00');
"""
ANSWERS = [  # buyer, channel, answer, source, whether it counts afterwards
    (1, "email", "in", "import:old.csv", True),
    (1, "email", "out", "unsubscribe link", True),
    (1, "email", "in", "import:old.csv", False),  # what the old import overruled
    (2, "email", "in", "import:old.csv", True),
    (2, "sms", "out", "sms reply", True),
    (3, "email", "out", "unsubscribe link", True),
    (3, "email", "in", "unsubscribe link", True),
    (3, "email", "in", "import:old.csv", True),
]


@pytest.fixture
def old_url(bare_url):
    """A database of before with rows in it."""
    command.upgrade(migrate.configuration(bare_url), BEFORE)
    engine = open_engine(bare_url)
    with engine.begin() as connection:
        for statement in filter(str.strip, ROWS.split(";\n")):
            connection.execute(sa.text(statement))
        for number, (buyer, channel, answer, source, _) in enumerate(ANSWERS, 1):
            connection.execute(
                sa.text(
                    "INSERT INTO consents (id, shop_id, buyer_id, channel, topic, answer, source, wording, address, "
                    "at) VALUES (:id, 1, :buyer, :channel, '', :answer, :source, '', '', :at)"
                ),
                {"id": number, "buyer": buyer, "channel": channel, "answer": answer, "source": source}
                | {"at": MOMENT.format(number)},
            )
    engine.dispose()
    return bare_url


def test_what_stands_is_brought_to_the_new_rules_and_back(old_url):
    migrate.upgrade(old_url)
    engine = open_engine(old_url)
    with engine.begin() as connection:
        keys = connection.execute(sa.text("SELECT email_key, phone_key FROM buyers ORDER BY id")).all()
        counts = connection.execute(sa.text("SELECT counts FROM consents ORDER BY id")).scalars().all()
        held = connection.execute(sa.text("SELECT channel, address FROM suppressions ORDER BY channel")).all()
    assert [tuple(row) for row in keys] == [
        ("ada@example.com", "+8613800138000"),
        ("ada@example.com", "+8613800138000"),
        ("cy@example.com", ""),
    ]
    assert [bool(each) for each in counts] == [counted for *_, counted in ANSWERS]
    assert [tuple(row) for row in held] == [("email", "ada@example.com"), ("sms", "+8613800138000")]
    command.downgrade(migrate.configuration(old_url), BEFORE)
    with engine.begin() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM consents")).scalar_one() == len(ANSWERS)
    engine.dispose()
