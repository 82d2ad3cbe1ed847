-- First in the transaction: the row of the load before is what a second load waits for.
DELETE FROM staging.load;
DELETE FROM staging.touched_dates;
DELETE FROM staging.products;
DELETE FROM staging.aspects;
DELETE FROM staging.windows;
