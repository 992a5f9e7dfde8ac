"""An independent oracle of the warehouse, written from the contracts alone: it imports nothing of the warehouse."""
