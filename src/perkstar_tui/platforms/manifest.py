"""The model of a manifest: the file that describes a platform."""
