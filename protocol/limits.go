package protocol

import "time"

// Every number of the protocol, with its reason. SPEC.md section 9 lists the ones that a second implementation must share.
const (
	// Version is the first element of every datagram.
	Version = 1

	// AnnouncePort is the shared UDP port of announcements and casts.
	AnnouncePort = 24816

	// MaxDatagram is the UDP payload sent: fits every Ethernet and Wi-Fi link without IP fragmentation. Bytes.
	MaxDatagram = 1200
	// MaxReceive is the largest datagram looked at that no session vouches for. Bytes.
	MaxReceive = 1500
	// MaxPacket is the largest packet: what an Ethernet with jumbo frames of 9,000 bytes carries. Bytes.
	MaxPacket = 9000 - 20 - 8
	// MaxDepth and MaxElements bound what a strict scan accepts.
	MaxDepth    = 8
	MaxElements = 1024
	// MaxSafeInteger is the greatest integer in an entry: what an IEEE double holds exactly.
	MaxSafeInteger = 1<<53 - 1

	// MaxText is the longest text of one entry. Bytes.
	MaxText = 16 << 10
	// MaxEntry is the longest signed entry: MaxText, a name, and the fixed fields. Bytes.
	MaxEntry = MaxText + 1024
	// MaxTopic is the longest topic of a room. Bytes.
	MaxTopic = 256
	// MaxBody is the longest body of an entry: MaxText, a name, and what sealing adds. Bytes.
	MaxBody = MaxText + 512
	// MinSealed is the shortest sealed text: an X25519 public key and a Poly1305 tag around nothing. Bytes.
	MinSealed = 32 + 16
	// MaxWall is the latest wall time of an entry, in ms since 1970 (the year 6429): later ones fit neither
	// a UUID of version 7 nor, soon, RFC 3339.
	MaxWall = 1<<47 - 1
	// MaxName and MaxRoomName bound names. Bytes.
	MaxName     = 64
	MaxRoomName = 32
	// MaxRooms is how many public rooms one Self may list: the longest Self still fits one packet.
	MaxRooms = 20
	// MaxPeersFrame is how many addresses one Peers frame may list.
	MaxPeersFrame = 16
	// MaxAckRanges is how many ranges one Ack may list.
	MaxAckRanges = 32
	// MaxCastEntries is how many entries one cast may carry: the header of their array stays one byte.
	MaxCastEntries = 15
	// MaxParts is how many parts one entry may be cut into, PartSize how much of it one carries, so that a Part fills
	// a packet beside a short acknowledgement. Bytes.
	MaxParts = 64
	PartSize = 1000
	// MaxAway, MaxReason and MaxSelfKey bound the away text, the reason of a Close, and the key field of a Self. Bytes.
	MaxAway    = 128
	MaxReason  = 128
	MaxSelfKey = 256
	// MaxAckDelay is the longest delay an Ack can tell, in the unit of the wire: microseconds.
	MaxAckDelay = 1<<32 - 1
)

// Discovery (SPEC section 3).
const (
	// AnnounceInterval is the least time between two announcements of one instance, once its first burst is over.
	AnnounceInterval = 2 * time.Second
	// AnnounceBudget is how many announcements a second the whole LAN may carry.
	AnnounceBudget = 25
	// AnnounceJitter is the share by which an interval varies, up or down.
	AnnounceJitter = 0.25

	// PingInterval and PingLimit: a silent peer is pinged this often, and is offline when so many pings found no answer.
	// Together 1.8 s; twice as dense as the least that notices a dead peer in time, because at 30 % loss each way
	// a ping and its answer get through with probability 0.49 only.
	PingInterval = 75 * time.Millisecond
	PingLimit    = 24
	// SilenceIntervals is how many announce intervals of silence start the pings.
	SilenceIntervals = 1.5
	// ForgeableIntervals is how many announce intervals announcements alone may postpone a ping.
	ForgeableIntervals = 10

	// PingLimitLate bounds the unanswered pings to a silent peer after own lateness or a change of interfaces.
	PingLimitLate = 4 * PingLimit
	// LateAfter is how far behind its deadline a node must be to count as late itself.
	LateAfter = 150 * time.Millisecond
	// BurstSpacing is the least time between an announcement and the first of another burst.
	BurstSpacing = 200 * time.Millisecond
	// CandidateIntervals is how many announce intervals of silence make a candidate forgotten.
	CandidateIntervals = 10
	// TombstoneTime is how long announcements of an instance that left are refused, MaxTombstones how many are kept.
	TombstoneTime = 30 * time.Second
	MaxTombstones = 1024

	// MaxPaths is how many paths to one instance are kept.
	MaxPaths = 4
	// ChallengeMin and ChallengeMax bound the pause, doubling, between challenges of one path that does not answer.
	ChallengeMin = time.Second
	ChallengeMax = time.Minute
	// ChallengeBurst bounds the challenges for one instance in any four seconds, ChallengeRate all of them in any second.
	ChallengeBurst     = 4
	ChallengeBurstTime = 4 * time.Second
	ChallengeRate      = 20

	// MaxCandidates bounds candidates from announcements, in all, per source address, and per loopback address.
	MaxCandidates         = 1024
	MaxCandidatesPerAddr  = 16
	MaxCandidatesLoopback = 64

	// HandshakeSpread is the time per known peer, HandshakeSpreadMin the least, over which handshakes with a newcomer are spread.
	HandshakeSpread    = 20 * time.Millisecond
	HandshakeSpreadMin = 50 * time.Millisecond
	// ConnectRate and ConnectLimit bound own handshake attempts: per second, and at once.
	ConnectRate  = 20
	ConnectLimit = 32
	// ConnectTimeout ends an attempt of which nothing more was heard: longer than any handshake takes.
	ConnectTimeout = 10 * time.Second
	// RetryMin and RetryMax bound the pause after a failed handshake: 5, 10 … 60 s.
	RetryMin = 5 * time.Second
	RetryMax = 60 * time.Second
	// HintTries is how many handshakes with somebody whom a Peers frame has named are tried, heard of or not.
	HintTries = 4
	// IntroduceAfter is how long no announcement of an instance must have come for it to be introduced to the others:
	// longer than a burst lasts.
	IntroduceAfter = 6 * time.Second
)

// Sessions (SPEC section 4).
const (
	// HandshakeSize is the size to which message 1 is padded, so that no reply is longer than its request. Bytes.
	HandshakeSize = 512
	// HandshakeRepeat is the first pause before a handshake message is repeated; it doubles, varies by HandshakeJitter, HandshakeTries times.
	HandshakeRepeat = 100 * time.Millisecond
	HandshakeJitter = 0.10
	HandshakeTries  = 5
	// GlareResume is when the attempt that gave way goes on.
	GlareResume = time.Second
	// ReplayWindow is how many packet numbers below the greatest are still told apart.
	ReplayWindow = 8128
	// RekeyAfter and RekeyPackets start a new session, ExpireAfter ends the old one. The packets are what AES-GCM
	// may seal under one key, of up to 2,048 bytes each (RFC 9001 appendix B.1.1).
	RekeyAfter   = 10 * time.Minute
	RekeyPackets = 1 << 28
	ExpireAfter  = 15 * time.Minute
	// RetiredTime is how long packets of a replaced session are still taken.
	RetiredTime = 5 * time.Second
	// CloseCopies is how often a leaving node sends its Close: nothing acknowledges it.
	CloseCopies = 4
	// MaxHalfOpen bounds unfinished handshakes of others, CookieFrom is how many of them make cookies necessary.
	MaxHalfOpen = 64
	CookieFrom  = 8
	// MaxHalfOpenPerSource bounds them per source address, on loopback per address and port.
	MaxHalfOpenPerSource = 8
	// HalfOpenTimeout is how long a handshake stays unfinished after its latest message 1:
	// longer than the initiator's last repetition of message 3 can take.
	HalfOpenTimeout = 3 * time.Second
	// CookieLifetime is how long the secret behind cookies is the newest; for as long again it is still good.
	CookieLifetime = 2 * time.Minute
	// MaxPacketNumber is the greatest number that a session may use; it will have expired long before.
	MaxPacketNumber = 1<<60 - 1
)

// The reliable channel (SPEC section 6), after RFC 9002.
const (
	// PacketThreshold and the time threshold 9/8 declare a packet lost (RFC 9002 section 6.1).
	PacketThreshold = 3
	// Granularity is the timer granularity (RFC 9002 section 6.1.2).
	Granularity = time.Millisecond
	// InitialRTT is assumed until the handshake or a packet gives a sample.
	InitialRTT = 50 * time.Millisecond
	// ThinPackets: with fewer in flight, the first LinearTimeouts probe timeouts do not double.
	ThinPackets    = 4
	LinearTimeouts = 6
	// MaxProbeTimeout bounds the back-off.
	MaxProbeTimeout = 10 * time.Second
	// SilenceReset is the silence after which the first sign of life resets the back-off.
	SilenceReset = 2 * time.Second
	// SessionTimeout without any acknowledgement ends a session.
	SessionTimeout = 30 * time.Second
	// AckDelay is the longest an Ack for bulk waits; chat is acknowledged at once.
	AckDelay = 5 * time.Millisecond
	// RateSpan is the least time over which a speed is measured, and a round lasts at least: loops, timers and offloads send
	// and read in bursts of about a millisecond.
	RateSpan = 2 * time.Millisecond
	// Slack is for how long packets may be in flight beyond the round trip, because of these bursts, at high speeds;
	// at low ones so much that its square is SlackScale times the speed: 8 kB at 10 Mbit/s, 25 kB at 100.
	Slack      = time.Millisecond
	SlackScale = 50
	// LeastSlack bounds what a short queue takes away of it: at high speeds less than one burst would be left.
	LeastSlack = 500 * time.Microsecond
	// QuietQueue is a queue that counts as none, because that is how exactly round trips are measured.
	QuietQueue = 500 * time.Microsecond
	// MaxBunch bounds the time in which Acks that come in bunches are believed to come, BunchAge/2 to BunchAge how long it is remembered.
	MaxBunch = 2 * time.Millisecond
	BunchAge = 500 * time.Millisecond
	// MaxBurst is how many datagrams the pacer collects at most before it lets them go: what one write takes with segmentation offload.
	MaxBurst = 44
	// BareInterval is for how long the shortest round trip may not have been seen before a sender empties its share of the queue to see it,
	// BareTime how long it does: who does so lets the others see it too, and all do it together from then on.
	BareInterval = 500 * time.Millisecond
	BareTime     = 10 * time.Millisecond
	// MinTripAge is how long the shortest round trip is believed in.
	MinTripAge = 10 * time.Second
	// MaxQueue is the queue, as time, above which a sender sends less; CrowdedQueue the one that shows, if it remains then, that others fill it.
	MaxQueue     = 5 * time.Millisecond
	CrowdedQueue = 8 * time.Millisecond
	// LossMemory is over how many packets the baseline of loss is taken, LossExperience the least for it to be believed in full.
	LossMemory     = 512
	LossExperience = 32
	// LossTest is how many packets it takes at most to find out that more are lost.
	LossTest = 128
	// LossHalfLife is the silence in which half of the measured loss is forgotten.
	LossHalfLife = 5 * time.Second
	// RepeatAbove is the measured loss, in percent, from which small frames are repeated ahead of loss, up to SmallFrame bytes, in at most MaxCopies
	// packets more, until less than ResidualLoss percent are lost in all of them.
	RepeatAbove  = 3
	ResidualLoss = 1
	SmallFrame   = 300
	MaxCopies    = 4
	// InitialWindow and MinWindow bound the congestion window, in datagrams (RFC 9002 section 7.2, where the least is 2).
	// With 4 in flight the packet threshold can find a loss: at 30 % random loss that halves the time 200 lines take.
	InitialWindow = 10
	MinWindow     = 4
	// PersistentCongestion is the least time over which everything must have been lost before that collapses the window:
	// three probe timeouts of a LAN (RFC 9002 section 7.6) are a moment of bad radio.
	PersistentCongestion = 500 * time.Millisecond
	// MaxTracked bounds the packets in flight: half the replay window, so that a late one is never taken for a replay.
	MaxTracked = ReplayWindow / 2
	// MaxSkipped is how many of the packet numbers skipped last are remembered.
	MaxSkipped = 32
	// PathTries is how often a PathChallenge is sent, PathTimeout the pause between.
	PathTries   = 5
	PathTimeout = 250 * time.Millisecond
	// QuietPath is how long the present address may be silent before another one that answers takes its place.
	QuietPath = 3 * time.Second
	// AmplificationFactor bounds what goes to an address that has not been validated (RFC 9000 section 8).
	AmplificationFactor = 3

	// Reassembly of entries in parts: entries per peer, bytes per peer, bytes in all, and how long.
	MaxPartial        = 8
	MaxPartialBytes   = 4 << 20
	MaxPartialAll     = 64 << 20
	PartialTimeout    = 30 * time.Second
	SessionFlowWindow = 1 << 20

	// Streams (SPEC section 6.16): the credit that each has from the start, the most that one may have, the credit of all together, bytes;
	// and how many there may be in each direction.
	StreamWindow    = 256 << 10
	MaxStreamWindow = 4 << 20
	SessionWindow   = 8 << 20
	MaxStreams      = 16
)

// Rooms (SPEC sections 7 and 8).
const (
	// HaveSpread is the time per online member over which Haves are spread, HaveSpreadMin the least.
	HaveSpread    = 100 * time.Microsecond
	HaveSpreadMin = time.Millisecond
	// HaveTimeoutMin and HaveTimeoutMax bound how long the Haves for a line may take, ResendMax the pause, doubling,
	// between two sendings of it to somebody who is online.
	HaveTimeoutMin = 5 * time.Millisecond
	HaveTimeoutMax = time.Second
	ResendMax      = 5 * time.Second
	// LateHaves is how many Haves of somebody in a row must come after their timeout before it grows: fewer tell of loss.
	LateHaves = 8
	// BenchSpread is the time per session over which replies to a bench cast are spread, BenchTimeoutMin the least Have timeout
	// of a bench with everybody (SPEC section 5.14).
	BenchSpread     = 10 * time.Microsecond
	BenchTimeoutMin = 2 * time.Millisecond
	// MaxOwed is how many own lines await Haves; what is beyond is left to vectors.
	MaxOwed = 4096
	// CastAbove is how many online members make a cast cheaper than sessions.
	CastAbove = 2
	// VectorInterval is how often vectors are exchanged with one random peer, varied by VectorJitter.
	VectorInterval = 30 * time.Second
	VectorJitter   = 0.20
	// DigestMin and DigestMax spread the vectors that follow a changed announcement digest.
	DigestMin = 100 * time.Millisecond
	DigestMax = time.Second
	// WantMin and WantMax spread the first Want, WantBackoff·2^n up to WantBackoffMax the later ones.
	WantMin        = 20 * time.Millisecond
	WantMax        = 80 * time.Millisecond
	WantBackoff    = 100 * time.Millisecond
	WantBackoffMax = 5 * time.Second
	// WantWindow is how many entries one peer is asked for at once, WantBacklog once FirstPage of the room have been asked for:
	// older entries must not crowd out what is said now.
	WantWindow  = 256
	WantBacklog = 64
	// MaxRanges is how many ranges one Have, Want or log of a Vector lists, so that one datagram holds it.
	MaxRanges = 48
	// MaxVectors is how many Vectors answer one Vector; the next answer to the same peer goes on from there.
	MaxVectors = 256
	// MaxClaims is how many logs are remembered that one peer has and we lack.
	MaxClaims = 4096
	// WantTries is how often a number is asked for before it is forgotten until the next Vector: nobody may have it any more.
	WantTries = 8
	// FirstPage is how many of the newest entries of a room a late joiner asks for first.
	FirstPage = 500
	// LamportLeap is how far above the greatest known clock an entry may be and still advance it.
	LamportLeap = 1 << 20
	// AudienceAge is how recently a member must have been seen to be counted in a line's audience.
	AudienceAge = 7 * 24 * time.Hour
	// LeaveTimeout is how long a leaving node waits for the last Haves.
	LeaveTimeout = 500 * time.Millisecond
	// SkewMark is the difference of clocks that is marked on the screen.
	SkewMark = 5 * time.Minute
)

// Sealed direct messages, and carrying them for those who are away (SPEC sections 7.7 and 8.5).
const (
	// MailKeyAge is how long a mail key is the newest, MailKeyKept for how much longer its private half is kept. Both count
	// the owner's own running time, so that who was away for months can still open what was sealed before.
	MailKeyAge  = 30 * 24 * time.Hour
	MailKeyKept = 40 * 24 * time.Hour
	// MaxMailKeys is how many private halves these two can leave at once.
	MaxMailKeys = 3
	// MailKeySave is how much running time the file of the keys may lag behind.
	MailKeySave = time.Hour
	// MailAwayAfter is how long somebody may be silent before a direct line is sealed, so that others can carry it.
	MailAwayAfter = 3 * time.Second
	// MailCarriers is how many peers an author wants to carry a line, MailAnswer how long one is waited for before another is asked.
	MailCarriers = 3
	MailAnswer   = 5 * time.Second
	// MailAge is how long a carrier keeps an entry, from when it took it, and an author looks for carriers, from when he said it.
	MailAge = 7 * 24 * time.Hour
	// AuthorBytes is how much of one author is stored in a day, StrangerBytes of one with whom there never was a session.
	// Bytes of entries.
	AuthorBytes   = 16 << 20
	StrangerBytes = 1 << 20
	// MailPerLog and MailLogBytes bound what is carried of one author in one room, MailPerRoom and MailRoomBytes in one
	// room, MailPerAuthor and MailAuthorBytes of one author, MailTotal and MailTotalBytes in all: rooms cost nothing to
	// invent, and keys hardly more. Entries, and bytes of entries.
	MailPerLog      = 20
	MailLogBytes    = 128 << 10
	MailPerRoom     = 200
	MailRoomBytes   = 1 << 20
	MailPerAuthor   = 200
	MailAuthorBytes = 1 << 20
	MailTotal       = 2000
	MailTotalBytes  = 16 << 20
)

// Limits against abuse (SPEC section 9).
const (
	// UnauthenticatedPerSource and UnauthenticatedAll bound datagrams that no session vouches for, per second.
	UnauthenticatedPerSource = 200
	UnauthenticatedAll       = 2000
	// CastPerPath bounds casts from the address of a live session, per second.
	CastPerPath = 30000
	// HandshakePerSource, HandshakeBurst and HandshakeAll bound answered handshakes, per second.
	HandshakePerSource = 20
	HandshakeBurst     = 5
	HandshakeAll       = 50
	// CastChecks and CastChecksUnknown bound signature checks of entries from casts, per second:
	// in all, and for each author without a session.
	CastChecks        = 1000
	CastChecksUnknown = 20
	// BadSignatures within BadSignatureTime close the session that they came through.
	BadSignatures    = 10
	BadSignatureTime = time.Minute
	// MaxEvents is how many events wait for a view before they become one Resync.
	MaxEvents = 10000
)
