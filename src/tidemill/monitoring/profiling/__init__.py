"""What an endpoint saw in a window, profiled from the segments of the archive."""
