-- When the other one of a direct conversation told that they have read the line; 0: not yet.
ALTER TABLE lines ADD COLUMN read INTEGER NOT NULL DEFAULT 0;
