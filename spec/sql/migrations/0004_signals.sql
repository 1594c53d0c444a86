-- Signals that came before any node of their run waited for them; taken out when one does.
CREATE TABLE run_signals (
	rid INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	name TEXT NOT NULL,
	data TEXT,
	time_ms INTEGER NOT NULL,
	PRIMARY KEY (rid, seq)
) WITHOUT ROWID;
