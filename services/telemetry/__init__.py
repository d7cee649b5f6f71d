"""What every program tells of itself, as tables: made of the declarations and of the sources."""
