"""XGBoost: models in its own JSON, every index in their trees looked at."""

from tidemill.integrations.frameworks.xgboost.framework import XGBoost

__all__ = ["XGBoost"]
