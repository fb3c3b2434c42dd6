"""What a rule may cost, and what a segment does whose rule has no answer any more."""

import pytest
import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col

from retention.database import TimedOut, time_limit
from retention.errors import Error, Invalid
from retention.failures import failures_of
from retention.followers_and_groups import Group
from segments.lists import BuyerList, save_list
from segments.matching import TooLong, open_matcher
from segments.rules import parse
from segments.segments import save_segment
from segments.snapshots import refresh_segment, refresh_segments
from tests.factories import NOW, add_buyers, make_shop

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE i < 0"


def test_a_statement_is_given_up_in_time_and_the_session_is_good_for_more(session: Session) -> None:
    make_shop(session)
    with pytest.raises(TimedOut), time_limit(session, 0.05):
        session.execute(sa.text(ENDLESS))
    assert session.execute(sa.text("SELECT count(*) FROM shops")).scalar() == 1
    with time_limit(session, 5):
        assert session.execute(sa.text("SELECT count(*) FROM shops")).scalar() == 1


def test_a_rule_that_takes_too_long_says_so(session: Session) -> None:
    shop = make_shop(session)
    add_buyers(session, shop, "a", "b")
    matcher = open_matcher(session, shop, now=NOW)
    matcher.seconds = 0
    with pytest.raises(TooLong, match="The rule takes longer than"):
        matcher.match(parse({"any": [{"buyer": {"field": "city", "contains": "a"}}, {"follows": {}}]}))
    assert len(open_matcher(session, shop, now=NOW).match(parse({"all": []}))) == 2


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"any": [{"follows": {}}] * 2_001}, "at most 2000 conditions; this one has 2001"),
        ({"buyer": {"field": "city", "contains": ["x"] * 201}}, "from 1 to 200 texts, not 201"),
        ({"orders": {"of": {"title_contains": ["x"] * 201}}}, "from 1 to 200 texts, not 201"),
        (
            {"any": [{"buyer": {"field": "city", "is": [f"{n}-{i}" for i in range(60_000)]}} for n in range(2)]},
            "at most 100000 text values; this one has 120000",
        ),
    ],
)
def test_a_rule_has_bounds_and_the_refusal_names_them(rule: object, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        parse(rule)


def test_what_a_rule_names_must_be_there_when_it_is_saved(session: Session) -> None:
    shop = make_shop(session)
    for named in ({"list": "gone"}, {"group": {"slug": "gone"}}, {"segment": "gone"}):
        with pytest.raises(Invalid, match="is called gone"):
            save_segment(
                session, shop.id, "mine", rule=parse({"any": [{"follows": {}}, named]}), actor="user:1", at=NOW
            )


@pytest.mark.parametrize("kind", ["list", "group", "segment"])
def test_a_segment_whose_list_group_or_segment_is_gone_does_not_stop_the_others(session: Session, kind: str) -> None:
    shop = make_shop(session)
    buyers = add_buyers(session, shop, "a", "b")
    table, named = _named(session, shop.id, kind)
    for slug, rule in (("broken", named), ("built-on-it", {"not": {"segment": "broken"}}), ("whole", {"all": []})):
        save_segment(session, shop.id, slug, rule=parse(rule), actor="user:1", at=NOW)
    session.execute(sa.delete(table).where(col(table.slug) == "going"))
    session.expunge_all()
    done = {each.slug: each for each in refresh_segments(session, shop, now=NOW)}
    assert done["whole"].size == len(buyers)
    assert set(done) == {"whole"} | ({"going"} & set(done))
    assert {each.name for each in failures_of(session, shop.id, kind="segment")} == {"broken", "built-on-it"}
    with pytest.raises(Error, match="is called going"):
        refresh_segment(session, shop, "broken", now=NOW)


def _named(session: Session, shop_id: int, kind: str) -> tuple[type, dict[str, object]]:
    if kind == "list":
        save_list(session, shop_id, "going", members=BitMap(), actor="user:1", at=NOW)
        return BuyerList, {"list": "going"}
    if kind == "group":
        session.add(Group(shop_id=shop_id, slug="going", name="Going", created_at=NOW))
        session.flush()
        return Group, {"group": {"slug": "going"}}
    return type(save_segment(session, shop_id, "going", rule=parse({"follows": {}}), actor="user:1", at=NOW)), {
        "segment": "going"
    }
