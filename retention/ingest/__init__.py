"""Imports: orders, buyers, products, followers, group members and parcels, from files that shops export."""

from retention.ingest.imports import import_file
from retention.ingest.options import ImportOptions
from retention.ingest.questions import Question
from retention.ingest.report import ImportReport
from retention.ingest.understanding import Understanding, understand_file

__all__ = ["ImportOptions", "ImportReport", "Question", "Understanding", "import_file", "understand_file"]
