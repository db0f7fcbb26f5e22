"""Charts as SVG from the server: fluid, themed by CSS variables, with a table of their numbers behind them."""
