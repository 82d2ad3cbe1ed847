-- First statements of the transaction: a second load waits for the row of the load before.
DELETE FROM staging.load;
DELETE FROM staging.touched_dates;
DELETE FROM staging.products;
DELETE FROM staging.aspects;
DELETE FROM staging.windows;
DELETE FROM staging.estimates;
DELETE FROM staging.changes;
DELETE FROM staging.bursts;
