"""Who carries notices: one folder a notifier."""
