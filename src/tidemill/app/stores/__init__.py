"""Datasets at places that several workspaces reach: remembered, pushed to, pulled from."""
