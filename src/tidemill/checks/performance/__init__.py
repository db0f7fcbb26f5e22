"""How good is the model, how sure is that, and where is it worst."""
