package store

import (
	"context"
	"fmt"
	"strings"

	"earshot/protocol/replica"
)

// check reads the whole file through, beside its use, after an end that was not a clean one. The file stays marked as
// not cleanly ended until a check has come to its end and found nothing.
type check struct {
	stop   context.CancelFunc
	done   chan struct{}
	damage chan error // has room for what there is to tell
	sound  bool       // to be read when done is closed
}

// notNeeded is the check of a file whose last end was a clean one.
func notNeeded() *check {
	c := &check{stop: func() {}, done: make(chan struct{}), sound: true}
	close(c.done)
	return c
}

// begin checks on a connection of its own, which sees the file as it is now and holds up nobody who writes.
func begin(path string) *check {
	ctx, stop := context.WithCancel(context.Background())
	c := &check{stop: stop, done: make(chan struct{}), damage: make(chan error, 1)}
	go func() {
		defer close(c.done)
		err := quick(ctx, path)
		if c.sound = err == nil; !c.sound && ctx.Err() == nil {
			c.damage <- explain(path, err)
		}
	}()
	return c
}

// quick is nil if all pages and the full-text index are in order.
func quick(ctx context.Context, path string) error {
	db, err := openReader(path, "mode=ro")
	if err != nil {
		return err
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict = verdict[strings.LastIndexByte(verdict, '\n')+1:]; verdict != "ok" { // below the name of the database
		return fmt.Errorf("%w (%s)", replica.ErrCorrupt, verdict)
	}
	return nil
}

// end ends the check, wherever it is, and tells whether it found the file sound.
func (c *check) end() (sound bool) {
	c.stop()
	<-c.done
	return c.sound
}

// Damage gives what is found to be wrong with the file while it is used: at most one error, replica.ErrCorrupt or one
// of reading it. The store goes on with what can still be read and written.
func (s *Store) Damage() <-chan error { return s.check.damage }
