"""Handle incidents: what was done about each, by when something is due, who was told, and the record of it all."""
