"""Imports: orders, buyers, products, followers, group members and parcels, from files that shops export."""

from retention.ingest.imports import ImportReport, import_file

__all__ = ["ImportReport", "import_file"]
