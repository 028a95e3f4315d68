// Package discovery knows who is on the LAN. It is two machines without clock, socket or goroutine:
//
//   - An [Announcer] says when this instance announces itself: four times in the first four seconds after a [Announcer.Burst],
//     then so rarely that the whole LAN carries about protocol.AnnounceBudget announcements a second, however many take part.
//   - A [Roster] hears the announcements of others and says what to do about them: connect to a newcomer, ping somebody
//     silent, try another address, give somebody up.
//
// What is believed of whom:
//
//	announcement ──▶ candidate ── Connect, handshake ──▶ live ── PingLimit pings without answer ──▶ forgotten
//	                  │  ▲ Failed: 5, 10 … 60 s            │
//	                  ▼                                    ├── Left (it said so) ──▶ tombstone, 30 s
//	              silent: forgotten                        └── Lost (its session ended otherwise) ──▶ forgotten
//
// An announcement is a hint that anybody can forge. It makes or refreshes a candidate, and it lets a live instance be
// silent a while longer; it never changes a session, the path of one, or a name. Everything else is told by whoever owns
// the sessions, with Proven, Life, Answered, Moved, Failed, Left and Lost.
//
// Both machines have the verbs of every machine here. Deadline is when Advance must be called at the latest, the zero time
// when nothing is due; calling earlier or more often does no harm. Where a Roster finds that its Advance came late, it
// concludes that it was itself asleep or overloaded, and gives the others more time.
//
// The rules and layouts are SPEC section 3.
package discovery
