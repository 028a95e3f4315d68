package main

import (
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/protocol"
	"earshot/ui"
)

// The objects of `listen --json`. The names of their fields are stable.
type (
	messageJSON struct {
		Type   string          `json:"type"`
		ID     uuid.UUID       `json:"id"`
		Room   string          `json:"room"`
		From   string          `json:"from"`
		Peer   protocol.PeerID `json:"peer"`
		Text   string          `json:"text"`
		Action bool            `json:"action,omitempty"`
		Time   time.Time       `json:"time"`
	}
	personJSON struct {
		Type   string          `json:"type"`
		Peer   protocol.PeerID `json:"peer"`
		Name   string          `json:"name"`
		Addr   netip.AddrPort  `json:"address"`
		Reason string          `json:"reason,omitempty"`
	}
	deliveredJSON struct {
		Type string          `json:"type"`
		ID   uuid.UUID       `json:"id"`
		Peer protocol.PeerID `json:"peer"`
	}
)

func printJSON(w io.Writer, e peer.Event) error {
	switch e := e.(type) {
	case peer.Message:
		return writeJSON(w, messageJSON{"message", e.ID, e.Room.Name, e.Name, e.Author, e.Text, e.Action, e.Time.UTC()})
	case peer.Joined:
		return writeJSON(w, personJSON{"joined", e.Person.ID, e.Person.Name, e.Person.Addr, ""})
	case peer.Left:
		return writeJSON(w, personJSON{"left", e.Person.ID, e.Person.Name, e.Person.Addr, e.Reason})
	case peer.Delivered:
		return writeJSON(w, deliveredJSON{"delivered", e.ID, e.Peer})
	}
	return nil
}

func printText(w io.Writer, e peer.Event) error {
	var err error
	switch e := e.(type) {
	case peer.Message:
		who := label(e.Name, e.Author) + ":"
		if e.Action {
			who = "* " + label(e.Name, e.Author)
		}
		_, err = fmt.Fprintf(w, "%s %s %s %s\n", clock(e.Time), roomName(e.Room), who, ui.Safe(e.Text))
	case peer.Joined:
		_, err = fmt.Fprintf(w, "%s + %s is here, at %s\n", clock(e.Person.Since), label(e.Person.Name, e.Person.ID), e.Person.Addr)
	case peer.Left:
		_, err = fmt.Fprintf(w, "%s - %s has gone: %s\n", clock(e.Person.Since), label(e.Person.Name, e.Person.ID), ui.Safe(e.Reason))
	}
	return err
}

// clock is the time of day as people here read it.
func clock(t time.Time) string { return t.Local().Format("15:04") }
