"""Side by side with peers: ``make bench`` runs every comparison here and prints one table."""
