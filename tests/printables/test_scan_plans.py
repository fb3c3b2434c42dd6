"""A scan at the bench reads a handful of rows, however many pieces the shop ever printed."""

from collections.abc import Callable

from sqlmodel import Session, select

from campaigns.offers.links import Link
from printables import packing, station
from printables.inserts import inserts_for
from printables.piece_ledger import order_reprint
from retention.access import Role
from retention.database import reading, transaction
from retention.parcels import Parcel, parcels_leaving
from tests.printables import crowd
from tests.printables.conftest import NOON, URL, Bench

CROWD = 3_000


def test_every_statement_of_the_bench_is_an_index_search_within_the_shop(bench: Bench) -> None:
    batch = bench.printed(4)
    crowd.add_crowd(bench.engine, CROWD)
    first, second = bench.pieces(batch)[:2]
    with reading(bench.engine) as session:
        waybill, other = (session.get_one(Parcel, each.parcel_id).waybill for each in (first, second))
        token = session.exec(select(Link.token).where(Link.delivery_id == first.delivery_id)).one()
    packer, clerk = bench.packer, bench.person(1, Role.OWNER)

    def hear(text: str, over: str = "") -> Callable[[Session], object]:
        return lambda session: station.hear(session, packer, text, over=over, at=NOON)

    steps: list[Callable[[Session], object]] = [
        hear(waybill),
        hear(f"{URL}/Q/{token}".upper(), waybill),
        lambda session: station.take_back(session, packer, over=waybill, at=NOON),
        hear(token, waybill),
        hear(second.code, waybill),
        hear("NOTHING", waybill),
        hear(other, waybill),
        lambda session: order_reprint(session, packer, second.code, at=NOON),
        lambda session: station.go_without(session, packer, over=other, at=NOON),
        lambda session: packing.today(session, bench.shop, at=NOON),
        lambda session: packing.find_piece(session, packer, first.code),
        lambda session: parcels_leaving(session, bench.shop.id, bench.shop.day(NOON)),
        lambda session: inserts_for(session, clerk, waybill, at=NOON),
    ]
    with crowd.statements_of(bench.engine) as asked:
        for step in steps:
            with transaction(bench.engine) as session:
                step(session)
    found = list(crowd.readings(bench.engine, asked)) if bench.engine.dialect.name == "sqlite" else []
    crowd.analyse(bench.engine)  # PostgreSQL does so by itself after a while, SQLite never
    found += crowd.readings(bench.engine, asked)
    assert {"pieces", "piece_links", "links", "parcels", "deliveries", "packing_events"} <= {each[0] for each in found}
    assert [each for each in found if not crowd.is_few(each[1])] == []
