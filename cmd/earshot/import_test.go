package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/replica"
	"earshot/protocol/replica/storetest"
)

// What retention takes away again is told by those who bring it.
func TestImportTellsWhatGoesAgain(t *testing.T) {
	w := storetest.WritesIn(protocol.OpenNetwork().PublicRoom("go"), "alice", 1)
	w.Wall = time.Now().AddDate(-1, 0, 0)
	said := w.Says(3)
	w.Wall = time.Now()
	said = append(said, w.Says(2)...)
	var archive, complaints, report bytes.Buffer
	for _, v := range said {
		if err := (jsonFormat{&archive}).entry(peer.Room{Name: "#go"}, peer.Message{}, true, replica.Stored{Verified: v}); err != nil {
			t.Fatal(err)
		}
	}
	s := replica.NewMemStore()
	for _, want := range []string{
		"5 new, 0 known, 0 refused\n3 of the new go again a minute after the next start: [history] in 'earshot config' says how much is kept\n",
		"0 new, 5 known, 0 refused\n",
	} {
		i, err := newImporter(s, protocol.PeerID{}, peer.Retention{}.Keep(time.Now()), &complaints)
		if err != nil {
			t.Fatal(err)
		}
		if err := i.run(t.Context(), strings.NewReader(archive.String())); err != nil {
			t.Fatal(err)
		}
		report.Reset()
		if i.report(&report); report.String() != want || complaints.Len() > 0 {
			t.Errorf("%s%s, want %s", &report, &complaints, want)
		}
	}
}
