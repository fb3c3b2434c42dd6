"""Requests of one buyer: an export of everything the shop has stored about them, or their erasure.

Erasure leaves a row without a name under which counts and money stay true. It takes names, addresses, texts sent and
what the person's devices said; it ends what would still reach them, and removes uploaded files, which hold their rows.
"""

import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from retention import audit, clock, money
from retention.access import Member, Scope
from retention.addresses import country_of, email_key, phone_key
from retention.buyers import Buyer, buyer_for
from retention.consent import Answer, Channel, Consent
from retention.database import TimedOut, after_commit, time_limit, write_after
from retention.errors import Conflict
from retention.files import FileStore
from retention.i18n import gettext as _
from retention.internet import is_network_address
from retention.privacy.erased import bury, is_erased, same_person
from retention.privacy.personal import Personal, PersonKeys, declared, steps
from retention.privacy.retention_periods import forget_files, forget_uploads
from retention.shops import Shop
from retention.staging import take_turn
from retention.versions import Family, raise_version

PATIENCE = 5.0
"""Seconds an erasure waits for an import that runs."""
AGAIN = 60
"""Seconds after which it is worth asking again."""
_NEVER_SHOWN = frozenset({"shop_id", "buyer_id", "claim_token", "token", "digest", "secret"})


@dataclass(frozen=True)
class Export:
    """Everything known of one buyer: rows by table, as plain values."""

    buyer: str
    shop: str
    at: datetime
    tables: Mapping[str, list[dict[str, Any]]]

    def as_json(self) -> dict[str, Any]:
        """Return the export as JSON values."""
        return {"buyer": self.buyer, "shop": self.shop, "exported_at": self.at.isoformat(), "tables": dict(self.tables)}

    def as_html(self) -> str:
        """Return the export as one page that any browser reads, in the language being spoken."""
        title = html.escape(_("Data of {buyer} held by {shop}").format(shop=self.shop, buyer=self.buyer))
        parts = (f"<h2>{html.escape(name)}</h2>{_table(rows)}" for name, rows in self.tables.items() if rows)
        style = (
            "body{font:14px/1.6 system-ui,sans-serif;margin:2rem;color:#2b2622}table{border-collapse:collapse}"
            "td,th{border:1px solid #ddd;padding:2px 8px;text-align:left;vertical-align:top}"
        )
        return (
            f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title><style>{style}</style></head>'
            f"<body><h1>{title}</h1><p>{self.at:%Y-%m-%d %H:%M %Z}</p>{''.join(parts)}</body></html>"
        )


@dataclass(frozen=True)
class Erasure:
    """What an erasure left and how much it touched."""

    left: str
    blanked: int
    deleted: int

    def as_json(self) -> dict[str, Any]:
        return {"left": self.left, "blanked": self.blanked, "deleted": self.deleted}


def export_buyer(session: Session, shop: Shop, member: Member, external_id: str, *, at: datetime) -> Export:
    """Return every row about a buyer. Needs the right to see names; the export is audited."""
    member.require(Scope.BUYERS_PERSONAL)
    buyer = buyer_for(session, member, external_id)
    who = _who(session, buyer)
    tables = {each.name: list(_shown(session, each, shop, who)) for each in declared()}
    write_after(session, lambda own: _record(own, member, "buyer.export", who.id, at))
    return Export(buyer.external_id, shop.name, at, tables)


def buyer_to_erase(session: Session, member: Member, external_id: str) -> Buyer:
    """Return a buyer who can be erased; NotFound for nobody, Conflict for one who was erased before."""
    member.require(Scope.BUYERS_ERASE)
    buyer = buyer_for(session, member, external_id)
    if is_erased(session, buyer):
        raise Conflict("{buyer} has already been erased.", buyer=buyer.external_id)
    return buyer


def erase_buyer(session: Session, member: Member, external_id: str, *, files: FileStore, at: datetime) -> Erasure:
    """Take everything personal about a buyer, for good. Needs the right `buyers:erase`; audited without a name.

    Whoever has the same mail address for an id in other letters is the same person. Conflict for one who was erased
    before, and while an import runs that would bring them back.
    """
    asked = buyer_to_erase(session, member, external_id)
    _take_turn(session, member.shop_id)
    session.refresh(asked)
    counts = [_erase(session, each, member.actor, files=files, at=at) for each in same_person(session, asked)]
    forget_uploads(session, member.shop_id, files)
    for family in Family:
        raise_version(session, member.shop_id, family)
    _record(session, member, "buyer.erase", asked.id, at)
    return Erasure(asked.external_id, sum(each[0] for each in counts), sum(each[1] for each in counts))


def _take_turn(session: Session, shop_id: int) -> None:
    """Wait a little for an import that runs: it has read who is erased, and would add them again."""
    try:
        with time_limit(session, PATIENCE):
            take_turn(session, shop_id)
    except TimedOut as error:
        raise (
            Conflict("An import into this shop is running. Nothing was erased; try again when the import has ended.")
            .typed("import-running")
            .later(AGAIN)
        ) from error


def _erase(session: Session, buyer: Buyer, actor: str, *, files: FileStore, at: datetime) -> tuple[int, int]:
    """Take what is personal about one buyer's row; return how many rows that blanked and deleted."""
    who, shop_id = _who(session, buyer), buyer.shop_id
    names = list(_stored_files(session, shop_id, who))
    for step in steps():
        names += step(session, shop_id, who)
    blanked, deleted = 0, 0
    for each in declared():
        about = each.about(shop_id, who)
        if each.delete:
            deleted += _changed(session, sa.delete(each.rows).where(*about))
        elif each.blank:
            blanked += _changed(session, sa.update(each.rows).where(*about).values(**each.blank))
    for channel in Channel:  # nothing that waits for them leaves any more
        session.add(_no(buyer, channel, at))
    session.flush()
    session.refresh(buyer)
    bury(session, buyer, at=at, actor=actor)
    after_commit(session, lambda: forget_files(files, names))
    return blanked, deleted


def _who(session: Session, buyer: Buyer) -> PersonKeys:
    """Return a buyer with each address they have or had: of their row, in what was sent, said and sent back."""
    plain = PersonKeys(buyer.id, buyer.external_id)
    found = {buyer.external_id if "@" in buyer.external_id else "", buyer.email, buyer.phone}
    for each in declared():
        for name in each.addresses:
            rows = sa.select(each.rows.c[name]).where(*each.about(buyer.shop_id, plain))
            found.update(session.execute(rows.distinct()).scalars())
    country = country_of(session.get_one(Shop, buyer.shop_id).timezone)
    written = {each for each in found if each and not is_network_address(each)}  # a no may name where it came from
    keys = {email_key(text) if "@" in text else phone_key(text, country) for text in written}
    return plain._replace(addresses=frozenset(written | keys))


def _no(buyer: Buyer, channel: Channel, at: datetime) -> Consent:
    return Consent(shop_id=buyer.shop_id, buyer_id=buyer.id, channel=channel, answer=Answer.OUT, source="erased", at=at)


def _shown(session: Session, each: Personal, shop: Shop, who: PersonKeys) -> Iterator[dict[str, Any]]:
    hidden = {*_NEVER_SHOWN, *each.hide}
    columns = [column for column in each.rows.c if column.name not in hidden]
    order = list(each.rows.primary_key.columns)
    rows = sa.select(*columns).where(*each.about(shop.id, who)).order_by(*order)
    for row in session.execute(rows).mappings():
        yield {str(name): _plain(name, value, shop) for name, value in row.items() if value not in (None, "", b"")}


_MONEY = frozenset({"amount", "refunded", "postage", "unit_price", "order_amount", "discount", "spend"})
"""Columns that hold minor units; whole numbers called something_day are days since 1970."""


def _plain(name: str, value: Any, shop: Shop) -> Any:
    if name in _MONEY:
        return money.write(value, shop.currency)
    if name.endswith("_day"):
        return clock.day_of(value).isoformat()
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    return value


def _table(rows: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in names)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(_cell_text(row.get(name)))}</td>' for name in names)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell_text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def _stored_files(session: Session, shop_id: int, who: PersonKeys) -> Iterator[str]:
    for each in declared():
        for name in each.files:
            column = each.rows.c[name]
            found = sa.select(column).where(*each.about(shop_id, who), column != "")
            yield from session.execute(found).scalars()


def _changed(session: Session, statement: Any) -> int:
    return int(session.connection().execute(statement).rowcount)


def _record(session: Session, member: Member, action: str, number: int, at: datetime) -> None:
    audit.record(session, member.shop_id, member.actor, action=action, subject=audit.of_buyer_row(number), at=at)
