"""Texts of the pages of campaigns: the audience and the trigger."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from babel.lists import format_list
from sqlmodel import Session

from api.console import figures
from api.console.campaigns.recurrences import recurrence_words
from api.deps import Place
from campaigns.campaign.campaigns import Campaign, CampaignState
from campaigns.campaign.lifecycle import possible
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import QUIET_MEDIA, Cap, Period, Quiet, ShopPolicy, Whose, caps_on, quiet_on
from campaigns.campaign.triggers import (
    EventKind,
    Once,
    OnEvent,
    Recurring,
    Trigger,
    Waves,
    next_moment,
    trigger_name,
)
from campaigns.channels.outages import translated
from campaigns.deliveries.throughput import RunProgress, Throughput
from campaigns.sending.blocked import BlockedSending, Blocker, sending_block_of
from retention.errors import NotFound
from retention.i18n import current_locale, gettext_noop, ngettext, ngettext_noop
from retention.i18n import gettext as _
from retention.shops import Shop
from segments.descriptions import describe
from segments.personal_conditions import readable
from segments.rule_ast import InSegment, Node
from segments.segments import find_segment


def audience_name(session: Session, place: Place, campaign: Campaign) -> str:
    """Return the audience in words: a segment by its name, any other rule by what it says."""
    if isinstance(campaign.audience, InSegment):
        with suppress(NotFound):
            return find_segment(session, place.shop.id, campaign.audience.slug).name
    return rule_words(place, campaign.audience)


def excluded_words(place: Place, campaign: Campaign) -> str:
    """Return the exclusion in words; empty for none."""
    return rule_words(place, campaign.excluded) if campaign.excluded else ""


def rule_words(place: Place, node: Node) -> str:
    """Return a rule in words, as far as this member may read it."""
    return describe(readable(place.member, node), currency=place.shop.currency)


def moves_of(campaign: Campaign) -> set[str]:
    """Return the moves a page may offer, by name."""
    return {move.value for move in possible(campaign.state, medium=campaign.medium, repeats=campaign.repeats)}


def campaign_when(campaign: Campaign, shop: Shop) -> str:
    """Return when a campaign goes, as people say it, without the moment that comes next."""
    if campaign.damage:
        return campaign.damage.say(_)
    trigger = campaign.trigger
    if not isinstance(trigger, Once):
        return trigger_words(trigger)
    if campaign.scheduled_at:
        return _("once, on {moment}").format(moment=figures.moment(campaign.scheduled_at, shop.timezone))
    return _("once, when launched manually")


def rules_words(campaign: Campaign, limits: ShopPolicy) -> list[str]:
    """Return the rules a campaign keeps, its own and the shop's, each as a line."""
    policy = campaign.policy
    lines = [cap_words(cap, campaign.medium) for cap in caps_on(policy, limits, campaign.medium)]
    lines += dict.fromkeys(_quiet_words(quiet) for quiet in quiet_on(policy, limits, campaign.medium))
    if policy.transactional:
        lines.append(_("Transactional: frequency caps do not apply"))
    if policy.send_at:
        whose = _("in each buyer's time zone") if policy.send_at.zone is Whose.BUYER else _("in the shop's time zone")
        lines.append(_("Sent at {time} {whose}").format(time=policy.send_at.time, whose=whose))
    if policy.late_after:
        late = ngettext("Expires after one hour", "Expires after {hours} hours", policy.late_after)
        lines.append(late.format(hours=policy.late_after))
    if policy.stop_after_sales:
        lines.append(_("Stops after {count} sales of the product").format(count=policy.stop_after_sales))
    return lines


def shop_rules_words(limits: ShopPolicy, medium: Medium) -> list[str]:
    """Return the rules that hold over all campaigns of a shop, as far as they hold one by this medium."""
    lines = [cap_words(cap, medium) for cap in limits.caps if cap.binds(medium)]
    if limits.quiet and medium in QUIET_MEDIA:
        lines.append(_quiet_words(limits.quiet))
    if limits.most_inserts and medium is Medium.PARCEL:
        lines.append(_("At most {count} inserts per parcel").format(count=limits.most_inserts))
    if limits.approval_required:
        lines.append(_("Campaigns need approval by a second person"))
    return lines


def cap_words(cap: Cap, medium: Medium) -> str:
    """Return a cap as people say it: at most 3 by mail in 7 days."""
    what = _("messages in all channels") if cap.over == "all" else _(_BY[medium])
    within = _PERIODS[cap.per] if cap.per else ngettext_noop("in a day", "in {days} days")
    window = _(within) if isinstance(within, str) else ngettext(*within, cap.days or 1).format(days=cap.days)
    return _("At most {count} {what} {window}").format(count=cap.messages, what=what, window=window)


_BY = {
    Medium.EMAIL: gettext_noop("by email"),
    Medium.SMS: gettext_noop("by SMS"),
    Medium.WEBHOOK: gettext_noop("by app message"),
    Medium.BOT: gettext_noop("by bot"),
    Medium.ASSISTED: gettext_noop("by manual post"),
    Medium.PARCEL: gettext_noop("as parcel insert"),
}

_PERIODS = {
    Period.DAY: gettext_noop("a calendar day"),
    Period.WEEK: gettext_noop("a calendar week"),
    Period.MONTH: gettext_noop("a calendar month"),
}


def _quiet_words(quiet: Quiet) -> str:
    whose = _("in each buyer's time zone") if quiet.zone is Whose.BUYER else _("in the shop's time zone")
    return _("Quiet hours from {start} to {end} {whose}").format(start=quiet.start, end=quiet.end, whose=whose)


def next_moments(campaigns: Sequence[Campaign], shop: Shop, *, now: datetime) -> dict[int, datetime]:
    """Return when those that go by themselves go next, as far as the calendar can tell."""
    found = {}
    for campaign in (each for each in campaigns if not each.damage):
        moment = campaign.scheduled_at
        if moment is None and campaign.state in (CampaignState.SCHEDULED, CampaignState.RUNNING):
            moment = next_moment(campaign.trigger, after=now, zone=shop.timezone)
        if moment and moment > now and not isinstance(campaign.trigger, Once):
            found[campaign.id] = moment
    return found


def throughput_words(run_progress: Mapping[int, RunProgress], shop: Shop) -> dict[int, str]:
    """Return how fast runs move and how long the rest takes, by the number of the run."""
    throughputs = {number: each.throughput for number, each in run_progress.items() if each.throughput}
    return {
        number: words for number, throughput in throughputs.items() if (words := _throughput_words(throughput, shop))
    }


def _throughput_words(throughput: Throughput, shop: Shop) -> str:
    if throughput.left is not None:
        rate = _("{count} a minute").format(count=figures.count(round(throughput.per_minute)))
        return _("{rate}, {length} left").format(rate=rate, length=figures.length(throughput.left.total_seconds()))
    if not throughput.due and throughput.next_due_at:
        return _("the next at {moment}").format(moment=figures.moment(throughput.next_due_at, shop.timezone))
    return ""


def sender_trouble(session: Session, shop: Shop, campaign: Campaign, *, now: datetime) -> str:
    """Return why nothing leaves although the campaign runs, and the remedy; empty when it does."""
    stands = sending_block_of(session, campaign) if campaign.state is CampaignState.RUNNING else None
    return blocked_words(stands, shop, now=now) if stands else ""


def blocked_words(stands: BlockedSending, shop: Shop, *, now: datetime) -> str:
    """Return what keeps a campaign from leaving, and what a person can do."""
    name, error = stands.sender or _("this installation's mail server"), translated(stands.detail).rstrip(". 。")
    error = error or _("no reason given")
    match stands.blocker:
        case Blocker.PAUSED:
            sentence = _("The sender “{sender}” is paused. Waiting messages are sent once it is resumed.")
        case Blocker.NO_SENDER:
            sentence = _(
                "No sender is chosen, and only email can be sent without one. Set up a sender, then choose it here."
            )
        case Blocker.BROKEN:
            sentence = _(
                "The sender “{sender}” failed {count} times in a row: {error}. Sending is suspended until "
                "{time}, then retried; no recipient is lost. Check its settings, or choose another."
            )
        case Blocker.UNUSABLE:
            sentence = _("The sender “{sender}” cannot be used: {error}. Enter its secrets again, or choose another.")
        case _:
            sentence = _(
                "{sender} cannot send at the moment: {error}. It is retried automatically and no recipient is "
                "lost. Check the sender, or choose another."
            )
    until = max(stands.until or now, now)
    return sentence.format(
        sender=name, count=stands.failures, error=error, time=figures.time_of_day(until, shop.timezone)
    )


def trigger_words(trigger: Trigger) -> str:
    """Return what makes the runs, with its numbers."""
    match trigger:
        case Recurring():
            days = recurrence_words(trigger.rrule)
            if trigger.zone is Whose.BUYER:
                return _("{days} at {time} in each buyer's time zone").format(days=days, time=trigger.at)
            return _("{days} at {time}").format(days=days, time=trigger.at)
        case OnEvent():
            return _event_words(trigger)
        case Waves():
            hours = format_list([str(wave.after) for wave in trigger.waves], locale=current_locale())
            return _("in waves, {hours} hours after the product arrives").format(hours=hours)
        case _:
            return _("once")


def _event_words(trigger: OnEvent) -> str:
    name = trigger_name(trigger)
    if trigger.kind is EventKind.BIRTHDAY:
        ahead = ngettext("one day ahead, at {time}", "{days} days ahead, at {time}", trigger.days)
        return f"{name}: {ahead.format(days=trigger.days, time=trigger.at)}"
    if trigger.days:
        after = ngettext("one day later, at {time}", "{days} days later, at {time}", trigger.days)
        return f"{name}: {after.format(days=trigger.days, time=trigger.at)}"
    if trigger.hours:
        later = ngettext("one hour later", "{hours} hours later", trigger.hours)
        return f"{name}: {later.format(hours=trigger.hours)}"
    return name
