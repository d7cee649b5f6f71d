"""`mesh tail`: a feed of the Widget Data Service in the terminal."""
