"""The words of telling a person what happened (SPEC 2.L)."""

from enum import StrEnum


class NotificationChannel(StrEnum):
    """The way a notification reaches a person (F136)."""

    SMS = "SMS"
    EMAIL = "EMAIL"
    PUSH = "PUSH"
    IN_APP = "IN_APP"
    MESSENGER = "MESSENGER"
