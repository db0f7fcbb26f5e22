"""Other trackers: what they hold is read into a workspace, and written back."""
