"""Browser pages over the mart's views: brands, comparison, operations (extra `dashboard`)."""
