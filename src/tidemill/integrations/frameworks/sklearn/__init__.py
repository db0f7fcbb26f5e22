"""scikit-learn: estimators and pipelines in skops' format, never as pickles."""

from tidemill.integrations.frameworks.sklearn.framework import ScikitLearn

__all__ = ["ScikitLearn"]
