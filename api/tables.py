"""Every table of Regulars, imported once, so that migrations and tests know them all."""

# ruff: noqa: F401 - importing a module is what registers its tables
from sqlmodel import SQLModel

import campaigns.campaign.campaigns
import campaigns.campaign.posts
import campaigns.campaign.shop_policy
import campaigns.channels.senders
import campaigns.offers.coupons
import campaigns.offers.links
import campaigns.offers.match_marks
import campaigns.offers.offers
import campaigns.optouts.bounces
import campaigns.optouts.replays
import campaigns.optouts.topics
import campaigns.posts.posts
import campaigns.runs.approvals
import campaigns.texts.branding
import campaigns.webhooks.webhooks
import printables.batches
import printables.erasing
import printables.flyers
import printables.joint.partners
import printables.proofs
import retention.aggregates
import retention.audit
import retention.buyers
import retention.consent
import retention.failures
import retention.figures
import retention.followers_and_groups
import retention.heartbeats
import retention.idempotency
import retention.ingest.journals.erasing
import retention.ingest.journals.landed
import retention.ingest.orders.status_words
import retention.invitations
import retention.jobs
import retention.keys
import retention.logins
import retention.orders
import retention.parcels
import retention.privacy.erased
import retention.privacy.retention_periods
import retention.products
import retention.rate_limits
import retention.saved_mappings
import retention.shops
import retention.suppressions
import retention.touches
import retention.users
import retention.versions
import segments.condition_cache
import segments.forecasts
import segments.lists
import segments.segments
import segments.snapshots

metadata = SQLModel.metadata
