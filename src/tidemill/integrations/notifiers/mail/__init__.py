"""Email over SMTP."""

from tidemill.integrations.notifiers.mail.notifier import Email

__all__ = ["Email"]
