"""The HTTP API, the pages and the wire protocols over one workspace."""
