package peer

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"earshot/protocol"
)

// gate lets only so many datagrams through that no session vouches for (SPEC section 9).
type gate struct {
	all        *rate.Limiter
	handshakes *rate.Limiter
	checks     *rate.Limiter // signatures of entries from casts
	sources    map[netip.AddrPort]*source
	authors    map[protocol.PeerID]*rate.Limiter
}

// source is one address and port.
type source struct {
	any, handshakes, casts *rate.Limiter
	seen                   time.Time
}

// maxSources bounds what is remembered of sources and authors; beyond it the quiet ones are forgotten.
const maxSources = 4096

func newGate() *gate {
	return &gate{
		all:        rate.NewLimiter(protocol.UnauthenticatedAll, protocol.UnauthenticatedAll),
		handshakes: rate.NewLimiter(protocol.HandshakeAll, protocol.HandshakeAll),
		checks:     rate.NewLimiter(protocol.CastChecks, protocol.CastChecks),
		sources:    map[netip.AddrPort]*source{},
		authors:    map[protocol.PeerID]*rate.Limiter{},
	}
}

// admit tells whether an unauthenticated datagram may be looked at. live: it comes from the address of a session.
func (g *gate) admit(now time.Time, from netip.AddrPort, kind protocol.Kind, live bool) bool {
	if live && (kind == protocol.KindCast || kind == protocol.KindBench) {
		return g.source(now, from).casts.AllowN(now, 1)
	}
	s := g.source(now, from)
	if !s.any.AllowN(now, 1) || !g.all.AllowN(now, 1) {
		return false
	}
	return true
}

// answer tells whether one more handshake may be answered. It is asked for those alone that come from within the network.
func (g *gate) answer(now time.Time, from netip.AddrPort) bool {
	return g.source(now, from).handshakes.AllowN(now, 1) && g.handshakes.AllowN(now, 1)
}

func (g *gate) source(now time.Time, from netip.AddrPort) *source {
	s := g.sources[from]
	if s == nil {
		if len(g.sources) >= maxSources {
			for k, v := range g.sources {
				if now.Sub(v.seen) > time.Second {
					delete(g.sources, k)
				}
			}
			if len(g.sources) >= maxSources {
				clear(g.sources)
			}
		}
		s = &source{
			any:        rate.NewLimiter(protocol.UnauthenticatedPerSource, protocol.UnauthenticatedPerSource),
			handshakes: rate.NewLimiter(protocol.HandshakePerSource, protocol.HandshakeBurst),
			casts:      rate.NewLimiter(protocol.CastPerPath, protocol.CastPerPath),
		}
		g.sources[from] = s
	}
	s.seen = now
	return s
}

// check tells whether the signature of an entry from a cast may be checked. met: there is a session with its author.
func (g *gate) check(now time.Time, author protocol.PeerID, met bool) bool {
	if !met {
		l := g.authors[author]
		if l == nil {
			if len(g.authors) >= maxSources {
				clear(g.authors)
			}
			l = rate.NewLimiter(protocol.CastChecksUnknown, protocol.CastChecksUnknown)
			g.authors[author] = l
		}
		if !l.AllowN(now, 1) {
			return false
		}
	}
	return g.checks.AllowN(now, 1)
}
