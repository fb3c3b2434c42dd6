"""Exports of newsletter systems: lists of people with what they agreed to.

What a list says by being that list (Mailchimp has a file for whoever unsubscribed) stands in `given`.
"""

from retention.ingest.presets.preset import ColumnPreset, ExportFormat

# help.klaviyo.com: "How to export a list or segment" (profile columns), "Guide to consent states" (SUBSCRIBED,
# UNSUBSCRIBED, NEVER_SUBSCRIBED), "How to manage email suppressions": an export with Email Suppressions names the
# reasons. Headers verbatim in a PHP exporter, a TypeScript type and the tests of two importers.
KLAVIYO = ColumnPreset(
    "klaviyo",
    (
        ExportFormat(
            "buyers",
            "Profiles",
            {
                "buyer_id": ("Email", "Email Address", "External ID"),
                "email": ("Email", "Email Address"),
                "phone": ("Phone Number", "Phone"),
                "name": ("First Name + Last Name",),
                "city": ("City", "location_city"),
                "region": ("State / Region", "Region", "location_region"),
                "country": ("Country", "location_country"),
                "timezone": ("Timezone", "location_timezone"),
                "created_at": ("Profile Created On", "Date Added", "Created"),
                "email_consent": ("Email Marketing Consent", "Email Consent Status", "Email Consent"),
                "email_consent_at": ("Email Marketing Consent Timestamp", "Email Consent Timestamp"),
                "sms_consent": ("SMS Marketing Consent", "SMS Consent Status", "SMS Consent"),
                "sms_consent_at": ("SMS Marketing Consent Timestamp", "SMS Consent Timestamp"),
                "email_suppressed": ("Email Suppressions", "Suppressed", "Suppression Reason"),
                "email_suppressed_at": ("Email Suppressions Timestamp", "Suppressed At"),
            },
            marks=(
                "Klaviyo ID", "Email Marketing Consent", "Email Marketing Consent Timestamp", "SMS Marketing Consent",
                "SMS Consent Status", "SMS Marketing Consent Timestamp", "Email Suppressions",
                "Email Suppressions Timestamp", "Historic Customer Lifetime Value", "Total Customer Lifetime Value",
                "Predicted Customer Lifetime Value", "Profile Created On", "State / Region",
                "Historic Number Of Orders",
                "First Active", "Last Active", "Initial Source",
            ),
            sure=("Email Marketing Consent", "Email Suppressions", "Klaviyo ID"),
        ),
    ),
)  # fmt: skip

# mailchimp.com/help: "View or export contacts", "About your contacts": a ZIP with subscribed_, unsubscribed_, cleaned_
# and nonsubscribed_ files. Header rows in the specs of honey_format, a Ruby loader of an unsubscribed file, two
# importers' tests. An account's export may have Status in one file.
_MAILCHIMP = {
    "buyer_id": ("Email Address", "EMAIL", "Email"),
    "email": ("Email Address", "EMAIL", "Email"),
    "name": ("First Name + Last Name", "FNAME + LNAME", "Name"),
    "phone": ("Phone Number", "PHONE", "SMS Phone Number"),
    "birthday": ("Birthday",),
    "country": ("CC",),
    "region": ("REGION",),
    "timezone": ("TIMEZONE",),
    "email_consent": ("Status", "STATUS", "Email Marketing Status"),
}
_MAILCHIMP_MARKS = (
    "MEMBER_RATING", "OPTIN_TIME", "OPTIN_IP", "CONFIRM_TIME", "CONFIRM_IP", "GMTOFF", "DSTOFF", "LAST_CHANGED", "LEID",
    "EUID",
)  # fmt: skip
MAILCHIMP = ColumnPreset(
    "mailchimp",
    (
        ExportFormat(
            "buyers",
            "Subscribed contacts",
            {
                **_MAILCHIMP,
                "created_at": ("OPTIN_TIME",),
                "email_consent_at": ("CONFIRM_TIME", "OPTIN_TIME"),
            },
            marks=_MAILCHIMP_MARKS,
            sure=("MEMBER_RATING",),
            given={"email_consent": "subscribed"},
        ),
        ExportFormat(
            "buyers",
            "Unsubscribed contacts",
            {**_MAILCHIMP, "email_consent_at": ("UNSUB_TIME",)},
            marks=(*_MAILCHIMP_MARKS, "UNSUB_TIME", "UNSUB_CAMPAIGN_TITLE", "UNSUB_CAMPAIGN_ID", "UNSUB_REASON",
                   "UNSUB_REASON_OTHER"),
            sure=("MEMBER_RATING",),
            given={"email_consent": "unsubscribed"},
        ),
        ExportFormat(
            "buyers",
            "Cleaned contacts",
            {**_MAILCHIMP, "email_consent_at": ("CLEAN_TIME",)},
            marks=(*_MAILCHIMP_MARKS, "CLEAN_TIME", "CLEAN_CAMPAIGN_TITLE", "CLEAN_CAMPAIGN_ID"),
            sure=("MEMBER_RATING",),
            given={"email_consent": "cleaned"},
        ),
    ),
)  # fmt: skip
