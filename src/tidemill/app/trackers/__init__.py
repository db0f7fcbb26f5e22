"""What other trackers hold, taken into a workspace, and back."""
