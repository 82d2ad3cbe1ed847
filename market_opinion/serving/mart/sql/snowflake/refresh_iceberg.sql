-- Take the newest snapshots of the lake before each load, so that it sees what was just committed.
ALTER ICEBERG TABLE lake.items REFRESH;
ALTER ICEBERG TABLE lake.mentions REFRESH;
ALTER ICEBERG TABLE lake.opinions REFRESH;
