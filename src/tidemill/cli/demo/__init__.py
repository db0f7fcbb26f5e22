"""`tidemill demo`: the whole loop on a year of real flights, told as it happens."""
