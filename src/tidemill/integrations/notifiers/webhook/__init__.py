"""Webhooks: a CloudEvent by HTTP, signed."""

from tidemill.integrations.notifiers.webhook.notifier import Webhook

__all__ = ["Webhook"]
