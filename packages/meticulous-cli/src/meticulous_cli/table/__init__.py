"""The table: `meticulous DIRECTORY`."""
