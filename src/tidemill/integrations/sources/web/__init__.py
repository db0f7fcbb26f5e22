"""Files on web servers, with the ETag that each had."""

from tidemill.integrations.sources.web.source import Web

__all__ = ["Web"]
