"""Lists of people from shop and newsletter systems: who they are, and what they agreed to."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from retention.consent import Answer, Channel, record_consent
from retention.database import transaction
from tests.retention.makers import NOW, Ask, Load

MAILCHIMP = "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LEID,EUID"
ROW = "ann@example.com,Ann,Lee,2,2024-01-02 10:00:00,,2024-01-02 10:05:00,,1,a"
PEOPLE = [
    (
        "shopify",
        "customers_export.csv",
        (
            "First Name,Last Name,Email,Accepts Email Marketing,Accepts SMS Marketing,Phone,Total Orders\n"
            "Ann,Lee,Ann@example.com,yes,no,'+15550100,1\nBob,Ray,bob@example.com,yes,no,,2\n,,,no,yes,'+15550102,1\n"
            "小明,王,,no,no,'+8613800000001,1\n"
        ),
        [
            ("+15550102", "", "", "+15550102"),
            ("+8613800000001", "王小明", "", "+8613800000001"),
            ("ann@example.com", "Ann Lee", "Ann@example.com", "+15550100"),
            ("bob@example.com", "Bob Ray", "bob@example.com", ""),
        ],
        [("+15550102", "sms", "in"), ("ann@example.com", "email", "in"), ("bob@example.com", "email", "in")],
    ),
    (
        "shopify",
        "matrixify.csv",
        (
            "Email,First Name,Last Name,Email Marketing: Status,SMS Marketing: Status,Total Spent\n"
            "ann@example.com,Ann,Lee,SUBSCRIBED,NOT_SUBSCRIBED,5\nbob@example.com,Bob,Ray,UNSUBSCRIBED,PENDING,5\n"
            "cy@example.com,Cy,Poe,NEVER_SUBSCRIBED,,5\n"
        ),
        [
            ("ann@example.com", "Ann Lee", "ann@example.com", ""),
            ("bob@example.com", "Bob Ray", "bob@example.com", ""),
            ("cy@example.com", "Cy Poe", "cy@example.com", ""),
        ],
        [("ann@example.com", "email", "in"), ("bob@example.com", "email", "out")],
    ),
    (
        "klaviyo",
        "list.csv",
        (
            "Email,First Name,Last Name,Phone Number,Email Marketing Consent,Email Marketing Consent Timestamp,"
            "Email Suppressions,Email Suppressions Timestamp,SMS Consent Status\n"
            "ann@example.com,Ann,Lee,+442079460958,SUBSCRIBED,2024-01-02T10:00:00Z,[],,NEVER_SUBSCRIBED\n"
            "bob@example.com,Bob,Ray,,SUBSCRIBED,2024-01-02T10:00:00Z,HARD_BOUNCE,2024-02-02T10:00:00Z,\n"
            "cy@example.com,Cy,Poe,,NEVER_SUBSCRIBED,,,,\n,Di,Ro,+442079460959,UNSUBSCRIBED,,,,SUBSCRIBED\n"
        ),
        [
            ("+442079460959", "Di Ro", "", "+442079460959"),
            ("ann@example.com", "Ann Lee", "ann@example.com", "+442079460958"),
            ("bob@example.com", "Bob Ray", "bob@example.com", ""),
            ("cy@example.com", "Cy Poe", "cy@example.com", ""),
        ],
        [
            ("+442079460959", "email", "out"),
            ("+442079460959", "sms", "in"),
            ("ann@example.com", "email", "in"),
            ("bob@example.com", "email", "out"),
        ],
    ),
    *(
        (
            "mailchimp",
            name,
            f"{MAILCHIMP}{columns}\n{ROW}{cells}\n",
            [("ann@example.com", "Ann Lee", "ann@example.com", "")],
            [("ann@example.com", "email", answer)] if answer else [],
        )
        for name, columns, cells, answer in (
            ("subscribed_members_export_1.csv", "", "", "in"),
            ("unsubscribed_members_export_1.csv", ",UNSUB_TIME,UNSUB_REASON", ",2024-03-02 10:00:00,N/A", "out"),
            ("cleaned_members_export_1.csv", ",CLEAN_TIME,CLEAN_CAMPAIGN_TITLE", ",2024-03-02 10:00:00,May", "out"),
            ("nonsubscribed_members_export_1.csv", "", "", ""),
            ("members.csv", ",Status", ",unsubscribed", "out"),
        )
    ),
]
LEDGER = (
    "SELECT b.external_id, c.channel, c.answer FROM consents AS c JOIN buyers AS b ON b.id = c.buyer_id ORDER BY 1, 2"
)


@pytest.mark.parametrize(("preset", "name", "content", "people", "answers"), PEOPLE)
def test_a_list_tells_who_they_are_and_what_they_agreed_to(
    load: Load,
    ask: Ask,
    preset: str,
    name: str,
    content: str,
    people: list[tuple[str, ...]],
    answers: list[tuple[str, ...]],
) -> None:
    report = load(content, name=name, kind="buyers")
    assert (report.preset, report.rejected) == (preset, 0)
    found = ask("SELECT external_id, name, email, phone FROM buyers")
    assert sorted(found) == [tuple(row) for row in people]
    assert sorted(ask(LEDGER)) == answers
    again = load(content, name=name, kind="buyers")
    assert (again.changed, sorted(ask(LEDGER))) == (0, answers)


def test_a_no_that_may_mean_never_asked_ends_a_yes_and_holds_nobody_who_subscribes_later(
    load: Load, ask: Ask, shop_engine: Engine
) -> None:
    def customers(answer: str, day: int) -> None:
        content = f"Email,Accepts Email Marketing,Total Spent\nann@example.com,{answer},5\n"
        load(content, name=f"{day}.csv", kind="buyers", now=NOW + timedelta(days=day))

    def answers() -> list[str]:
        return [answer for (answer,) in ask("SELECT answer FROM consents WHERE counts ORDER BY id")]

    customers("no", 1)
    customers("yes", 2)
    assert answers() == ["in"]
    customers("no", 3)
    assert answers() == ["in", "out"]
    customers("no", 4)
    ((buyer, shop),) = ask("SELECT id, shop_id FROM buyers")
    with transaction(shop_engine) as session:
        at = NOW + timedelta(days=6)
        said = {"channel": Channel.EMAIL, "answer": Answer.IN, "source": "form", "at": at}
        record_consent(session, shop, buyer_id=buyer, **said)
    customers("no", 7)  # the same no as before that yes
    customers("yes", 8)
    assert answers() == ["in", "out", "in"]


YES = (
    "on", "On", "开", "开启", "開啟", "ja", "oui", "Sí", "si", "да", "はい", "VRAI", "WAHR", "tak", "evet", "예",
    "✓", "√",
)  # fmt: skip
NO = (
    "off", "OFF", "关", "关闭", "關閉", "nein", "non", "no", "нет", "いいえ", "FAUX", "FALSCH", "nie", "hayır",
    "아니요", "✗", "×",
)  # fmt: skip


def test_yes_and_no_are_known_in_the_words_of_many_languages_and_of_switches(load: Load, ask: Ask) -> None:
    rows = "".join(f"b{place},{word}\n" for place, word in enumerate([*YES, *NO, "无", "pending"]))
    report = load(f"buyer_id,email_consent\n{rows}", kind="buyers")
    assert (report.rejected, report.totals["new_consents"]) == (0, len(YES) + len(NO))
    found = ask("SELECT answer, count(*) FROM consents GROUP BY answer ORDER BY answer")
    assert found == [("in", len(YES)), ("out", len(NO))]
