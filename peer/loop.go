package peer

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"earshot/discovery/lan"
)

// watchEvery is how often the interfaces are read even if the system reports no change, and a sleep is looked for.
const watchEvery = 5 * time.Second

// sleepMark is how far the wall clock may run ahead of the monotonic one, which stands still in a sleep, before
// the machine counts as having slept.
const sleepMark = 2 * time.Second

// loop owns the core: everything reaches it through the inbox, the arrived datagrams or the alarm (house rule 1), or it waits
// at the private socket itself, where the others wake it.
func (n *Node) loop(ctx context.Context) {
	defer n.end()
	alarm := lan.NewAlarm(n.cfg.Conn == nil, n.wake)
	defer alarm.Stop()
	defer context.AfterFunc(ctx, n.wake)()
	var armed time.Time // when the alarm rings at the latest, zero: it is not set
	for {
		n.output()
		if n.core.Left() || ctx.Err() != nil {
			return
		}
		// Deadlines move away with every packet that is acknowledged. An alarm that rings too early now and then costs
		// less than to set it each time.
		deadline := n.core.Deadline()
		if !deadline.IsZero() && (armed.IsZero() || deadline.Before(armed)) {
			alarm.Set(time.Until(deadline))
			armed = deadline
		}
		in := n.next(ctx, alarm)
		var now time.Time
		switch {
		case in.command != nil:
			now = time.Now()
			in.command(now)
			for range len(n.inbox) { // what is there already goes into the same turn
				(<-n.inbox)(now)
			}
		case in.batch != nil: // one batch a turn, so that all else has its turn too
			now = time.Now()
			n.core.Receive(now, in.batch.Datagrams)
			in.batch.release()
		case in.rang:
			now, armed = time.Now(), time.Time{}
		case !n.direct.Load():
			return
		default:
			now = n.receive(ctx, n.poller.Read)
		}
		if n.direct.Load() && (in.command != nil || in.batch != nil || in.rang) { // whatever else there is to do, the network has its turn
			now = n.receive(ctx, n.poller.Poll)
		}
		if due(now, deadline) {
			n.core.Advance(now)
		}
	}
}

// input is what others have for the loop.
type input struct {
	command func(now time.Time)
	batch   *arrived
	rang    bool
}

// next waits for an input. If the loop waits at the private socket, it does so only if there is none; otherwise none is the end.
func (n *Node) next(ctx context.Context, alarm *lan.Alarm) (in input) {
	if n.direct.Load() {
		select {
		case in.command = <-n.inbox:
		case in.batch = <-n.arrived:
		case <-alarm.C:
			in.rang = true
		default:
		}
		return in
	}
	select {
	case in.command = <-n.inbox:
	case in.batch = <-n.arrived:
	case <-alarm.C:
		in.rang = true
	case <-ctx.Done():
	}
	return in
}

// wake has the loop look at its inputs, if it waits at the private socket.
func (n *Node) wake() {
	if n.direct.Load() {
		n.poller.Wake()
	}
}

// receive takes what the private socket has. Should reading fail, a reader of its own sees to that from now on.
func (n *Node) receive(ctx context.Context, read func(*lan.Batch) error) time.Time {
	err := read(&n.batch)
	now := time.Now()
	switch {
	case err == nil && len(n.batch.Datagrams) > 0:
		n.core.Receive(now, n.batch.Datagrams)
	case errors.Is(err, os.ErrDeadlineExceeded):
		n.poller.Sleep()
	case err != nil && ctx.Err() == nil:
		n.direct.Store(false)
		n.poller.Sleep()
		n.wg.Add(1)
		go n.read(ctx, n.private)
	}
	return now
}

// output does what the core wants done.
func (n *Node) output() {
	out := n.core.Output()
	if out.Batch != nil {
		n.disk <- out.Batch // never blocks: one batch at a time, and room for one
	}
	if len(out.Sends) > 0 {
		n.private.write(out.Sends, n.failed)
	}
	for _, f := range n.feeds {
		f.put(out.Events)
	}
}

// failed tells the core of a datagram that did not go out.
func (n *Node) failed(d lan.Datagram, err error) {
	n.cfg.Log.Debug("datagram not sent", "to", d.Addr, "size", len(d.Data), "error", err)
	n.core.SendFailed(time.Now(), d, err)
}

// end takes everything down, after the loop.
func (n *Node) end() {
	n.stop()
	close(n.over)
	n.private.close()
	n.shared.close()
	n.wg.Wait()
	_ = n.cfg.Store.Close()
	for _, f := range n.feeds {
		f.end()
	}
	close(n.done)
}

func (n *Node) unfeed(f *feed) {
	n.feeds = slices.DeleteFunc(n.feeds, func(x *feed) bool { return x == f })
}

// store runs batches, one after the other. However long the disk takes, nothing else waits. A store with a method Damage
// tells by it what it finds wrong with its file meanwhile.
func (n *Node) store(ctx context.Context) {
	defer n.wg.Done()
	var damage <-chan error // none where the store does not look for any
	if s, ok := n.cfg.Store.(interface{ Damage() <-chan error }); ok {
		damage = s.Damage()
	}
	for {
		select {
		case err := <-damage:
			n.post(func(time.Time) { n.core.Damaged(err) })
		case b := <-n.disk:
			b.Run(n.cfg.Store)
			if !n.post(func(now time.Time) { n.core.Stored(now, b) }) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// read carries datagrams from a socket to the loop.
func (n *Node) read(ctx context.Context, s *socket) {
	defer n.wg.Done()
	s.read(ctx, n.cfg.Log, n.arrived, n.wake)
}

// watch tells the loop of interfaces that come, go and change, and of a machine that slept.
func (n *Node) watch(ctx context.Context) {
	defer n.wg.Done()
	var changes <-chan struct{} // none where the list is not the system's own
	if n.cfg.ListInterfaces == nil {
		changes = lan.Watch(ctx)
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case _, open := <-changes:
			if !open {
				changes = nil
			}
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		slept := now.Round(0).Sub(last.Round(0))-now.Sub(last) > sleepMark
		last = now
		list, err := n.interfaces()
		n.post(func(now time.Time) {
			n.core.SetInterfaces(now, list, err)
			if slept {
				n.core.Wake(now)
			}
		})
	}
}

// interfaces lists those to use. Where there is none, the error says why each that exists cannot be used.
func (n *Node) interfaces() ([]lan.Interface, error) {
	if n.cfg.ListInterfaces != nil {
		return n.cfg.ListInterfaces(n.cfg.Interfaces)
	}
	list, err := lan.Interfaces(n.cfg.Interfaces)
	if err == nil && len(list) == 0 {
		if reasons, _ := lan.Unusable(n.cfg.Interfaces); len(reasons) > 0 {
			err = errors.New(strings.Join(reasons, "; "))
		}
	}
	return list, err
}
