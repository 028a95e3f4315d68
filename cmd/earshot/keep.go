package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"earshot/peer/store"
	"earshot/protocol/replica"
)

// historyFile is what a profile remembers: a database, with two more files beside it while it is open.
const historyFile = "history.db"

func historyPath(home, profile string) string { return filepath.Join(home, profile, historyFile) }

// openStore opens what the profile remembers. Where that cannot be, the chat goes on in memory, and trouble says why and
// what to do: a file that is refused stays as it is.
func (p *profile) openStore() (s replica.Store, trouble string) {
	db, err := store.Open(filepath.Join(p.dir, historyFile))
	if err != nil {
		return replica.NewMemStore(), notKept(err)
	}
	return db, ""
}

// notKept is the trouble of a chat that goes on in memory.
func notKept(err error) string {
	return "nothing is kept, what is said is gone at the end: " + storeTrouble(err)
}

// storeTrouble is an error of the store in words for somebody who knows only their files.
func storeTrouble(err error) string {
	text := strings.TrimPrefix(err.Error(), "store: ")
	switch {
	case errors.Is(err, replica.ErrReadOnly) && errors.Is(err, fs.ErrPermission):
		text += ": it has to belong to you, mode 0600"
	case errors.Is(err, replica.ErrFull), errors.Is(err, store.ErrInUse), errors.Is(err, replica.ErrReadOnly):
		text += ", then start earshot again"
	}
	return text
}

// inMemory is what --no-history says on the screen.
const inMemory = "--no-history: what is said is gone at the end"

// openKept opens the profile's store for a command that changes it without a node.
func (p *profile) openKept() (*store.Store, error) {
	s, err := store.Open(filepath.Join(p.dir, historyFile))
	if err != nil {
		return nil, errors.New(storeTrouble(err))
	}
	return s, nil
}

// busy explains to a command that needs the profile for itself why it cannot have it.
func busy(profile string, err error, todo string) error {
	if errors.Is(err, errInUse) {
		return fmt.Errorf("profile %s is open in another earshot: %s", profile, todo)
	}
	return err
}
