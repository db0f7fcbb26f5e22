"""What a step's code is: read from the text of the project, never imported."""
