import pytest
from sqlmodel import select

from campaigns.campaign.audiences import campaigns_on, remove_segment
from campaigns.campaign.campaigns import Campaign
from retention.audit import AuditEntry
from retention.errors import Conflict, NotFound
from segments.rules import parse
from segments.segments import Segment, save_segment
from tests.campaigns.conftest import NOON


def test_a_segment_that_a_campaign_reaches_or_leaves_out_is_not_removed(stage):
    session, shop = stage.session, stage.shop
    for slug in ("tea", "staff", "free"):
        save_segment(session, shop.id, slug, rule=parse({"follows": {}}), actor="test", at=NOON)
    campaign = stage.push(audience={"all": [{"follows": {}}, {"not": {"segment": "tea"}}]})
    campaign.excluded_json = {"segment": "staff"}
    session.flush()
    for slug in ("tea", "staff"):
        assert campaigns_on(session, shop.id, slug) == [campaign]
        with pytest.raises(Conflict, match=f"Segment {slug} is used by {campaign.name}"):
            remove_segment(session, shop.id, slug, actor="test", at=NOON)
    remove_segment(session, shop.id, "free", actor="test", at=NOON)
    assert session.exec(select(Segment.slug).order_by(Segment.slug)).all() == ["staff", "tea"]
    removed = session.exec(select(AuditEntry.subject).where(AuditEntry.action == "segment.delete")).all()
    assert removed == ["segment:free"]
    assert session.exec(select(Campaign.id)).all() == [campaign.id]
    with pytest.raises(NotFound, match="No segment is called free"):
        remove_segment(session, shop.id, "free", actor="test", at=NOON)
