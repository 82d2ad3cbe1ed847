-- Before and after a load: remove its working rows, so that no erased word stays in them.
DELETE FROM silver.items;
DELETE FROM silver.mentions;
DELETE FROM silver.opinions;
