"""What the deployed models see and say: windows over captured predictions, feedback, drift, performance, alerts."""
