-- Before and after a load: its working rows are nobody's answer, and no erased word may stay in them.
DELETE FROM silver.items;
DELETE FROM silver.mentions;
DELETE FROM silver.opinions;
