package peer

// memory is where the datagrams of a turn are made. What one turn has sent is overwritten by the turn after the next.
type memory struct {
	now, before []byte
}

// memorySize is enough for what a turn sends to an instance or two; more is allocated.
const memorySize = 256 << 10

// take is room for n bytes, with length 0.
func (m *memory) take(n int) []byte {
	if cap(m.now)-len(m.now) < n {
		if n > memorySize/4 || len(m.now) > 0 && cap(m.now) >= memorySize {
			return make([]byte, 0, n)
		}
		m.now = make([]byte, 0, memorySize)
	}
	from := len(m.now)
	m.now = m.now[:from+n]
	return m.now[from : from : from+n]
}

// turn begins a new turn.
func (m *memory) turn() {
	m.now, m.before = m.before[:0], m.now
}
