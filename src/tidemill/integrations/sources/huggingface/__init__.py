"""Folders laid out as the datasets of Hugging Face are: shards by split, images by class or with metadata."""

from tidemill.integrations.sources.huggingface.source import HuggingFace

__all__ = ["HuggingFace"]
