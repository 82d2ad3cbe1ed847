"""Labels of items of the shared archives: ids, offsets and labels, without the texts."""
