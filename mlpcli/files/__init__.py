"""Files: written crash-safe (atomic), the model file's container (archive), dataclasses as strict JSON (jsonable)."""
