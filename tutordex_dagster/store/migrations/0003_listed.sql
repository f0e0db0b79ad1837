-- A channel taken out of CHANNEL_LIST is no longer collected; what it posted stays.
ALTER TABLE channels ADD COLUMN listed boolean NOT NULL DEFAULT true;
