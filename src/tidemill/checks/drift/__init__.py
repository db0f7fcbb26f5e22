"""Has the data moved since training, and by how much."""
