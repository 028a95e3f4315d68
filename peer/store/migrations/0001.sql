-- Rooms get a short number, because every entry names one. rank is NULL where only entries are known of a room.
CREATE TABLE rooms (
	num       INTEGER PRIMARY KEY,
	id        BLOB NOT NULL UNIQUE,
	rank      INTEGER,
	name      TEXT NOT NULL DEFAULT '',
	peer      BLOB NOT NULL DEFAULT x'',
	topic     TEXT NOT NULL DEFAULT '',
	joined    INTEGER NOT NULL DEFAULT 0,
	joined_at INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What is stored of each log, kept in step with entries by every transaction, so that a start need not count.
CREATE TABLE logs (
	num     INTEGER PRIMARY KEY,
	room    INTEGER NOT NULL REFERENCES rooms,
	author  BLOB NOT NULL,
	epoch   INTEGER NOT NULL,
	lamport INTEGER NOT NULL DEFAULT 0,
	ranges  BLOB NOT NULL DEFAULT x'',
	gone    BLOB NOT NULL DEFAULT x'',
	head    BLOB NOT NULL DEFAULT x'',
	UNIQUE (room, author, epoch)
) STRICT;

-- id is the cursor of a hit: wall time in milliseconds times 65,536, plus a number. So the newest come first by id alone.
-- indexed is 1 if the table words has the entry.
CREATE TABLE entries (
	id      INTEGER PRIMARY KEY,
	room    INTEGER NOT NULL,
	log     INTEGER NOT NULL REFERENCES logs,
	seq     INTEGER NOT NULL,
	lamport INTEGER NOT NULL,
	indexed INTEGER NOT NULL,
	raw     BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX entries_number ON entries (log, seq);
CREATE INDEX entries_place ON entries (room, lamport, log, seq);

CREATE TABLE bodies (
	entry INTEGER PRIMARY KEY REFERENCES entries ON DELETE CASCADE,
	kind  INTEGER NOT NULL,
	name  TEXT NOT NULL,
	text  TEXT NOT NULL
) STRICT;

CREATE TABLE lines (
	entry    INTEGER PRIMARY KEY REFERENCES entries ON DELETE CASCADE,
	at       INTEGER NOT NULL,
	audience BLOB NOT NULL,
	reached  BLOB NOT NULL,
	owed     INTEGER NOT NULL
) STRICT;
CREATE INDEX lines_owed ON lines (entry) WHERE owed;

CREATE TABLE contacts (
	id    BLOB PRIMARY KEY,
	name  TEXT NOT NULL,
	seen  INTEGER NOT NULL,
	rooms BLOB NOT NULL,
	key   BLOB NOT NULL
) STRICT;

CREATE TABLE marks (
	room    BLOB PRIMARY KEY,
	lamport INTEGER NOT NULL,
	author  BLOB NOT NULL,
	epoch   INTEGER NOT NULL,
	seq     INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
	key   TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT;

CREATE TABLE mail (
	room     BLOB NOT NULL,
	author   BLOB NOT NULL,
	epoch    INTEGER NOT NULL,
	seq      INTEGER NOT NULL,
	accepted INTEGER NOT NULL,
	raw      BLOB NOT NULL,
	PRIMARY KEY (room, author, epoch, seq)
) STRICT;

CREATE TABLE forks (
	author BLOB PRIMARY KEY,
	first  BLOB NOT NULL,
	second BLOB NOT NULL
) STRICT;

-- One row: whether somebody has the file open, or had it open when they died.
CREATE TABLE run (
	one  INTEGER PRIMARY KEY CHECK (one = 1),
	open INTEGER NOT NULL
) STRICT;
INSERT INTO run VALUES (1, 0);

-- What is searched: words as package replica sees them, one blank between two. The texts themselves are not in it.
-- keys has two words, the author and the room, so that a search for rare words of somebody reads no others.
CREATE VIRTUAL TABLE words USING fts5 (
	name, text, keys,
	content = '', contentless_delete = 1, tokenize = 'ascii'
);
