"""Erasure of what imports say of a person: in their reports, in what they refused and were told, in saved mappings, and
in the names of their files.

A report stays, with … in the place of whoever is erased. Answers that REST keeps for a day are forgotten where they
show rows of a file. A saved mapping that names the person goes: it fits no other file.
"""

import re
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from retention.audit import AuditEntry
from retention.buyers import Buyer
from retention.consent import Consent
from retention.files import plain_name
from retention.i18n import own_words
from retention.idempotency import GivenAnswer
from retention.ingest.columns import known_columns
from retention.ingest.journals.landed import KIND, LandedImport
from retention.jobs import Job
from retention.privacy.personal import PersonKeys, at_erasure
from retention.saved_mappings import SavedMapping
from retention.suppressions import Suppression

_GONE = "…"
_QUOTES = "\"'“”‘’「」"
_BY_COLUMN = frozenset({"cells", "named_zones", "decimals", "dates", "statuses"})
"""What is said by column or by word of a file: the names in it are the file's."""
_OURS = frozenset(
    {
        "kind",
        "preset",
        "encoding",
        "delimiter",
        "currency",
        "timezone",
        "option",
        "field",
        "row_fields",
        "statuses",
        "rates",
    }
)
"""Values that no file tells."""
_LEAST_DIGITS = 7  # of a number that is not somebody else's by chance


@at_erasure
def _forget_in_reports(session: Session, shop_id: int, who: PersonKeys) -> Iterable[str]:
    """Take a person out of what a shop's imports told; no stored file goes for it."""
    naming = naming_of(session, who)
    jobs = select(Job).where(Job.shop_id == shop_id, Job.kind == KIND).order_by(col(Job.id))
    for job in session.exec(jobs.with_for_update().execution_options(populate_existing=True)):
        name = str(job.input.get("name") or "")
        job.result, job.error = _without(job.result, naming), naming.sub(_GONE, job.error)
        job.input = {**job.input, **_given(job, naming), "name": naming.sub(_GONE, name)}
        session.add(job)
        if job.input["name"] != name:
            _rename(session, job, name)
    _forget_mappings(session, shop_id, naming)
    _forget_answers(session, shop_id)
    session.flush()
    return ()


def naming_of(session: Session, who: PersonKeys) -> re.Pattern[str]:
    """Return what finds a person in a text."""
    buyer = session.get(Buyer, who.id)
    return _naming({who.external_id, *who.addresses, *((buyer.name, buyer.email, buyer.phone) if buyer else ())})


def _given(job: Job, naming: re.Pattern[str]) -> dict[str, Any]:
    """Return what was said of a file, without the person."""
    return {"options": _without(job.input["options"], naming)} if "options" in job.input else {}


def _forget_mappings(session: Session, shop_id: int, naming: re.Pattern[str]) -> None:
    """Remove saved mappings that name a person as a column, and what others say of a status that does."""
    for saved in session.exec(select(SavedMapping).where(SavedMapping.shop_id == shop_id)):
        known = known_columns(saved.kind)
        columns = [*saved.options.get("mapping", {}).values(), *saved.options.get("ignore", ())]
        if any(naming.search(column) and not known(column) for column in columns):
            session.delete(saved)
            continue
        statuses = saved.options.get("statuses", {})
        kept = {word: meaning for word, meaning in statuses.items() if not naming.search(word)}
        if kept != statuses:
            saved.options = {**saved.options, "statuses": kept}
            session.add(saved)


def forget_words(result: dict[str, Any]) -> dict[str, Any]:
    """Return the result of an import without its sentences about single rows; the figures stay."""
    refusals = {name: _without_values(each) for name, each in result.items() if isinstance(each, dict)}
    return {**result, **refusals, **({"notes": []} if "notes" in result else {})}


def _without_values(refusal: dict[str, Any]) -> dict[str, Any]:
    """Return a refusal, which may have several parts, without its values; anything else as it is."""
    if "parts" in refusal:
        return {**refusal, "parts": [_without_values(each) for each in refusal["parts"]]}
    return {**refusal, "values": dict.fromkeys(refusal["values"], _GONE)} if "values" in refusal else refusal


def _naming(written: Iterable[str]) -> re.Pattern[str]:
    """Return what finds a person in a text.

    A single word in ASCII that is one of our own sentences', or of two letters, may mean anything else: it is found as
    a value alone, in quotes, in a list, or alone. Any other is found wherever it stands as it is written.
    """
    found = []
    for each in sorted({text for text in written if text.strip()}, key=len, reverse=True):
        spellings = {each, repr(each)[1:-1], *([plain_name(each)] if len(each) >= _LEAST_DIGITS else [])}
        for spelled in map(re.escape, spellings):
            if not each.isascii():
                found.append(spelled)
            elif "@" in each or " " in each or _has_digits(each):
                found.append(f"(?<![A-Za-z0-9]){spelled}(?![A-Za-z0-9])")
            else:
                found.append(f"(?:^|(?<=[{_QUOTES}])|(?<=, )|(?<=: )){spelled}(?=[{_QUOTES}]|, |\\. |$)")
                if len(each) > len("An") and each not in own_words():
                    found.append(f"(?<![A-Za-z0-9_])(?-i:{spelled})(?![A-Za-z0-9_])")
    return re.compile("|".join(found) or "(?!)", re.IGNORECASE)


def _has_digits(text: str) -> bool:
    digits = sum(sign.isdigit() for sign in text)
    return digits >= _LEAST_DIGITS or 0 < digits < len(text)


def _without(value: Any, naming: re.Pattern[str], place: str = "") -> Any:
    """Return JSON values without a person. Our own names of things stay, whatever a person is called."""
    if isinstance(value, str):
        return value if place in _OURS else naming.sub(_GONE, value)
    if isinstance(value, list):
        return [_without(each, naming, place) for each in value]
    if isinstance(value, dict):
        theirs = place in _BY_COLUMN
        return {
            naming.sub(_GONE, name) if theirs else name: _without(each, naming, place if theirs else name)
            for name, each in value.items()
        }
    return value


def _rename(session: Session, job: Job, name: str) -> None:
    """Call the file of an import by its new name wherever its name stands."""
    new = str(job.input["name"])
    session.execute(sa.update(LandedImport).where(col(LandedImport.job_id) == job.id).values(file=new[:200]))
    for table in (Consent, Suppression):
        theirs = (col(table.shop_id) == job.shop_id, col(table.source) == f"import:{name}"[:100])
        session.execute(sa.update(table).where(*theirs).values(source=f"import:{new}"[:100]))
    entries = select(AuditEntry).where(AuditEntry.shop_id == job.shop_id, AuditEntry.subject == f"job:{job.id}")
    for entry in session.exec(entries):
        if entry.after:
            entry.after = {key: new if value == name else value for key, value in entry.after.items()}
            session.add(entry)


def _forget_answers(session: Session, shop_id: int) -> None:
    text = sa.cast(col(GivenAnswer.answer), sa.Text)
    shows = sa.and_(text.contains('"rejects'), text.contains('"notes"'))
    session.execute(sa.update(GivenAnswer).where(col(GivenAnswer.shop_id) == shop_id, shows).values(answer=None))
