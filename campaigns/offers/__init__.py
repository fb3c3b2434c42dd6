"""Offers: terms, coupons, links, and their way from issued to redeemed."""
