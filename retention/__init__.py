"""The foundation that all packages share: buyers and their history, settings, database, queue, clock, errors.

The package is named after what the product is for, keeping customers. How long data is kept is a small part of it:
`retention.privacy.retention_periods`.
"""
