from dataclasses import dataclass

import pytest
from sqlalchemy import Engine

from campaigns.campaign.campaigns import Recipe, Run
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link, Scan
from campaigns.offers.offers import Offer
from campaigns.offers.redeem import claim_coupon, redeem
from campaigns.offers.scans import open_link
from printables.batches import Batch, PackingOutcome
from printables.drawing import verify
from printables.joint.approving import Standing, approve, prove_joint, standing
from printables.joint.matrix import MatrixCell, scan_matrix
from printables.joint.partners import Approval, JointFlyer, Partner, joint_flyers_of, joint_for
from printables.joint.printing import make_joint_batch
from printables.joint.slots import add_partner, close_joint, fill_slot, open_joint
from printables.piece_ledger import close_batch
from printables.proofs import Proof
from retention.access import Member, Role
from retention.audit import AuditEntry
from retention.database import reading, transaction
from retention.errors import Conflict, Error, Forbidden, Invalid, NotFound
from retention.files import FileStore
from retention.parcels import Parcel
from tests.printables import samples
from tests.printables.conftest import NOON, URL, Bench, open_shop


@dataclass
class Pair:
    """A tea shop that opened a joint flyer, and a pottery that shares it."""

    tea: Bench
    pots: Bench
    joint: JointFlyer

    def fill(self, bench: Bench, person: int, **values: object) -> Partner:
        given = {"title": bench.product.title, "words": "慢慢喝", "offer_slug": "autumn", "sku": "TEA-1"} | values
        with transaction(bench.engine) as session:
            return fill_slot(session, bench.person(person), self.joint, files=bench.files, at=NOON, **given)  # type: ignore[arg-type]

    def prove(self, person: int = 1, profile: str = "office") -> Proof:
        with transaction(self.tea.engine) as session:
            return prove_joint(
                session,
                self.tea.person(person),
                self.joint,
                profile=profile,
                public_url=URL,
                files=self.tea.files,
                at=NOON,
            )

    def approve(self, member: Member, proof: Proof) -> Approval:
        with transaction(self.tea.engine) as session:
            return approve(session, member, self.joint, proof.sha256, at=NOON)

    def standing(self) -> Standing:
        with reading(self.tea.engine) as session:
            return standing(session, session.get_one(JointFlyer, self.joint.id), profile="office")

    def approved(self) -> Proof:
        """Both slots filled, proved by person 1 of the tea shop, approved by 3 there and by 2 of the pottery."""
        self.fill(self.tea, 1)
        self.fill(self.pots, 2)
        proof = self.prove()
        self.approve(self.tea.person(3), proof)
        self.approve(self.pots.person(2), proof)
        return proof

    def run(self, host: Bench, count: int = 3) -> Run:
        host.parcels(count, prefix=host.shop.slug[:2].upper())
        return host.launched("together", recipe=Recipe.JOINT_FLYER)

    def print(self, run: Run) -> Batch:
        return make_joint_batch(
            self.tea.engine,
            self.joint.id,
            run.id,
            profile="office",
            files=self.tea.files,
            public_url=URL,
            at=NOON,
            by="user:1",
        )

    def cells(self, member: Member | None = None) -> list[MatrixCell]:
        with reading(self.tea.engine) as session:
            return scan_matrix(session, self.joint, member=member)


@pytest.fixture
def pair(engine: Engine, files: FileStore) -> Pair:
    tea = open_shop(engine, files, "tea", name="山茶小铺", title="凤凰单丛 秋茶到了")
    pots = open_shop(engine, files, "pots", name="青瓷小铺", title="雨过天青 盖碗一只", value=5000)
    with transaction(engine) as session:
        joint = open_joint(session, tea.person(1), "fair", theme="两家小铺，一份心意", language="zh-CN", at=NOON)
        add_partner(session, tea.person(1), joint, pots.shop, at=NOON)
    return Pair(tea, pots, joint)


def test_a_joint_flyer_is_known_to_its_partners_only(pair: Pair) -> None:
    other = open_shop(pair.tea.engine, pair.tea.files, "silk", name="Silk", title="Scarf")

    with reading(pair.tea.engine) as session:
        assert joint_for(session, pair.pots.person(2), pair.joint.id).slug == "fair"
        assert [joint.id for joint in joint_flyers_of(session, pair.tea.person(1))] == [pair.joint.id]
        assert joint_flyers_of(session, other.person(4)) == []
        for joint_id in (pair.joint.id, 99):
            with pytest.raises(NotFound, match=f"No joint flyer has the number {joint_id}"):
                joint_for(session, other.person(4), joint_id)


def test_partners_take_the_slots_in_turn_and_only_the_opener_takes_them_in(pair: Pair) -> None:
    other = open_shop(pair.tea.engine, pair.tea.files, "silk", name="Silk", title="Scarf")

    assert [(partner.shop_id, partner.slot) for partner in pair.tea.rows(Partner)] == [
        (pair.tea.shop.id, "1"),
        (pair.pots.shop.id, "2"),
    ]
    refused: list[tuple[Bench, Bench, type[Error], str]] = [
        (pair.tea, other, Conflict, "Every slot"),
        (pair.tea, pair.pots, Conflict, "is already a partner"),
        (pair.pots, other, Forbidden, "Only the shop that created the joint flyer can add partners"),
        (other, other, NotFound, "No joint flyer"),
    ]
    for actor, shop, error, message in refused:
        with pytest.raises(error, match=message), transaction(pair.tea.engine) as session:
            add_partner(session, actor.person(5), pair.joint, shop.shop, at=NOON)
    assert len(pair.tea.rows(Partner)) == 2


def test_a_shop_fills_its_own_slot(pair: Pair) -> None:
    before = pair.fill(pair.tea, 1)
    pair.fill(pair.pots, 2, picture=samples.picture(3000, 2000), accent="#112233")

    tea, pots = pair.tea.rows(Partner)
    assert (tea.content["title"], tea.picture) == (before.content["title"], pair.tea.product.picture)
    assert (pots.content["accent"], pots.offer_id, pots.product_id) == (
        "#112233",
        pair.pots.offer.id,
        pair.pots.product.id,
    )
    stored = pair.tea.files.get(pots.picture)
    assert stored[:3] == b"\xff\xd8\xff"
    assert stored != samples.picture(3000, 2000)
    last = pair.tea.rows(AuditEntry)[-1]
    assert (last.shop_id, last.actor, last.action) == (pair.pots.shop.id, "user:2", "joint.fill")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"title": " "}, "needs a title"),
        ({"title": "茶" * 41}, "title takes up to 40"),
        ({"words": "茶" * 121}, "words takes up to 120"),
        ({"accent": "blue"}, "is not a colour"),
        ({"picture": b"<svg onload=alert(1)>"}, "The picture cannot be read"),
        ({"sku": ""}, "needs a picture"),
        ({"sku": "NONE"}, "No product has the SKU NONE"),
        ({"offer_slug": "other"}, "No offer is called other"),
    ],
)
def test_a_slot_filled_wrongly_stays_as_it_was(pair: Pair, values: dict[str, object], message: str) -> None:
    with pytest.raises((Invalid, NotFound), match=message):
        pair.fill(pair.tea, 1, **values)

    assert pair.tea.rows(Partner)[0].filled_at is None


def test_nothing_is_proved_while_a_slot_is_empty(pair: Pair) -> None:
    pair.fill(pair.tea, 1)

    with pytest.raises(Conflict, match="青瓷小铺 has not filled its slot yet"):
        pair.prove()
    assert pair.standing().message == "青瓷小铺 has not filled its slot yet."
    assert pair.tea.rows(Proof) == []


def test_the_proof_shows_both_slots_and_nobodys_buyer(pair: Pair) -> None:
    pair.tea.parcels(3)
    pair.fill(pair.tea, 1)
    pair.fill(pair.pots, 2)

    proof = pair.prove()

    assert [check for check in proof.checks if not check["ok"]] == []
    assert proof.targets == {"qr_1": "tea / autumn / TEA-1", "qr_2": "pots / autumn / TEA-1"}
    fields = proof.copy_shown.fields
    assert (fields["theme"], fields["amount_1"], fields["amount_2"]) == ("两家小铺，一份心意", "¥20", "¥50")
    assert len(verify.decode(pair.tea.files.get(proof.sha256))) == 2


def test_it_may_print_when_both_shops_approved_the_same_proof(pair: Pair) -> None:
    pair.fill(pair.tea, 1)
    pair.fill(pair.pots, 2)
    assert pair.standing().message == "There is no proof of the current slots. Make one."
    proof = pair.prove()
    assert pair.standing().message == "山茶小铺, 青瓷小铺 has not approved this proof yet."
    pair.approve(pair.tea.person(3), proof)
    assert not pair.standing().may_print
    first = pair.approve(pair.pots.person(2), proof)

    assert pair.approve(pair.pots.person(2), proof).id == first.id
    stands = pair.standing()
    assert (stands.may_print, stands.missing) == (True, ())
    assert stands.message == "Every partner approved the same proof. It can be printed."
    assert {approval.sha256 for approval in pair.tea.rows(Approval)} == {proof.sha256}


def test_nobody_approves_their_own_work_or_for_two_shops(pair: Pair) -> None:
    pair.fill(pair.tea, 1)
    pair.fill(pair.pots, 2)
    proof = pair.prove(person=1)

    with pytest.raises(Forbidden, match="You cannot approve your own proof"):
        pair.approve(pair.tea.person(1), proof)
    with pytest.raises(Forbidden, match="You cannot approve your own proof"):
        pair.approve(pair.pots.person(1), proof)
    pair.approve(pair.tea.person(3), proof)
    with pytest.raises(Forbidden, match="You approved this proof for another shop"):
        pair.approve(pair.pots.person(3), proof)
    with pytest.raises(Forbidden):
        pair.approve(pair.pots.person(6, Role.VIEWER), proof)
    assert len(pair.tea.rows(Approval)) == 1
    assert not pair.standing().may_print


def test_any_change_of_a_slot_voids_every_approval_by_itself(pair: Pair) -> None:
    proof = pair.approved()
    run = pair.run(pair.tea)
    pair.fill(pair.pots, 2, words="新来的一批")

    stands = pair.standing()
    assert (stands.proof, stands.may_print) == (None, False)
    with pytest.raises(Conflict, match="has changed since this proof was made"):
        pair.approve(pair.pots.person(8), proof)
    with pytest.raises(Conflict, match="cannot be printed: There is no proof"):
        pair.print(run)
    assert pair.tea.rows(Batch) == []

    pair.fill(pair.pots, 2)
    assert pair.standing().may_print


def test_a_change_of_the_offer_voids_them_too(pair: Pair) -> None:
    pair.approved()
    with transaction(pair.tea.engine) as session:
        offer = session.get_one(Offer, pair.pots.offer.id)
        offer.value = 100
        session.add(offer)

    assert not pair.standing().may_print


def test_an_approval_is_of_one_device_only(pair: Pair) -> None:
    pair.approved()
    label = pair.prove(profile="label-300")

    assert label.passed
    with reading(pair.tea.engine) as session:
        assert not standing(session, pair.joint, profile="label-300").may_print
    assert pair.standing().may_print


def test_each_piece_carries_a_code_of_either_shop(pair: Pair) -> None:
    pair.approved()
    run = pair.run(pair.pots, 5)

    batch = pair.print(run)

    assert (batch.shop_id, batch.pieces, batch.sheets) == (pair.pots.shop.id, 5, 2)
    links = pair.tea.rows(Link)
    assert {(link.shop_id, link.host_shop_id, link.slot, link.product_id) for link in links} == {
        (pair.pots.shop.id, pair.pots.shop.id, "2", pair.pots.product.id),
        (pair.tea.shop.id, pair.pots.shop.id, "1", pair.tea.product.id),
    }
    read = [code.text for code in verify.decode(pair.tea.files.get(batch.files[0]))]
    assert sorted(read) == sorted(f"HTTPS://R.EXAMPLE.CN/Q/{link.token}" for link in links)
    coupons = [row for row in pair.tea.rows(Coupon) if row.shop_id == pair.tea.shop.id]
    assert [coupon.buyer_id for coupon in coupons] == [None] * 5
    assert {coupon.id for coupon in coupons} == {link.coupon_id for link in links if link.shop_id == pair.tea.shop.id}
    offer = next(row for row in pair.tea.rows(Offer) if row.id == pair.tea.offer.id)
    assert offer.issued == 5


def test_reprinted_inserts_lead_where_the_slots_lead_now(pair: Pair) -> None:
    pair.approved()
    run = pair.run(pair.tea, 2)
    pair.print(run)
    with transaction(pair.tea.engine) as session:
        close_batch(session, pair.tea.packer, 1, unused=True, at=NOON)
        terms = session.get_one(Offer, pair.pots.offer.id).model_dump(exclude={"id", "slug", "issued"})
        session.add(other := Offer(slug="winter", **terms))
        session.flush()
    pair.fill(pair.pots, 2, offer_slug="winter")
    proof = pair.prove()
    pair.approve(pair.tea.person(3), proof)
    pair.approve(pair.pots.person(2), proof)

    batch = pair.print(run)

    assert (batch.number, batch.pieces) == (2, 2)
    read = {code.text.rpartition("/")[2] for code in verify.decode(pair.tea.files.get(batch.files[0]))}
    leads = {(link.shop_id, link.offer_id) for link in pair.tea.rows(Link) if link.token in read}
    assert leads == {(pair.tea.shop.id, pair.tea.offer.id), (pair.pots.shop.id, other.id)}
    assert len(read) == 4


def test_either_code_of_a_piece_packs_it(pair: Pair) -> None:
    pair.approved()
    batch = pair.print(pair.run(pair.pots, 2))
    first, second = pair.pots.pieces(batch)
    tokens = {(link.delivery_id, link.slot): link.token for link in pair.tea.rows(Link)}

    assert pair.pots.scan("PO00000002", tokens[first.delivery_id, "1"]).outcome is PackingOutcome.PACKED
    assert pair.pots.scan("PO00000001", tokens[second.delivery_id, "2"]).outcome is PackingOutcome.PACKED


def test_an_offer_with_too_few_coupons_prints_nothing(pair: Pair) -> None:
    pair.approved()
    run = pair.run(pair.pots, 3)
    with transaction(pair.tea.engine) as session:
        offer = session.get_one(Offer, pair.tea.offer.id)
        offer.most_coupons = 2
        session.add(offer)

    with pytest.raises(Conflict, match="The offer 20 off of 山茶小铺 has too few coupons left: 3 are needed"):
        pair.print(run)
    assert pair.tea.rows(Batch) == []
    assert {link.shop_id for link in pair.tea.rows(Link)} == {pair.pots.shop.id}
    assert {link.slot for link in pair.tea.rows(Link)} == {""}


def test_a_campaign_that_gives_another_offer_than_the_slot_shows_prints_nothing(pair: Pair) -> None:
    pair.approved()
    with transaction(pair.tea.engine) as session:
        other = session.get_one(Offer, pair.pots.offer.id).model_dump(exclude={"id", "slug"})
        session.add(given := Offer(slug="other", **other))
        session.flush()
    pair.pots.offer = given
    run = pair.run(pair.pots)

    with pytest.raises(Conflict, match="gives another offer than the shop's slot shows"):
        pair.print(run)
    assert pair.tea.rows(Batch) == []


def test_the_parcels_of_a_shop_that_is_no_partner_carry_nothing(pair: Pair) -> None:
    pair.approved()
    other = open_shop(pair.tea.engine, pair.tea.files, "silk", name="Silk", title="Scarf")

    with pytest.raises(NotFound):
        pair.print(pair.run(other))
    assert pair.tea.rows(Batch) == []


def test_a_closed_joint_flyer_prints_nothing_more(pair: Pair) -> None:
    pair.approved()
    run = pair.run(pair.tea)
    with pytest.raises(Forbidden), transaction(pair.tea.engine) as session:
        close_joint(session, pair.pots.person(2), pair.joint, at=NOON)
    with transaction(pair.tea.engine) as session:
        joint = session.get_one(JointFlyer, pair.joint.id)
        close_joint(session, pair.tea.person(1), joint, at=NOON)

    with pytest.raises(Conflict, match="is closed"):
        pair.print(run)
    assert pair.tea.rows(Batch) == []


def test_the_matrix_knows_host_shop_and_slot_and_hides_small_figures_of_others(pair: Pair) -> None:
    pair.approved()
    batches = [pair.print(pair.run(host, count)) for host, count in ((pair.tea, 6), (pair.pots, 2))]
    for host, batch in zip((pair.tea, pair.pots), batches, strict=True):
        _pack_all(host, batch)
    _open(pair, host=pair.tea, owner=pair.pots, count=6)
    _open(pair, host=pair.tea, owner=pair.tea, count=1)
    _open(pair, host=pair.pots, owner=pair.tea, count=2, agent="curl/8")
    _redeem(pair, host=pair.tea, owner=pair.pots, claims=3, orders=2)

    tea, pots = pair.tea.shop.id, pair.pots.shop.id
    assert pair.cells() == [
        MatrixCell(tea, tea, 6, 1, 0, 0),
        MatrixCell(tea, pots, 6, 6, 3, 2),
        MatrixCell(pots, tea, 2, 0, 0, 0),
        MatrixCell(pots, pots, 2, 0, 0, 0),
    ]
    assert pair.cells(pair.tea.person(1)) == [
        MatrixCell(tea, tea, 6, 1, 0, 0),
        MatrixCell(tea, pots, 6, 6, None, None),
        MatrixCell(pots, tea, 2, 0, 0, 0),
        MatrixCell(pots, pots, None, 0, 0, 0),
    ]
    foreign = [scan for scan in pair.tea.rows(Scan) if scan.shop_id != scan.host_shop_id]
    assert {scan.buyer_id for scan in foreign} == {None}


def _pack_all(host: Bench, batch: Batch) -> None:
    waybills = {row.id: row.waybill for row in host.rows(Parcel)}
    for piece in host.pieces(batch):
        assert host.scan(waybills[piece.parcel_id], piece.code).outcome is PackingOutcome.PACKED


def _links(pair: Pair, host: Bench, owner: Bench) -> list[Link]:
    return [link for link in pair.tea.rows(Link) if (link.host_shop_id, link.shop_id) == (host.shop.id, owner.shop.id)]


def _open(pair: Pair, *, host: Bench, owner: Bench, count: int, agent: str = "Mozilla/5.0 (iPhone)") -> None:
    with transaction(pair.tea.engine) as session:
        for link in _links(pair, host, owner)[:count]:
            open_link(session, link.token, at=NOON, user_agent=agent, address="10.0.0.1")


def _redeem(pair: Pair, *, host: Bench, owner: Bench, claims: int, orders: int) -> None:
    with transaction(pair.tea.engine) as session:
        for number, link in enumerate(_links(pair, host, owner)[:claims]):
            coupon = claim_coupon(session, session.get_one(Link, link.id), at=NOON)
            if number < orders:
                redeem(session, owner.shop, coupon.code, order_reference=f"O{number}", amount=20000, at=NOON)
