"""The words of call-detail reports (SPEC 2.F)."""

from enum import StrEnum


class ReportFormat(StrEnum):
    """The shape of a report (F088)."""

    ONLINE = "ONLINE"
    PDF = "PDF"
    XLSX = "XLSX"
    CSV = "CSV"
    JSON = "JSON"


class ReportPreset(StrEnum):
    """A ready-made period of a report (F090)."""

    DAY = "DAY"
    WEEK = "WEEK"
    TWO_WEEKS = "TWO_WEEKS"
    MONTH = "MONTH"
