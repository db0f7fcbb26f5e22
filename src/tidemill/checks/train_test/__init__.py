"""Do the training and the test rows fit each other."""
