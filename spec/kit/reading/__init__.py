"""What a reader is put through: fixtures, products of files and attacks, and folders in motion."""
