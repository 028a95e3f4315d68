package discovery

import (
	"slices"
	"time"

	"earshot/protocol"
)

// paths are the proven ways to one live instance, the best one first.
type paths []provenPath

type provenPath struct {
	protocol.Path
	answered time.Time // last authenticated packet known to have come by it
	heard    time.Time // last announcement
}

func (p paths) index(path protocol.Path) int {
	return slices.IndexFunc(p, func(x provenPath) bool { return x.Path == path })
}

func (p paths) list() []protocol.Path {
	out := make([]protocol.Path, len(p))
	for i, x := range p {
		out[i] = x.Path
	}
	return out
}

// hear notes an announcement and tells whether its path is a proven one.
func (p paths) hear(now time.Time, path protocol.Path) bool {
	i := p.index(path)
	if i < 0 {
		return false
	}
	p[i].heard = now
	return true
}

// use puts a path first: what was just proven comes before what was proven once.
func (p *paths) use(now time.Time, path protocol.Path) {
	x := provenPath{Path: path, answered: now, heard: now}
	if i := p.index(path); i >= 0 {
		*p = slices.Delete(*p, i, i+1)
	} else if len(*p) == protocol.MaxPaths {
		*p = (*p)[:protocol.MaxPaths-1]
	}
	*p = slices.Insert(*p, 0, x)
}

// add keeps a path that works beside the better ones.
func (p *paths) add(now time.Time, path protocol.Path) {
	if p.index(path) < 0 && len(*p) < protocol.MaxPaths {
		*p = append(*p, provenPath{Path: path, answered: now, heard: now})
	}
}

// answer notes an authenticated packet by a path. It puts the path first only if the first one gave no answer for
// as long as silence: of two that work, the one in use stays in use.
func (p paths) answer(now time.Time, path protocol.Path, silence time.Duration) {
	i := p.index(path)
	if i < 0 {
		return
	}
	p[i].answered = now
	if x := p[i]; i > 0 && now.Sub(p[0].answered) > silence {
		copy(p[1:i+1], p[:i])
		p[0] = x
	}
}

// prune forgets the paths behind the first one that gave no sign for as long as silence.
func (p *paths) prune(now time.Time, silence time.Duration) {
	for i := len(*p) - 1; i > 0; i-- {
		if x := (*p)[i]; now.Sub(later(x.answered, x.heard)) > silence {
			*p = slices.Delete(*p, i, i+1)
		}
	}
}

// candidatePath is where somebody announces a live instance from, though it never answered there.
type candidatePath struct {
	protocol.Path
	heard time.Time
	pause time.Duration // after the last challenge
	next  time.Time     // challenge at the earliest
}

// candidatePaths holds up to protocol.MaxPaths; the one that was heard longest ago goes first.
type candidatePaths []candidatePath

func (c *candidatePaths) remove(path protocol.Path) {
	*c = slices.DeleteFunc(*c, func(x candidatePath) bool { return x.Path == path })
}

func (c *candidatePaths) hear(now time.Time, path protocol.Path) *candidatePath {
	list := *c
	i := slices.IndexFunc(list, func(x candidatePath) bool { return x.Path == path })
	switch {
	case i >= 0:
	case len(list) < protocol.MaxPaths:
		*c = append(list, candidatePath{Path: path})
		i, list = len(list), *c
	default:
		i = 0
		for k := range list {
			if list[k].heard.Before(list[i].heard) {
				i = k
			}
		}
		list[i] = candidatePath{Path: path}
	}
	list[i].heard = now
	return &list[i]
}

// challenged doubles the pause before the next challenge.
func (c *candidatePath) challenged(now time.Time) {
	c.pause = min(max(2*c.pause, protocol.ChallengeMin), protocol.ChallengeMax)
	c.next = now.Add(c.pause)
}
