"""Files in: orders, buyers, products, followers, group members and parcels, from whatever a shop can export."""

from retention.ingest.imports import ImportReport, import_file

__all__ = ["ImportReport", "import_file"]
