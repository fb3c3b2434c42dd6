"""Import of consent from a file of buyers; answers that buyers gave themselves are not overwritten.

A file that tells when an answer was given has it compared with the last one, and the later counts. One that does not
tells of an answer of unknown age: a yes then counts only where nothing was said before, and a no holds in doubt until
the buyer says yes, unless an earlier file told the same no before that yes. What counts no more is kept as evidence.
Where several rows of one file are about a buyer, the same holds among them, in whatever order they stand.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from retention.ingest.staged import answered, moment, spell
from retention.shops import Shop
from retention.staging import ColumnKind, create_staging, drop_staging, fetch, insert_new, keep_before, run, settle

_ADDRESS = {"email": ("email", "email_key"), "sms": ("phone", "phone_key")}
_TABLE = "import_answers"


@dataclass(frozen=True)
class Taken:
    """How many answers were new to the ledger, and how many of a file's say otherwise than what counts."""

    added: int
    overruled: int


def take_answers(session: Session, shop: Shop, table: str, channel: str, *, source: str, now: datetime) -> Taken:
    """Add the answers to a channel that the staging `table` holds: a handful of statements, however many buyers."""
    values = {"shop": shop.id, "channel": channel, "source": source, "now": spell(session, now)}
    _compare(session, table, channel, now=moment(session), values=values)
    added = insert_new(
        session,
        "consents",
        f"""
        INSERT INTO consents (
          shop_id, buyer_id, channel, topic, answer, source, wording, address, at, undated, counts, recorded_by)
        SELECT :shop, buyer_id, :channel, '', answer, :source, '', address, at, undated, counts, ''
        FROM {_TABLE} WHERE is_new ORDER BY place
        """,  # noqa: S608 - our own name
        **{name: values[name] for name in ("shop", "channel", "source")},
    )
    _suppress(session, values)
    _lift(session, values)
    overruled = fetch(session, f"SELECT count(*) FROM {_TABLE} WHERE NOT counts AND answer <> before")[0]  # noqa: S608
    drop_staging(session, _TABLE)
    return Taken(added, overruled)


def _compare(session: Session, table: str, channel: str, *, now: str, values: dict[str, object]) -> None:
    """Put each answer beside the last one that counts (c) and the last a file told without a date (f).

    `is_new`: the ledger does not have it from a file yet. `counts`: it is the buyer's last word from now on.
    """
    address, key = _ADDRESS[channel]
    shape = {
        "place": ColumnKind.KEY,
        "buyer_id": ColumnKind.WHOLE,
        "address": ColumnKind.TEXT,
        "address_key": ColumnKind.TEXT,
        "answer": ColumnKind.TEXT,
        "at": ColumnKind.TIME,
        "undated": ColumnKind.FLAG,
        "before": ColumnKind.TEXT,
        "is_new": ColumnKind.FLAG,
        "counts": ColumnKind.FLAG,
    }
    create_staging(session, _TABLE, shape)
    last = """LEFT JOIN (
          SELECT buyer_id, max(id) AS id FROM consents
          WHERE shop_id = :shop AND channel = :channel AND topic = '' AND {which} GROUP BY buyer_id
        ) AS last_{name} ON last_{name}.buyer_id = b.id LEFT JOIN consents AS {name} ON {name}.id = last_{name}.id"""
    counts = f"""CASE WHEN c.id IS NULL THEN true
          WHEN i.{channel}_consent_at IS NULL THEN i.{channel}_consent = 'out' AND c.answer = 'in'
          WHEN c.undated AND (c.answer = 'in' OR i.{channel}_consent = 'out') THEN true
          WHEN i.{channel}_consent_at = c.at THEN i.{channel}_consent = 'out'
          ELSE i.{channel}_consent_at > c.at END"""
    earlier = """EXISTS (SELECT 1 FROM consents AS t WHERE t.shop_id = :shop AND t.channel = :channel AND t.topic = ''
          AND t.buyer_id = b.id AND t.answer = i.{0}_consent AND t.at = i.{0}_consent_at AND NOT t.undated)"""
    is_new = f"""CASE WHEN i.{channel}_consent_at IS NULL THEN f.answer IS DISTINCT FROM i.{channel}_consent
          ELSE NOT {earlier.format(channel)} END"""
    run(
        session,
        f"""
        INSERT INTO {_TABLE} (place, buyer_id, address, address_key, answer, at, undated, before, is_new, counts)
        SELECT i.place, b.id, b.{address}, b.{key}, i.{channel}_consent, coalesce(i.{channel}_consent_at, {now}),
          i.{channel}_consent_at IS NULL, c.answer, {is_new}, ({is_new}) AND ({counts})
        FROM {answered(table, channel)} AS i JOIN buyers AS b ON b.shop_id = :shop AND b.external_id = i.buyer
        {last.format(name="c", which="counts")}
        {last.format(name="f", which="undated")}
        """,  # noqa: S608 - our own names
        **{name: values[name] for name in ("shop", "channel", "now")},
    )
    settle(session, _TABLE)


def _suppress(session: Session, values: dict[str, object]) -> None:
    """Let the opt-outs that count, and those that say it again, hold for the buyers' addresses.

    One that was told before holds for an address that is new with the buyer, not where a yes has lifted it since.
    """
    run(
        session,
        f"""
        INSERT INTO suppressions (shop_id, channel, topic, address, source, wording, at)
        SELECT :shop, CAST(:channel AS varchar), '', address_key, :source, '', max(at) FROM {_TABLE} AS i
        WHERE answer = 'out' AND (counts OR before = 'out') AND address_key <> '' AND (is_new OR NOT EXISTS (
          SELECT 1 FROM suppressions AS s WHERE s.shop_id = :shop AND s.channel = CAST(:channel AS varchar)
          AND s.topic = '' AND s.address = i.address_key AND (i.undated OR s.lifted_at IS NULL OR s.lifted_at >= i.at)))
        GROUP BY address_key
        ON CONFLICT (shop_id, channel, topic, address) WHERE lifted_at IS NULL
        DO UPDATE SET at = excluded.at, source = excluded.source WHERE excluded.at > suppressions.at
        """,  # noqa: S608 - our own name
        **{name: values[name] for name in ("shop", "channel", "source")},
    )


def _lift(session: Session, values: dict[str, object]) -> None:
    """Let what addresses said end where a buyer gave a yes at a known, later moment."""
    of_shop = {name: values[name] for name in ("shop", "channel")}
    yes = f"""SELECT address_key, max(at) AS at FROM {_TABLE}
          WHERE counts AND answer = 'in' AND NOT undated AND address_key <> '' GROUP BY address_key"""  # noqa: S608
    lifted = """suppressions.shop_id = :shop AND suppressions.channel = :channel AND suppressions.topic = ''
          AND suppressions.lifted_at IS NULL AND suppressions.address = y.address_key AND suppressions.at < y.at"""
    about = f"id IN (SELECT suppressions.id FROM suppressions, ({yes}) AS y WHERE {lifted})"  # noqa: S608 - our own name
    keep_before(session, "suppressions", about, channel=values["channel"])
    run(session, f"UPDATE suppressions SET lifted_at = y.at FROM ({yes}) AS y WHERE {lifted}", **of_shop)  # noqa: S608
