"""Keep what a dispute or an examination needs: as long as a hold stands, nothing of what it names is destroyed."""
