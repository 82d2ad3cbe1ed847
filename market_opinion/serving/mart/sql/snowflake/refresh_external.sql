-- Register the files of the last export before each load; notifications from the bucket do so for
-- readers in between.
ALTER EXTERNAL TABLE lake.items REFRESH;
ALTER EXTERNAL TABLE lake.mentions REFRESH;
ALTER EXTERNAL TABLE lake.opinions REFRESH;
