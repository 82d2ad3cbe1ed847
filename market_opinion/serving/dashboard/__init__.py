"""Pages in a browser over the mart's views: brands, comparisons, operations. Needs the extra `dashboard`."""
