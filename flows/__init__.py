"""Composition: one file a deployment. Nothing imports from a flow file."""
