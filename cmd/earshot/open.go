package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"earshot/discovery/lan"
	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/replica"
	"earshot/protocol/trace"
)

const (
	// openPatience is how long to wait for an instance that is just starting or leaving.
	openPatience = 5 * time.Second
	// startPatience is how long an instance may take from having the profile to answering.
	startPatience = time.Second
	// clientPatience is how long a command that is done lets other commands go on using its node.
	clientPatience = 6 * time.Second
	// closePatience is how long leaving may take.
	closePatience = 3 * time.Second
)

// opened is a chat to use, and the way to end its use.
type opened struct {
	peer.Chat
	profile string
	own     bool // the node is in this process, not in another one
	notes   []string
	trouble []string // what is wrong for as long as it runs
	close   func()
	again   func(context.Context) error // reaches a daemon again that has ended; nil if it is none

	first peer.Feed // has everything since the start
}

// Feed implements peer.Chat. The first one has everything since the start. It is asked for once at a time.
func (n *opened) Feed(ctx context.Context) (peer.Feed, error) {
	if f := n.first; f != nil {
		n.first = nil
		return f, nil
	}
	return n.Chat.Feed(ctx)
}

// open gives a command the profile's chat: a node of its own, or the running instance's.
func (o *options) open(cmd *cobra.Command) (*opened, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	ctx := cmd.Context()
	patience := time.After(openPatience)
	for {
		p, err := lockProfile(o.home, o.profile)
		if err == nil {
			node, err := o.start(ctx, p, roleCommand, clientPatience)
			if err == nil {
				for _, t := range node.trouble {
					fmt.Fprintf(cmd.ErrOrStderr(), "earshot: %s\n", t)
				}
			}
			return node, err
		}
		if !errors.Is(err, errInUse) {
			return nil, err
		}
		r, err := dialControl(o.home, o.profile)
		if err == nil {
			for _, note := range o.inEffect(cmd) {
				fmt.Fprintf(cmd.ErrOrStderr(), "earshot: %s\n", note)
			}
			return &opened{Chat: r, profile: o.profile, close: func() { _ = r.Close() }}, nil
		}
		select {
		case <-time.After(20 * time.Millisecond): // it may be starting, or leaving
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-patience:
			return nil, fmt.Errorf("profile %s is in use by another earshot that does not answer: end it, or take another --profile (%w)", o.profile, err)
		}
	}
}

// inEffect says which flags have no effect on an instance that runs already.
func (o *options) inEffect(cmd *cobra.Command) (notes []string) {
	for _, flag := range []string{"name", "interface", "port", "announce-port", "peer", "trace", "no-history"} {
		if cmd.Flags().Changed(flag) {
			notes = append(notes, fmt.Sprintf("profile %s is open already and used as it is: --%s has no effect", o.profile, flag))
		}
	}
	return notes
}

// openChat gives the screen the daemon of the profile if there is one, and otherwise a node under the first profile
// that is free.
func (o *options) openChat(cmd *cobra.Command) (*opened, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	name := o.profile
	for n := 2; ; n++ {
		p, err := lockProfile(o.home, name)
		if errors.Is(err, errInUse) && name == o.profile {
			if r := o.dialDaemon(cmd.Context()); r != nil {
				notes := append(o.inEffect(cmd), fmt.Sprintf("this is the daemon of profile %s: it goes on when you leave", name))
				again := func(context.Context) error { return o.redialDaemon(r) }
				return &opened{Chat: r, profile: name, notes: notes, close: func() { _ = r.Close() }, again: again}, nil
			}
			p, err = lockProfile(o.home, name) // who had it may have gone meanwhile
		}
		switch {
		case err == nil:
			node, err := o.start(cmd.Context(), p, roleChat, 0)
			if err == nil && name != o.profile {
				node.notes = append(node.notes, fmt.Sprintf("profile %s is open in another earshot: this is profile %s, somebody else to the others", o.profile, name))
			}
			return node, err
		case !errors.Is(err, errInUse) || n > 99:
			return nil, err
		}
		name = nextProfile(o.profile, n)
	}
}

// dialDaemon reaches the daemon that has the profile. It is nil if somebody else has it. One that is just starting, and has
// not said what it is, is waited for.
func (o *options) dialDaemon(ctx context.Context) *peer.Remote {
	for end := time.Now().Add(startPatience); ; {
		path, role, err := readControl(o.home, o.profile)
		if err == nil && role != roleDaemon {
			return nil
		}
		if err == nil {
			if r, err := peer.Dial(path); err == nil {
				return r
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil
		}
		if time.Now().After(end) {
			return nil
		}
	}
}

// redialDaemon tries to reach a daemon again that has ended.
func (o *options) redialDaemon(r *peer.Remote) error {
	path, role, err := readControl(o.home, o.profile)
	if err == nil && role == roleDaemon {
		err = r.Redial(path)
	}
	if errors.Is(err, peer.ErrVersion) {
		return err
	}
	if err != nil || role != roleDaemon {
		return errors.New("the daemon has ended: this screen goes on when it runs again, what you write stays here; /quit ends it")
	}
	return nil
}

// nextProfile is 2, 3 … beside the default profile, and work-2, work-3 … beside work.
func nextProfile(base string, n int) string {
	if _, err := strconv.Atoi(base); err == nil || base == "default" {
		return strconv.Itoa(n)
	}
	return base + "-" + strconv.Itoa(n)
}

// start wires a node of this process and offers it on the control socket, where role says what it is for.
// It releases p when that fails. Closing waits up to patience for commands of other processes that use the node.
func (o *options) start(ctx context.Context, p *profile, role string, patience time.Duration) (_ *opened, err error) {
	var undo []func() // in reverse order
	closeAll := func() {
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
		}
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	undo = append(undo, p.release)
	_ = os.Remove(filepath.Join(p.dir, controlFile)) // of one that crashed: it tells what is no more

	c := peer.Config{
		Network: protocol.OpenNetwork(), Name: o.name, Interfaces: o.interfaces,
		Port: o.port, AnnouncePort: o.announcePort, LocalPorts: p.localPorts,
		Retention: o.retention(), ReadMarks: o.readMarks,
	}
	if c.Identity, err = p.identity(rand.Reader); err != nil {
		return nil, err
	}
	if c.Name == "" || !o.given("name") {
		c.Name = p.nick(o.name)
	}
	var trouble []string
	if c.Peers, err = o.resolve(ctx); err != nil {
		if o.given("peer") || errors.As(err, new(usage)) {
			return nil, err
		}
		trouble = strings.Split(err.Error(), "\n") // one of the settings' need not be there everywhere
	}
	if o.trace != "" {
		f, err := os.OpenFile(o.trace, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // texts are in it
		if err != nil {
			return nil, fmt.Errorf("--trace: %w", err)
		}
		w := trace.NewWriter(f)
		c.Trace = w
		undo = append(undo, func() {
			if err := errors.Join(w.Err(), f.Close()); err != nil {
				fmt.Fprintf(os.Stderr, "earshot: --trace %s: %v\n", o.trace, err)
			}
		})
	}
	if o.noHistory {
		c.Store = replica.NewMemStore()
	} else {
		var why string
		if c.Store, why = p.openStore(); why != "" {
			trouble = append(trouble, why)
		}
		undo = append(undo, func() { _ = c.Store.Close() }) // the node has, if it ever came to that
	}
	if !o.noHistory && len(trouble) == 0 {
		c.Resume = p.takeToken()
	}
	node, first, err := peer.Start(c)
	if errors.Is(err, replica.ErrCorrupt) { // so far inside that only who reads everything finds it
		_ = c.Store.Close()
		c.Store = replica.NewMemStore()
		trouble = append(trouble, notKept(errors.Unwrap(err)))
		node, first, err = peer.Start(c)
	}
	if errors.Is(err, lan.ErrNoInterface) && !o.given("interface") {
		return nil, fmt.Errorf("%w: it is named in %s", err, configPath(o.home))
	}
	if err != nil {
		return nil, err
	}
	undo = append(undo, func() {
		ctx, cancel := context.WithTimeout(context.Background(), closePatience)
		defer cancel()
		if node.Close(ctx) == nil && !o.noHistory && len(trouble) == 0 { // whatever it says, we go
			p.leaveToken(node.Resume())
		}
	})
	undo = append(undo, first.Close)

	n := &opened{Chat: naming{node, p}, profile: p.name, own: true, close: closeAll, first: first, trouble: trouble}
	if o.noHistory {
		n.notes = append(n.notes, inMemory)
	}
	told := noted{n.Chat, trouble}
	if role != roleCommand { // a screen shows it as any trouble; a command says it once
		n.Chat, n.first = told, &notedFeed{first, trouble}
	}
	if stop, err := offer(ctx, told, p, role, patience); err == nil {
		undo = append(undo, stop)
	} else { // the chat itself works without
		n.notes = append(n.notes, fmt.Sprintf("send, listen, peers and ping cannot use this instance: %v", err))
	}
	if forget, err := p.keepPort(node.Port()); err == nil {
		undo = append(undo, forget)
	}
	return n, nil
}

// offer serves chat on the profile's control socket until stop is called.
func offer(ctx context.Context, chat peer.Chat, p *profile, role string, patience time.Duration) (stop func(), err error) {
	l, err := p.listenControl(role)
	if err != nil {
		return nil, err
	}
	serving, cut := context.WithCancel(context.Background())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		peer.ServeControl(serving, l, chat)
	}()
	return func() {
		_ = l.Close() // nobody new
		_ = os.Remove(filepath.Join(p.dir, controlFile))
		select {
		case <-gone:
		case <-time.After(patience):
		case <-ctx.Done():
		}
		cut()
		<-gone
	}, nil
}

// naming is a chat whose name outlives it.
type naming struct {
	peer.Chat
	profile *profile
}

// Rename implements peer.Chat.
func (n naming) Rename(ctx context.Context, name string) error {
	if err := n.Chat.Rename(ctx, name); err != nil {
		return err
	}
	name, err := peer.CleanName(name)
	if err == nil {
		err = n.profile.keepNick(name)
	}
	if err != nil {
		return fmt.Errorf("the name is changed, but will not be kept: %w", err)
	}
	return nil
}

// loginName is the user's login name, as far as it can be a name.
func loginName() string {
	var login string
	if u, err := user.Current(); err == nil {
		login = u.Username
	}
	for _, v := range []string{login, os.Getenv("USER"), os.Getenv("USERNAME")} {
		v = v[strings.LastIndex(v, `\`)+1:] // DOMAIN\user on Windows
		if name, err := peer.CleanName(strings.Join(strings.Fields(v), "-")); err == nil {
			return name
		}
	}
	if host, err := os.Hostname(); err == nil {
		if name, err := peer.CleanName(host); err == nil {
			return name
		}
	}
	return "somebody"
}
