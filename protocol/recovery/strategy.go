package recovery

import (
	"fmt"

	"earshot/protocol"
)

// Policy is what a Sender does about loss. The receiver does not care which it is.
type Policy uint8

// The policies, after the chapters of every course on networks. SelectiveRepeat is what people should use; the others teach why.
const (
	SelectiveRepeat Policy = iota // what is lost, and nothing else, is owed again
	GoBackN                       // what is lost and all that was sent after it is owed again
	StopAndWait                   // one packet in flight at a time
	None                          // nothing is owed again, nobody asks: fire and forget
)

var policyNames = [...]string{"selective-repeat", "go-back-n", "stop-and-wait", "none"}

func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("policy %d", uint8(p))
}

// ParsePolicy reads what String writes.
func ParsePolicy(name string) (Policy, error) {
	for i, n := range policyNames {
		if n == name {
			return Policy(i), nil
		}
	}
	return 0, fmt.Errorf("recovery: no policy %q", name)
}

// strategy is what tells one policy from another (SPEC section 6.14).
type strategy interface {
	// most is how many packets may be in flight, probes aside.
	most() int
	// again tells whether what was lost is owed again, rest whether all that was sent after it is owed again with it.
	again() bool
	rest() bool
	// probes is how many packets a timeout asks for with so many in flight and so many copies advised.
	// 0: a timeout gives up everything in flight instead.
	probes(inFlight, copies int) int
	// ahead tells whether small frames may be repeated ahead of loss.
	ahead() bool
}

func (p Policy) strategy() strategy {
	switch p {
	case None:
		return none{}
	case StopAndWait:
		return stopAndWait{}
	case GoBackN:
		return goBackN{}
	}
	return selectiveRepeat{}
}

type selectiveRepeat struct{}

func (selectiveRepeat) most() int   { return protocol.MaxTracked }
func (selectiveRepeat) again() bool { return true }
func (selectiveRepeat) rest() bool  { return false }
func (selectiveRepeat) ahead() bool { return true }

// Two if more than one packet is in flight (RFC 9002 section 6.2.4), or if so much is lost that one is too few.
func (selectiveRepeat) probes(inFlight, copies int) int { return min(inFlight+copies, 2) }

type goBackN struct{ selectiveRepeat }

func (goBackN) rest() bool          { return true }
func (goBackN) ahead() bool         { return false }
func (goBackN) probes(_, _ int) int { return 0 }

type stopAndWait struct{ selectiveRepeat }

func (stopAndWait) most() int           { return 1 }
func (stopAndWait) ahead() bool         { return false }
func (stopAndWait) probes(_, _ int) int { return 1 }

type none struct{ selectiveRepeat }

func (none) again() bool         { return false }
func (none) ahead() bool         { return false }
func (none) probes(_, _ int) int { return 0 }
