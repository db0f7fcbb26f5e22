"""The project file, and the loop that it orders: deliver, watch, retrain."""
