"""Rules held against versions and files that are there, and rules found in what is there."""
