package store

import (
	"embed"
	"fmt"
	"io/fs"
)

// applicationID marks the files of this program (PRAGMA application_id): "ears".
const applicationID = 0x65617273

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations is the steps from an empty file to the present schema. A file's PRAGMA user_version is how many it has
// behind it. A step that was once released is never changed.
func migrations() []string {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		panic(err)
	}
	var steps []string
	for _, name := range names {
		b, err := migrationFiles.ReadFile(name)
		if err != nil {
			panic(err)
		}
		steps = append(steps, string(b))
	}
	return steps
}

// migrate brings a file from a version to the newest, all or nothing.
func (w *writer) migrate(from int, steps []string) error {
	if from == len(steps) {
		return nil
	}
	return w.transact(func() error {
		for n, step := range steps[from:] {
			if _, err := w.conn.ExecContext(background, step); err != nil {
				return fmt.Errorf("migration %d: %w", from+n+1, err)
			}
		}
		// Numbers of our own: a PRAGMA takes no parameters.
		_, err := w.conn.ExecContext(background, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, len(steps)))
		return err
	})
}
