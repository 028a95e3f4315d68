package peer

import (
	"cmp"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"earshot/discovery/lan"
	"earshot/protocol"
	"earshot/protocol/replica"
	"earshot/protocol/trace"
)

// Lobby is the public room that everybody is in from the start.
const Lobby = "lobby"

// Config is what a node is made of. Identity, Network and Name are needed; every other field has a working zero value.
type Config struct {
	Identity *protocol.Identity
	Network  *protocol.Network
	Name     string

	Interfaces   []string         // names of the interfaces to use, empty: all that can broadcast
	Port         uint16           // of the private socket, 0: any
	AnnouncePort uint16           // shared by every instance on the LAN, 0: protocol.AnnouncePort
	Peers        []netip.AddrPort // beyond the broadcast domain; port 0: the announce port

	Store     replica.Store // nil: in memory
	Retention Retention     // of every room in the store
	ReadMarks bool          // tell the other side of a direct conversation how far it has been read, and be told; what SetReadMarks set last goes before it

	Rand  io.Reader    // nil: crypto/rand
	Trace trace.Sink   // nil: none
	Log   *slog.Logger // nil: none

	// Resume is what Node.Resume returned when the last instance on this store had ended, to go on with its log-epoch; empty:
	// with a new one. It may be used once only, and must be lost with whatever could bring an old copy of the store back.
	Resume string

	// CPU tells the processor time that this process has spent so far, for benches. nil: unknown.
	CPU func() time.Duration

	// AES tells that this machine computes AES-GCM in hardware; Start finds that out, a core alone is told.
	AES bool
	// LocalPorts gives the private ports of other instances on this host, for systems whose loopback has no broadcast.
	LocalPorts func() []uint16
	// Conn and AnnounceConn replace the real sockets.
	Conn, AnnounceConn lan.Conn
	// ListInterfaces replaces the system's list of interfaces.
	ListInterfaces func(only []string) ([]lan.Interface, error)
}

// Retention is how much of a room is kept. What is more goes while the node runs, and is not fetched again: not even
// under a Retention that would keep it.
type Retention struct {
	Days    int // since it was said; 0: DefaultDays, negative: for ever
	Entries int // the newest, though none that is still owed to somebody goes; 0: DefaultEntries, negative: all
}

// What the zero Retention keeps.
const (
	DefaultDays    = 90
	DefaultEntries = 50_000
)

// Keep is what the store has to leave.
func (r Retention) Keep(now time.Time) (k replica.Keep) {
	if days := cmp.Or(r.Days, DefaultDays); days > 0 {
		k.Since, k.Until = now.AddDate(0, 0, -days), now.Add(protocol.SkewMark)
	}
	if entries := cmp.Or(r.Entries, DefaultEntries); entries > 0 {
		k.Newest = uint64(entries)
	}
	return k
}

// CleanName is a name as others may see it: 1 to protocol.MaxName bytes of letters, digits, marks and punctuation
// without spaces, not starting with '#', '@' or '/', and without '·', which sets a key apart from a name.
func CleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", wrap(ErrBadName, "a name needs at least one letter")
	case len(name) > protocol.MaxName:
		return "", wrap(ErrBadName, "a name has at most 64 bytes")
	case strings.ContainsAny(name[:1], "#@/"):
		return "", wrap(ErrBadName, "a name starts with none of # @ /")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool {
		return r == '·' || unicode.IsSpace(r) || !unicode.IsGraphic(r)
	}):
		return "", wrap(ErrBadName, "a name has neither spaces nor · nor invisible characters")
	}
	return name, nil
}

// CleanRoom is a public room's name without its '#': lower case, 1 to protocol.MaxRoomName bytes of letters, digits, '-', '_' and '.'.
func CleanRoom(name string) (string, error) {
	name = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(name), "#"))
	ok := name != "" && len(name) <= protocol.MaxRoomName && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
		})
	if !ok {
		return "", wrap(ErrBadName, "a room name has 1 to 32 letters, digits, '-', '_' or '.'")
	}
	return name, nil
}
