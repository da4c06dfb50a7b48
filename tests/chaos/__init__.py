"""Kills and stops at random moments, while people pay: is any money lost or doubled? `make chaos` runs it at length."""
