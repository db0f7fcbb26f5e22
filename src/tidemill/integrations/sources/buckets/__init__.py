"""Files in buckets of S3, Google Cloud Storage and Azure Blob Storage, with their ETags."""

from tidemill.integrations.sources.buckets.source import Buckets

__all__ = ["Buckets"]
