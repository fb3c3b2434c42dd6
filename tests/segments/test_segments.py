import io
from datetime import timedelta

import pytest
from pyroaring import BitMap
from sqlmodel import select

from retention.access import ROLE_SCOPES, Member, Role, terminal_member
from retention.audit import AuditEntry
from retention.errors import Conflict, Invalid, NotFound
from segments.export import upload_list, write_csv
from segments.lists import external_ids, list_members
from segments.matching import match
from segments.personal_conditions import hidden_segments
from segments.preview import preview, sample
from segments.rule_ast import InSegment
from segments.rules import parse
from segments.segments import delete_segment, find_segment, list_segments, save_segment, set_manual_members
from segments.sets import intersection, minus, overlap, split, union
from segments.snapshots import changes_since, refresh_segment, refresh_segments, sizes, trend
from tests.factories import NOW, add_buyers, add_follow, add_order, make_shop

BOUGHT = {"orders": {"at_least": 1}}


def save(session, shop, slug, rule, **options):
    return save_segment(session, shop.id, slug, rule=parse(rule), actor="user:1", at=NOW, **options)


def test_a_saved_rule_is_kept_in_canonical_form_with_an_audit_entry(session):
    shop = make_shop(session)
    save(session, shop, "spenders", {"orders": {"measure": "spend", "at_least": 100}}, name="Spenders")
    save(session, shop, "spenders", {"orders": {"measure": "spend", "at_least": "200.00"}})
    found = find_segment(session, shop.id, "spenders")
    assert (found.name, found.rule_json) == ("Spenders", {"orders": {"measure": "spend", "at_least": "200"}})
    entries = session.exec(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(entry.action, entry.subject, entry.before is None) for entry in entries] == [
        ("segment.save", "segment:spenders", True),
        ("segment.save", "segment:spenders", False),
    ]


def test_a_segment_cannot_contain_itself_however_far_round(session):
    shop = make_shop(session)
    save(session, shop, "a", BOUGHT)
    save(session, shop, "b", {"not": {"segment": "a"}})
    save(session, shop, "c", {"any": [BOUGHT, {"segment": "b"}]})
    for rule in ({"segment": "a"}, {"all": [{"segment": "c"}]}):
        with pytest.raises(Invalid, match="A segment cannot contain itself: a → "):
            save(session, shop, "a", rule)
    with pytest.raises(Invalid, match=r"No segment is called z\."):
        save(session, shop, "a", {"segment": "z"})
    assert find_segment(session, shop.id, "a").rule_json == {"orders": {"measure": "count", "at_least": 1}}


def test_a_segment_that_others_use_is_not_deleted(session):
    shop = make_shop(session)
    save(session, shop, "a", BOUGHT)
    save(session, shop, "b", {"segment": "a"})
    with pytest.raises(Conflict, match=r"Segment a is used by b\."):
        delete_segment(session, shop.id, "a", actor="user:1", at=NOW)
    delete_segment(session, shop.id, "b", actor="user:1", at=NOW)
    delete_segment(session, shop.id, "a", actor="user:1", at=NOW)
    assert list_segments(session, shop.id) == []


def test_another_shops_segment_is_unknown(session):
    tea, coffee = make_shop(session), make_shop(session, "coffee")
    save(session, tea, "a", BOUGHT)
    with pytest.raises(NotFound):
        match(session, coffee, parse({"segment": "a"}), now=NOW)
    with pytest.raises(Invalid):
        save(session, coffee, "b", {"segment": "a"})


def test_pins_hold_over_refreshes_and_a_pin_out_wins(session):
    shop = make_shop(session)
    a, b, c = add_buyers(session, shop, "a", "b", "c")
    add_order(session, shop, a)
    save(session, shop, "s", BOUGHT)
    set_manual_members(session, shop.id, "s", buyers=BitMap([b, c]), where="in", actor="user:1", at=NOW)
    set_manual_members(session, shop.id, "s", buyers=BitMap([a, c]), where="out", actor="user:1", at=NOW)
    assert refresh_segment(session, shop, "s", now=NOW).size == 1
    add_order(session, shop, c)
    refresh_segment(session, shop, "s", now=NOW)
    save(session, shop, "s", {"all": []})
    assert list(match(session, shop, parse({"segment": "s"}), now=NOW)) == [b]


def test_snapshots_say_who_came_and_who_left(session):
    shop = make_shop(session)
    a, b = add_buyers(session, shop, "a", "b")
    segment = save(session, shop, "recent", {"orders": {"window": {"last_days": 7}}})
    save(session, shop, "followers", {"follows": {}})
    add_order(session, shop, a, at=NOW - timedelta(days=6))
    first = refresh_segments(session, shop, now=NOW)
    assert [(each.slug, each.size, each.entered, each.left) for each in first] == [
        ("followers", 0, 0, 0),
        ("recent", 1, 1, 0),
    ]
    assert [each.changed for each in refresh_segments(session, shop, now=NOW)] == [False, False]
    add_order(session, shop, b, at=NOW)
    refresh_segments(session, shop, now=NOW + timedelta(minutes=10))
    refresh_segments(session, shop, now=NOW + timedelta(days=2))
    changes = [
        (each.sequence, list(each.entered), list(each.left)) for each in changes_since(session, shop.id, "recent")
    ]
    assert changes == [(1, [a], []), (2, [b], []), (3, [], [a])]
    assert [each.sequence for each in changes_since(session, shop.id, "recent", after=2)] == [3]
    assert trend(session, shop.id, segment.id, last=2) == [
        (NOW + timedelta(minutes=10), 2),
        (NOW + timedelta(days=2), 1),
    ]
    assert sizes(session, shop.id)[segment.id] == 1


def test_deleting_a_segment_takes_its_snapshots_along(session):
    shop = make_shop(session)
    save(session, shop, "s", {"all": []})
    refresh_segments(session, shop, now=NOW)
    delete_segment(session, shop.id, "s", actor="user:1", at=NOW)
    assert sizes(session, shop.id) == {}


def test_a_preview_counts_each_part_and_leads_from_all_buyers_to_the_result(session):
    shop = make_shop(session)
    a, b, c = add_buyers(session, shop, "a", "b", "c")
    for buyer in (a, b):
        add_order(session, shop, buyer)
    add_follow(session, shop, b)
    add_follow(session, shop, c)
    seen = preview(session, shop, parse({"all": [BOUGHT, {"not": {"follows": {}}}]}), now=NOW)
    assert [(part.path, part.count) for part in seen.parts] == [
        ("rule", 1),
        ("rule.all[0]", 2),
        ("rule.all[1]", 1),
        ("rule.all[1].not", 2),
    ]
    assert [(step.words, step.count) for step in seen.steps] == [
        ("All buyers", 3),
        ("Buyers who placed at least 1 order", 2),
        ("Buyers who do not follow the shop", 1),
    ]
    assert (list(seen.buyers), seen.everyone, seen.floored_to) == ([a], 3, None)
    assert [buyer.external_id for buyer in sample(session, shop, seen.buyers)] == ["a"]


def test_tools_on_sets_make_rules_that_add_up(session):
    shop = make_shop(session)
    buyers = add_buyers(session, shop, *(f"b{number}" for number in range(200)))
    add_order(session, shop, buyers[0])
    add_follow(session, shop, buyers[0])
    add_follow(session, shop, buyers[1])
    save(session, shop, "all", {"all": []})
    save(session, shop, "bought", BOUGHT)
    save(session, shop, "follow", {"follows": {}})
    assert overlap(session, shop, ["all", "bought", "follow"], now=NOW).shared == ((200, 1, 2), (1, 1, 1), (2, 1, 2))
    counts = [
        len(match(session, shop, rule, now=NOW))
        for rule in (union(["bought", "follow"]), intersection(["bought", "follow"]), minus("all", ["follow"]))
    ]
    assert counts == [2, 1, 198]
    parts = [match(session, shop, rule, now=NOW) for rule in split("all", [50, 30, 20], seed="spring")]
    assert sum(map(len, parts)) == len(BitMap.union(*parts)) == 200
    assert [len(part) for part in parts] == pytest.approx([100, 60, 40], abs=25)
    assert parts != [match(session, shop, rule, now=NOW) for rule in split("all", [50, 30, 20], seed="autumn")]
    with pytest.raises(Invalid, match="add up to 100"):
        split("all", [50, 49], seed="x")


def test_an_uploaded_list_names_the_ids_that_nobody_has(session):
    shop = make_shop(session)
    a, b = add_buyers(session, shop, "a", "b")
    _, unknown = upload_list(
        session, shop, "vips", lines=iter(["\ufeffb\n", " a \n", "\n", "z\n", "a"]), actor="user:1", at=NOW
    )
    assert (list(list_members(session, shop.id, "vips")), unknown) == ([a, b], ["z"])
    assert external_ids(session, shop.id, BitMap([b])) == ["b"]
    assert list(match(session, shop, parse({"not": {"list": "vips"}}), now=NOW)) == []


def test_an_export_masks_contacts_for_a_viewer_and_disarms_formulas(session):
    shop = make_shop(session)
    (a,) = add_buyers(
        session, shop, "=cmd()", name="林小美", email="lin@example.com", phone="13800138815", region="广东"
    )
    add_order(session, shop, a, amount=1999)
    viewer = Member(shop_id=shop.id, actor="user:2", scopes=ROLE_SCOPES[Role.VIEWER])

    def exported(member):
        target = io.StringIO()
        assert write_csv(session, shop, member, buyers=BitMap([a]), target=target) == 1
        return target.getvalue().splitlines()[1]

    assert exported(viewer) == "'=cmd(),林**,l***@example.com,138****8815,,广东,,1,19.99,2026-10-31T12:30:00+00:00"
    assert exported(terminal_member(shop.id, "tests")).split(",")[1:4] == ["林小美", "lin@example.com", "13800138815"]


def test_a_segment_whose_rule_cannot_be_read_stops_no_other(session):
    shop = make_shop(session)
    for slug in ("old", "new"):
        save_segment(session, shop.id, slug, rule=parse({"follows": {}}), actor="u", at=NOW)
    find_segment(session, shop.id, "old").rule_json = {"moon": {"of": "new"}}
    session.flush()
    damaged = find_segment(session, shop.id, "old")
    viewer = Member(shop.id, "user:1", ROLE_SCOPES[Role.VIEWER])
    assert (damaged.damage is None, find_segment(session, shop.id, "new").damage) == (False, None)
    assert hidden_segments(session, viewer) == {"old"}  # nobody can tell what it asks about
    assert len(match(session, shop, InSegment("new"), now=NOW)) == 0
    with pytest.raises(Conflict, match="used by old"):
        delete_segment(session, shop.id, "new", actor="u", at=NOW)
    damaged.rule_json = {"moon": {}}
    delete_segment(session, shop.id, "new", actor="u", at=NOW)
    delete_segment(session, shop.id, "old", actor="u", at=NOW)
    assert list_segments(session, shop.id) == []
